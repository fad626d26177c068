import Files
import Foundation

/// How an error reaches a person, or with `--json` a program.
enum Failure {
    /// 3 for corrupt data, 1 for any other failure. (2, wrong usage, is the argument parser's.)
    static func exitCode(_ error: BelfryError) -> Int32 { error.code == .corruptData ? 3 : 1 }

    static func report(_ error: BelfryError) {
        let text =
            CommandLine.arguments.contains("--json") ? JSON.object(["error": json(error)]).text() : "belfry: \(error)"
        Terminal.note(text)
    }

    static func json(_ error: BelfryError) -> JSON {
        var members: [String: JSON] = ["code": .string(error.code.name), "message": .string(error.message)]
        if let location = error.location {
            members["file"] = .string(location.file)
            members["place"] = location.place.map { .string($0) }
        }
        members["remedy"] = error.remedy.map { .string($0) }
        members["cause"] = error.cause.map { .string("\($0)") }
        return .object(members)
    }
}
