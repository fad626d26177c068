import Testing

/// An arrow points only upwards: a target imports what stands above it in the house, and nothing else of ours or others'.
@Suite struct ImportArrowTests {
    /// What each target may import beside Foundation and what comes with the toolchain.
    static let allowed: [String: Set<String>] = [
        "Files": ["CGlibc", "CKernels", "CZlib", "Crypto"],
        "Vectors": ["CKernels", "COpenBLAS", "Files"],
        "Shards": ["CLZ4", "CKernels", "Files", "Vectors"],
        "Neighbors": ["CKernels", "Files", "Shards", "Vectors"],
        "Towers": ["CStemmer", "CKernels", "Files", "SwiftProtobuf", "Vectors"],
        "Belfry": ["Files", "GRDB", "HashTreeCollections", "Neighbors", "Shards", "Towers", "Vectors"],
        "Recipes": ["Belfry", "CYaml", "Files", "Neighbors", "Shards", "Towers", "Vectors", "Yams"],
        "Charts": ["Files"],
        "Evaluation": ["Belfry", "Charts", "Files", "Neighbors", "Recipes", "Shards", "Towers", "Vectors"],
        "Bench": ["Charts", "Files", "Neighbors", "Shards", "Vectors"],
        "BelfryServer": [
            "Belfry", "Crypto", "Files", "HTTPTypes", "Hummingbird", "HummingbirdCore", "HummingbirdTLS", "Logging",
            "NIOCore", "NIOHTTP1", "NIOSSL", "Shards", "Towers", "UnixSignals", "Vectors",
        ],
        "BelfryCommand": [
            "ArgumentParser", "Belfry", "BelfryServer", "Bench", "Evaluation", "Files", "Logging", "Neighbors",
            "Recipes",
            "Shards", "Towers", "Vectors",
        ],
    ]
    static let toolchain: Set<String> = ["Foundation", "FoundationEssentials", "Synchronization", "Dispatch"]

    @Test(arguments: allowed.keys.sorted())
    func importsOnlyWhatStandsAbove(_ target: String) throws {
        let files = SourceTree.files(of: target)
        #expect(!files.isEmpty, "\(target) has no code")
        for file in files {
            for module in try Self.imports(of: file) where !Self.toolchain.contains(module) {
                #expect(Self.allowed[target]!.contains(module), "\(file) imports \(module)")
            }
        }
    }

    @Test func everyTargetHasItsArrows() throws {
        #expect(Set(SourceTree.targets) == Set(Self.allowed.keys))
    }

    private static func imports(of file: String) throws -> [String] {
        let modifiers: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
        return try SourceTree.code(file).split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ").drop { $0.hasPrefix("@") || modifiers.contains($0) }
            guard words.first == "import", let last = words.last else { return nil }
            return String(last.split(separator: ".")[0])
        }
    }
}
