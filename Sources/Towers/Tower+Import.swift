public import Files
import Foundation
import Vectors

extension Tower {
    /// Texts whose vectors are kept to notice a tower, or a processor, that computes something else.
    static let canaries = [
        "", "a", "The bell tower of the old town hall.", "stainless steel hex bolt M8 x 40",
        "How do I find similar products?", "Ein Café in Zürich, naïve façade", "ПРИВЕТ, мир!", "日本語のテキスト",
        "👩‍👩‍👧 emoji and\ttabs\u{0}", "[SEP] [MASK] special-tokens_in 3.14 ≠ π",
        "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
        String(repeating: "a long text about nothing in particular, again and again; ", count: 12),
    ]

    /// Imports a sentence-transformers folder of the BERT family as a tower directory.
    ///
    /// Settings are resolved (the folder's `sentence_bert_config.json` rules the length, not the tokenizer's file),
    /// weights, tokenizer and configuration are copied, and everything is checked before the directory appears.
    /// - Parameters:
    ///   - replace: Whether a tower that is there already is replaced, in one step.
    /// - Throws: `unsupported` with the name of the part that is not done here, `conflict` if `target` exists.
    @discardableResult
    public static func importSentenceTransformers(
        from source: String, to target: String, replace: Bool = false
    ) throws(BelfryError) -> Tower {
        let folder = try SentenceTransformersFolder(source)
        if System.exists(target), !replace {
            throw BelfryError(
                .conflict, "Something is there already.", at: .init(file: target),
                remedy: "Choose another name, or replace it with --replace.")
        }
        if System.exists(target), !System.exists(target + "/" + TowerManifest.name) {
            throw BelfryError(
                .conflict, "What is there is not a tower: it is not replaced.", at: .init(file: target))
        }
        let temporary = target + ".importing-\(ProcessInfo.processInfo.processIdentifier)"
        try System.remove(temporary)
        do throws(BelfryError) {
            try System.createDirectory(temporary)
            try write(folder, to: temporary)
            try System.sync(temporary)
            if System.exists(target) {
                try System.exchange(temporary, target)
                try System.remove(temporary)
            } else {
                try System.rename(temporary, to: target)
            }
            try System.sync(System.parent(of: target))
        } catch {
            try? System.remove(temporary)
            throw error
        }
        return try load(target)
    }

    private static func write(_ folder: SentenceTransformersFolder, to path: String) throws(BelfryError) {
        var manifest = folder.manifest
        for (name, source) in folder.files.sorted(by: { $0.key < $1.key }) {
            let file = try MappedFile(source, access: .sequential)
            let copy = path + "/" + name
            try withExtendedLifetime(file) { () throws(BelfryError) in
                let writer = try FileWriter(copy)
                try writer.write(file.bytes)
                try writer.finish()
            }
            manifest.files[name] = try TowerManifest.File(of: copy)
        }
        manifest.canaries = canaries
        let tower = try Tower(path, manifest)
        let vectors = try tower.embed(canaries)
        let canaryFile = path + "/" + TowerManifest.canaryFile
        let writer = try NpyWriter(canaryFile, columns: tower.dimension)
        for row in 0..<vectors.rows { try writer.append(vectors[row]) }
        try writer.finish()
        manifest.files[TowerManifest.canaryFile] = try TowerManifest.File(of: canaryFile)
        try System.write(Data(manifest.text.utf8), to: path + "/" + TowerManifest.name)
    }
}

extension TowerManifest.File {
    /// The length and digest of the file at `path`.
    init(of path: String) throws(BelfryError) {
        self.init(bytes: try System.fileSize(path), sha256: try Digest.sha256(file: path))
    }
}
