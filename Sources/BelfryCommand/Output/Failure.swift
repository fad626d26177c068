import Files
import Foundation

/// How an error reaches a person, or with `--json` a program.
enum Failure {
    /// 3 for corrupt data, 1 for any other failure. (2, wrong usage, is the argument parser's.)
    static func exitCode(_ error: BelfryError) -> Int32 { error.code == .corruptData ? 3 : 1 }

    private static var isForPrograms: Bool { CommandLine.arguments.contains("--json") }

    /// Prints an error, or a bad row, to standard error.
    static func report(_ error: BelfryError) {
        var error = error
        if error.code == .corruptData, error.remedy == nil, error.location?.file.contains(".belfry/") == true {
            error.remedy =
                "belfry check names all that is damaged. Build the collection again with --replace, or restore a copy."
        }
        Terminal.note(isForPrograms ? JSON.object(["error": json(error)]).text() : "belfry: \(error.command)")
    }

    /// Prints what the argument parser says about wrong usage.
    static func reportUsage(_ message: String) {
        let error = JSON.object(["code": .string("usage"), "message": .string(message)])
        Terminal.note(isForPrograms ? JSON.object(["error": error]).text() : message)
    }

    static func json(_ error: BelfryError) -> JSON {
        var members: [String: JSON] = ["code": .string(error.code.name), "message": .string(error.message)]
        if let location = error.location {
            members["file"] = .string(location.file)
            members["place"] = location.place.map { .string($0) }
        }
        members["remedy"] = error.remedy.map { .string($0.command) }
        members["cause"] = error.cause.map { .string("\($0)") }
        return .object(members)
    }
}
