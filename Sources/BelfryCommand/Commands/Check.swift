import ArgumentParser
import Belfry
import Files
import Foundation
import Recipes

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Verify every checksum of a collection.",
        discussion: """
            belfry check Indexes/products

            Names each damaged file with the byte or the table row. Exit code 3 if there is one, 1 if only some file cannot \
            be read. The folder of a recipe with variants stands for all that are built.
            """)

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @OptionGroup var output: OutputOptions

    func run() throws {
        let paths = try RecipeFile.collections(at: collection)
        var findings: [VectorCollection.Finding] = []
        for path in paths {
            let name = paths.count > 1 ? URL(fileURLWithPath: path).lastPathComponent + "/" : ""
            findings += try VectorCollection.check(path).map { .init(name: name + $0.name, problems: $0.problems) }
        }
        let isWell = findings.allSatisfy(\.problems.isEmpty)
        if output.json {
            let files = findings.map { finding in
                JSON.object([
                    "name": .string(finding.name), "problems": .array(finding.problems.map(Failure.json)),
                ])
            }
            Terminal.print(JSON.object(["ok": .bool(isWell), "files": .array(files)]).text())
        } else {
            for finding in findings {
                let word = finding.problems.isEmpty ? "ok     " : finding.isDamaged ? "DAMAGED" : "UNREAD "
                Terminal.print("\(word) \(finding.name)")
                for problem in finding.problems.prefix(10) { Terminal.print("        \(problem.command)") }
                let more = finding.problems.count - 10
                if more > 0 { Terminal.print("        and \(Human.count(more)) more") }
            }
        }
        if !isWell { throw ExitCode(findings.contains(where: \.isDamaged) ? 3 : 1) }
    }
}
