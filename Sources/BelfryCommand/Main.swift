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
            belfry tower import ~/models/all-MiniLM-L6-v2 --to minilm.tower
            belfry build Indexes/products
            belfry search Indexes/products "heat resistant gloves"

            Exit codes: 0 all well, 1 failure, 2 wrong usage, 3 corrupt data.
            """,
        subcommands: [
            Build.self, Search.self, Similar.self, Embed.self, TowerCommand.self, Check.self, Stats.self,
        ])
}

@main
enum Main {
    static func main() {
        // A reader that went away (`belfry … | head`) ends the write with an error, not the process with a signal.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try Tool.parseAsRoot()
            try command.run()
        } catch let error as BelfryError {
            Failure.report(error)
            exit(Failure.exitCode(error))
        } catch {
            let isHelp = Tool.exitCode(for: error) == .success
            FileHandle(fileDescriptor: isHelp ? STDOUT_FILENO : STDERR_FILENO).write(
                Data((Tool.fullMessage(for: error) + "\n").utf8))
            exit(isHelp ? 0 : (error as? ExitCode)?.rawValue ?? 2)
        }
    }
}
