import Foundation

/// The built `belfry` command, run as people run it.
public enum BelfryProcess {
    /// What a run left behind.
    public struct Outcome: Sendable {
        /// The exit code; for a process that a signal ended, 128 and the signal.
        public let exitCode: Int32
        /// Standard output.
        public let output: String
        /// Standard error.
        public let errors: String
    }

    /// The command, beside the test bundle.
    public static var path: String {
        let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        return bundle.deletingLastPathComponent().appendingPathComponent("belfry").path
    }

    /// Runs `belfry` with `arguments` to its end.
    /// - Parameters:
    ///   - through: a program that runs it, with its arguments.
    ///   - killAfter: ends it with SIGKILL after so many seconds, half an hour where nothing is said.
    public static func run(
        _ arguments: [String], environment: [String: String] = [:], input: String = "", killAfter: Double? = nil,
        through: [String] = []
    ) throws -> Outcome {
        let process = Process()
        let words = through + [path] + arguments
        process.executableURL = URL(fileURLWithPath: words[0])
        process.arguments = Array(words.dropFirst())
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        // Files and not pipes: a full pipe that nobody reads would stop the process.
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("belfry-run-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = ["in", "out", "err"].map { folder.appendingPathComponent($0) }
        for file in files { try Data(file == files[0] ? Data(input.utf8) : Data()).write(to: file) }
        process.standardInput = try FileHandle(forReadingFrom: files[0])
        process.standardOutput = try FileHandle(forWritingTo: files[1])
        process.standardError = try FileHandle(forWritingTo: files[2])
        try process.run()
        // One that would never end fails its test rather than the whole run.
        let deadline = Date(timeIntervalSinceNow: killAfter ?? 1_800)
        while process.isRunning, Date() < deadline { Thread.sleep(forTimeInterval: 0.001) }
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
        let code = process.terminationStatus + (process.terminationReason == .uncaughtSignal ? 128 : 0)
        return Outcome(
            exitCode: code, output: String(decoding: try Data(contentsOf: files[1]), as: UTF8.self),
            errors: String(decoding: try Data(contentsOf: files[2]), as: UTF8.self))
    }
}
