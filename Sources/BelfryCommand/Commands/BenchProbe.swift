import ArgumentParser
import Bench
import Files
import Foundation

/// The process in which `bench` measures what a search has in memory. Nobody else calls it.
struct BenchProbe: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-memory", abstract: "Measure what a search has in memory, for bench.", shouldDisplay: false)

    @Argument(help: "What is to be measured, as JSON.") var probe: String

    func run() throws {
        guard let probe = try? JSONDecoder().decode(BenchMemory.self, from: Data(probe.utf8)) else {
            throw ValidationError("This is not what bench asks for.")
        }
        try Terminal.print(String(decoding: JSONEncoder().encode(probe.measure()), as: UTF8.self))
    }

    /// Measures in a process of its own: this program, started again. Nil, with a note, where that does not go.
    static func run(_ probe: BenchMemory) -> BenchMemory.Growth? {
        do {
            let (process, output) = (Process(), Pipe())
            process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            process.arguments = ["bench-memory", String(decoding: try JSONEncoder().encode(probe), as: UTF8.self)]
            process.standardOutput = output
            try process.run()
            let said = output.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return try JSONDecoder().decode(BenchMemory.Growth.self, from: said)
        } catch {
            Terminal.note("belfry: What the search has in memory could not be measured: \(error).")
            return nil
        }
    }
}
