import ArgumentParser
import Files
import Foundation

/// Options that every verb has.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON for programs; errors go to standard error as JSON, too.")
    var json = false
}

/// Options of verbs that compute.
struct ThreadOptions: ParsableArguments {
    @Option(help: "How many threads work.")
    var threads = ProcessInfo.processInfo.activeProcessorCount

    func validate() throws {
        guard (1...1024).contains(threads) else { throw ValidationError("--threads must be between 1 and 1024.") }
    }
}

/// A duration, a count or a size as people write it.
enum Human {
    static func count(_ number: Int) -> String { ProgressLine.grouped(number) }

    /// The nearest whole number: a figure of a file may be anything.
    static func count(_ number: Double) -> String { ProgressLine.grouped(number) }

    static func duration(_ duration: Duration) -> String { ProgressLine.duration(duration / .seconds(1)) }

    /// `1 point`, `2 points`.
    static func count(_ number: Int, _ what: String, _ several: String? = nil) -> String {
        "\(count(number)) \(number == 1 ? what : several ?? what + "s")"
    }

    /// A recall, as `0.95` or `0.9968`.
    static func share(_ share: Double) -> String {
        let text = String(format: "%.4f", share)
        return String(text.reversed().drop { $0 == "0" }.reversed()).appending(share == share.rounded() ? "0" : "")
    }

    static func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }

    static func milliseconds(_ milliseconds: Double) -> String { String(format: "%.2f ms", milliseconds) }

    static func bytes(_ bytes: Int) -> String { ProgressLine.bytes(Double(bytes)) }

    static func bytes(_ bytes: Double) -> String { ProgressLine.bytes(bytes) }
}
