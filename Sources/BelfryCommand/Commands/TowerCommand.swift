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
            abstract: "Make a tower of a trained model, or a pair of towers of two.",
            discussion: """
                belfry tower import ~/models/all-MiniLM-L6-v2 --to minilm.tower
                belfry tower import encoder.onnx --features features.json --to encoder.tower
                belfry tower import user.onnx --features user.json --pair movie.onnx --pair-features movie.json --to movielens
                belfry tower import gru4rec.onnx --features session.json --session --to sessions
                belfry tower import ~/models/e5 --graph onnx/model_quantized.onnx --to e5.tower
                belfry tower import encoder.onnx --pooling mean --normalize --max-length 256 --to encoder.tower

                A pair is a directory with query.tower and item.tower. With --session, the item tower is the output layer \
                of the query's model, which the configuration names as "items". A model with routes for queries and \
                documents becomes a pair of both.
                """)

        @Argument(help: "The model: a sentence-transformers folder, an .onnx file, or a folder that holds one.")
        var model: String
        @Option(help: "The tower's directory, to be made.") var to: String
        @Option(help: "The feature columns of an ONNX model (default: features.json beside it).") var features: String?
        @Option(help: "The ONNX file to take of the model's folder, as onnx/model_quantized.onnx.") var graph: String?
        @Option(help: "The output of an ONNX model that is the vector, or the tokens' vectors.") var output: String?
        @Option(
            help: ArgumentHelp(
                "How tokens' vectors become a text's, if no file of the model says it: "
                    + "\(Pooling.allCases.map(\.rawValue).joined(separator: ", "))."))
        var pooling: String?
        @Flag(help: "Divide vectors by their length, if no file of the model says it.") var normalize = false
        @Option(help: "The most tokens of a text (default: what the model's files say).") var maxLength: Int?
        @Option(help: "The route to take of a model that has several: query or document.") var route: String?
        @Option(help: "The model of the item tower: both become a pair, and MODEL is its query tower.") var pair:
            String?
        @Option(help: "The feature columns of the item tower.") var pairFeatures: String?
        @Flag(help: "Make a pair of a session model and its output layer.") var session = false
        @Option(help: "Keep so many components of a vector, the first ones.") var dimension: Int?
        @Flag(help: "Keep them even if nothing says that the model was trained for it.") var force = false
        @Flag(help: "Replace a tower that is there.") var replace = false
        @OptionGroup var format: OutputOptions

        func validate() throws {
            if let pooling, Pooling(rawValue: pooling) == nil {
                let known = Pooling.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--pooling must be one of \(known); it is “\(pooling)”.")
            }
            if let maxLength, maxLength < 1 { throw ValidationError("--max-length must be at least 1.") }
            if session, isTold { throw ValidationError("A session model is described by its configuration alone.") }
            if pair != nil, session { throw ValidationError("A session model is its own pair: --pair or --session.") }
            if pairFeatures != nil, pair == nil { throw ValidationError("--pair-features needs --pair.") }
            if dimension != nil, pair != nil || session {
                throw ValidationError("The towers of a pair are cut by \"cut\" in both configurations.")
            }
        }

        /// Whether anything is told that the model's files may say.
        private var isTold: Bool {
            graph != nil || output != nil || pooling != nil || normalize || maxLength != nil || route != nil
        }

        private var options: Tower.ImportOptions {
            var options = Tower.ImportOptions()
            (options.graph, options.output, options.normalizes) = (graph, output, normalize)
            options.pooling = pooling.flatMap(Pooling.init).map { [$0] } ?? []
            (options.maximumTokens, options.route) = (maxLength, route)
            return options
        }

        func run() throws {
            let hasRoutes = try pair == nil && !session && route == nil && Tower.hasRoutes(model)
            guard pair != nil || session || hasRoutes else {
                let tower = try Tower.importModel(
                    from: model, to: to, replace: replace, dimension: dimension, force: force, features: features,
                    options: options, note: Terminal.note)
                return show([tower])
            }
            if hasRoutes, dimension != nil {
                throw ValidationError("A pair is not cut. Import one route of the model with --route.")
            }
            let towers = try Tower.importPair(
                query: model, item: hasRoutes ? model : pair, queryFeatures: features, itemFeatures: pairFeatures,
                to: to, replace: replace, options: options, note: Terminal.note)
            show([towers.query, towers.item])
        }

        private func show(_ towers: [Tower]) {
            for tower in towers {
                if format.json {
                    let members: [String: JSON] = [
                        "path": .string(tower.path), "fingerprint": .string(tower.fingerprint),
                        "space": .string(tower.space),
                    ]
                    Terminal.print(JSON.object(members).text())
                } else {
                    Terminal.print(
                        "\(tower.path): \(tower.dimension) dimensions, fingerprint \(tower.fingerprint.prefix(12))"
                            + (towers.count > 1 ? ", space \(tower.space.prefix(12))" : ""))
                }
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
                Terminal.print(Self.json(inspection, tower).text())
                return
            }
            Terminal.print("\(tower)")
            Terminal.print("fingerprint \(inspection.fingerprint)")
            if let role = tower.role { Terminal.print("\(role.rawValue) tower of the space \(tower.space)") }
            if let rows = inspection.rows { Terminal.print("rows: \(rows)") }
            if let graph = inspection.graph { Self.show(graph, tower.fields) }
            guard !inspection.tensors.isEmpty else { return }
            var table = Table([.init(title: "tensor"), .init(title: "type"), .init(title: "shape")])
            for tensor in inspection.tensors { table.add([tensor.name, tensor.type, "\(tensor.shape)"]) }
            table.lines(width: Terminal.width).forEach(Terminal.print)
        }

        private static func show(_ graph: GraphInspection, _ fields: [TowerField]) {
            let sets = graph.operatorSets.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            Terminal.print("operator sets: " + sets.joined(separator: ", "))
            let operators = graph.operators.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            Terminal.print("operators: " + operators.map { "\($0.value) \($0.key)" }.joined(separator: ", "))
            var ports = Table([.init(title: "port"), .init(title: "type"), .init(title: "shape")])
            for port in graph.inputs { ports.add(["→ " + port.name, port.type, port.shape.joined(separator: " × ")]) }
            for port in graph.outputs { ports.add([port.name + " →", port.type, port.shape.joined(separator: " × ")]) }
            ports.lines(width: Terminal.width).forEach(Terminal.print)
            var table = Table([.init(title: "field"), .init(title: "type", shrinks: true), .init(title: "")])
            for field in fields {
                table.add([field.name, "\(field.type)", field.isRequired ? "required" : "optional"])
            }
            table.lines(width: Terminal.width).forEach(Terminal.print)
        }

        private static func json(_ graph: GraphInspection) -> JSON {
            func ports(_ ports: [GraphInspection.Port]) -> JSON {
                .array(
                    ports.map { port in
                        [
                            "name": .string(port.name), "type": .string(port.type),
                            "shape": .array(port.shape.map { .string($0) }),
                        ]
                    })
            }
            return [
                "inputs": ports(graph.inputs), "outputs": ports(graph.outputs),
                "operator_sets": .object(graph.operatorSets.mapValues { .integer(Int64($0)) }),
                "operators": .object(graph.operators.mapValues { .integer(Int64($0)) }),
            ]
        }

        private static func json(_ inspection: Tower.Inspection, _ tower: Tower) -> JSON {
            let fields = tower.fields.map { field -> JSON in
                ["name": .string(field.name), "type": .string("\(field.type)"), "required": .bool(field.isRequired)]
            }
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
                "fields": .array(fields), "space": .string(tower.space),
                "graph": inspection.graph.map(Self.json) ?? .null,
                "rows": .string(tower.manifest.rows.rawValue), "row_ranges": .bool(tower.manifest.rangesPerRow),
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
            let problems = TowerPair.check(tower)
            if output.json {
                let list = JSON.array(problems.map(Failure.json))
                Terminal.print(JSON.object(["ok": .bool(problems.isEmpty), "problems": list]).text())
            } else if problems.isEmpty {
                Terminal.print("ok \(tower)")
            } else {
                for problem in problems { Terminal.print("DAMAGED \(problem.command)") }
            }
            if let first = problems.first { throw ExitCode(Failure.exitCode(first)) }
        }
    }
}
