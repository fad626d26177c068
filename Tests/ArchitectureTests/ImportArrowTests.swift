import Foundation
import TestSupport
import Testing

/// An arrow points only upwards: a target imports what stands above it in the house, and nothing else of ours or others'.
@Suite struct ImportArrowTests {
    /// What each target may import beside Foundation and what comes with the toolchain.
    static let allowed: [String: Set<String>] = [
        "Files": ["CGlibc", "CKernels", "CZlib", "Crypto"],
        "Vectors": ["CKernels", "COpenBLAS", "Files"],
        "Shards": ["CLZ4", "CKernels", "Files", "Vectors"],
        "Neighbors": ["CKernels", "Files", "Shards", "Vectors"],
        "Towers": ["CKernels", "Files", "SwiftProtobuf", "Vectors"],
        "Belfry": ["Files", "GRDB", "Neighbors", "Shards", "Towers", "Vectors"],
        "Recipes": ["Belfry", "CYaml", "Files", "Neighbors", "Shards", "Towers", "Vectors", "Yams"],
        "Charts": ["Files"],
        "Evaluation": ["Belfry", "Charts", "Files", "Neighbors", "Recipes", "Shards", "Towers", "Vectors"],
        "Bench": ["Charts", "Files", "Neighbors", "Shards", "Vectors"],
        "BelfryCommand": [
            "ArgumentParser", "Belfry", "Bench", "Evaluation", "Files", "Neighbors", "Recipes", "Shards", "Towers",
            "Vectors",
        ],
    ]
    static let toolchain: Set<String> = ["Foundation", "FoundationEssentials", "Synchronization", "Dispatch"]

    @Test(arguments: allowed.keys.sorted())
    func importsOnlyWhatStandsAbove(_ target: String) throws {
        let files = try Self.sources(of: target)
        #expect(!files.isEmpty, "\(target) has no code")
        for file in files {
            for module in try Self.imports(of: file) where !Self.toolchain.contains(module) {
                #expect(Self.allowed[target]!.contains(module), "\(file) imports \(module)")
            }
        }
    }

    @Test func everyTargetHasItsArrows() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: TestData.root + "/Sources")
        let swift = folders.filter { folder in (try? Self.sources(of: folder).isEmpty) == false }
        #expect(Set(swift) == Set(Self.allowed.keys))
    }

    private static func sources(of target: String) throws -> [String] {
        let folder = TestData.root + "/Sources/" + target
        return FileManager.default.enumerator(atPath: folder)!.compactMap { $0 as? String }
            .filter { $0.hasSuffix(".swift") }.map { "\(folder)/\($0)" }
    }

    private static func imports(of file: String) throws -> [String] {
        let modifiers: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
        return try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ").drop { $0.hasPrefix("@") || modifiers.contains($0) }
            guard words.first == "import", let last = words.last else { return nil }
            return String(last.split(separator: ".")[0])
        }
    }
}
