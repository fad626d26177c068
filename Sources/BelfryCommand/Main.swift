import ArgumentParser
import Belfry
import Files
import Foundation

/// The command line: each verb reads its arguments, calls the library, and prints what it says.
struct Tool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "belfry",
        abstract: "Embedding search: a catalogue and a trained model go in, what is similar comes out.",
        discussion: """
            belfry init products.csv
            belfry build .
            belfry search . "heat resistant gloves"

            Exit codes: 0 all well, 1 failure, 2 wrong usage, 3 corrupt data.
            """,
        version: "belfry 0.1.0",
        subcommands: [
            Init.self, Build.self, Plan.self, Create.self, Upsert.self, Delete.self, Write.self, Seen.self, Import.self,
            Export.self,
            IndexFields.self, VectorKinds.self, Reembed.self, Alias.self, Compare.self,
            Search.self, Similar.self, Recommend.self, Count.self, Scroll.self, Embed.self, TowerCommand.self,
            Check.self, Repair.self, Snapshot.self, Restore.self, Stats.self, Explain.self, Audit.self, Evaluate.self,
            Map.self, Serve.self, Token.self, Bench.self, BenchProbe.self,
        ])
}

@main
enum Main {
    static func main() async {
        Terminal.openStandardStreams()
        do {
            let arguments = Array(CommandLine.arguments.dropFirst())
            if let message = Arguments.unknownVerb(arguments) {
                Failure.reportUsage(message)
                exit(2)
            }
            var command = try Tool.parseAsRoot(Arguments.prepared(arguments))
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as BelfryError {
            Failure.report(error)
            exit(Failure.exitCode(error))
        } catch let code as ExitCode {
            exit(code.rawValue)
        } catch  where Tool.exitCode(for: error) == .success {
            Terminal.print(Tool.fullMessage(for: error))
        } catch {
            Failure.reportUsage(Tool.fullMessage(for: error))
            exit(2)
        }
    }
}
