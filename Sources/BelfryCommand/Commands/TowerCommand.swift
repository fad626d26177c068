import ArgumentParser
import Belfry
import Files
import Foundation
import Towers

struct TowerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tower",
        abstract: "Import a trained model, look into it, verify it.",
        discussion: "belfry tower import ~/models/all-MiniLM-L6-v2 --to minilm.tower",
        subcommands: [Import.self, Inspect.self, Check.self])

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a tower of a sentence-transformers folder.",
            discussion: "belfry tower import ~/models/all-MiniLM-L6-v2 --to minilm.tower")

        @Argument(help: "The model's folder, with modules.json, config.json and model.safetensors.") var model: String
        @Option(help: "The tower's directory, to be made.") var to: String
        @Flag(help: "Replace a tower that is there.") var replace = false
        @OptionGroup var output: OutputOptions

        func run() throws {
            let tower = try Tower.importSentenceTransformers(from: model, to: to, replace: replace)
            if output.json {
                Terminal.print(JSON.object(["path": .string(to), "fingerprint": .string(tower.fingerprint)]).text())
            } else {
                Terminal.print("\(to): \(tower.dimension) dimensions, fingerprint \(tower.fingerprint.prefix(12))")
            }
        }
    }

    struct Inspect: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print what a tower is made of.", discussion: "belfry tower inspect minilm.tower")

        @Argument(help: "The tower's directory.") var tower: String
        @OptionGroup var output: OutputOptions

        func run() throws {
            let tower = try Tower.load(tower)
            let inspection = tower.inspection
            if output.json {
                Terminal.print(Self.json(inspection).text())
                return
            }
            Terminal.print("\(tower)")
            Terminal.print("fingerprint \(inspection.fingerprint)")
            var table = Table([.init(title: "tensor"), .init(title: "type"), .init(title: "shape")])
            for tensor in inspection.tensors { table.add([tensor.name, tensor.type, "\(tensor.shape)"]) }
            table.lines(width: Terminal.width).forEach(Terminal.print)
        }

        private static func json(_ inspection: Tower.Inspection) -> JSON {
            let tensors = inspection.tensors.map { tensor in
                JSON.object([
                    "name": .string(tensor.name), "type": .string(tensor.type),
                    "shape": .array(tensor.shape.map { .integer(Int64($0)) }),
                ])
            }
            return .object([
                "fingerprint": .string(inspection.fingerprint), "dimension": .integer(Int64(inspection.dimension)),
                "maximum_tokens": .integer(Int64(inspection.maximumTokens)),
                "parameters": .integer(Int64(inspection.parameters)),
                "modules": .array(inspection.modules.map { .string($0) }), "tensors": .array(tensors),
            ])
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Verify a tower's files and that it still computes its canaries.",
            discussion: "belfry tower check minilm.tower")

        @Argument(help: "The tower's directory.") var tower: String
        @OptionGroup var output: OutputOptions

        func run() throws {
            let problems = Tower.check(tower)
            if output.json {
                let list = JSON.array(problems.map(Failure.json))
                Terminal.print(JSON.object(["ok": .bool(problems.isEmpty), "problems": list]).text())
            } else if problems.isEmpty {
                Terminal.print("ok \(tower)")
            } else {
                for problem in problems { Terminal.print("DAMAGED \(problem)") }
            }
            if let first = problems.first { throw ExitCode(Failure.exitCode(first)) }
        }
    }
}
