import Foundation
import TestSupport
import Testing

/// The program of docs/swift.md is one, as somebody outside of the package would write it, and prints what the page says.
@Suite struct SwiftGuideTests {
    /// The blocks of a page between lines of three backticks, of one kind.
    private static func blocks(_ page: String, _ kind: String) -> [String] {
        var (blocks, open): ([String], [Substring]?) = ([], nil)
        for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("```") {
                if let lines = open { blocks.append(lines.joined(separator: "\n") + "\n") }
                open = open == nil && line == "```\(kind)" ? [] : nil
            } else {
                open?.append(line)
            }
        }
        return blocks
    }

    private static func run(_ words: [String]) throws -> (code: Int32, output: String) {
        let (process, output) = (Process(), Pipe())
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let said = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: said, as: UTF8.self))
    }

    /// Its module is compiled beside the library's, without the package's name: what is not public is not seen.
    @Test func theProgramOfTheGuideIsOne() throws {
        let page = try String(contentsOfFile: TestData.root + "/docs/swift.md", encoding: .utf8)
        let program = try #require(Self.blocks(page, "swift").first)
        try withTemporaryDirectory { folder in
            try program.write(toFile: folder + "/Example.swift", atomically: true, encoding: .utf8)
            let release = URL(fileURLWithPath: BelfryProcess.path).deletingLastPathComponent()
            let scratch = release.deletingLastPathComponent().deletingLastPathComponent()
            let maps =
                ["CGlibc", "CLZ4", "COpenBLAS", "CStemmer", "CZlib"].map { TestData.root + "/Sources/\($0)" }
                + [release.path + "/CKernels.build", scratch.path + "/checkouts/GRDB.swift/Sources/GRDBSQLite"]
            let compiled = try Self.run(
                ["swiftc", "-typecheck", "-parse-as-library", "-swift-version", "6", "-I", release.path + "/Modules"]
                    + maps.flatMap { ["-Xcc", "-fmodule-map-file=\($0)/module.modulemap"] } + [
                        folder + "/Example.swift"
                    ])
            #expect(compiled.code == 0, "\(compiled.output)")
        }
    }
}
