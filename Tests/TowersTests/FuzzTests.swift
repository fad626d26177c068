import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Towers

extension Fuzz {
    /// How many damaged inputs a parser of models is given.
    static let executions = executions(5_000)
}

/// Damaged files of a model's folder: an error that says where, or a tower that works; never a trap.
@Suite struct FuzzTests {
    /// Every file of settings by itself, and what is read of it.
    @Test func settings() throws {
        let readers: [(String, (String) throws(BelfryError) -> Void)] = [
            ("bert/config.json", { (file) throws(BelfryError) in _ = try BertConfiguration(file) }),
            ("mpnet/config.json", { (file) throws(BelfryError) in _ = try BertConfiguration(file) }),
            ("roberta/config.json", { (file) throws(BelfryError) in _ = try BertConfiguration(file) }),
            ("distilbert/config.json", { (file) throws(BelfryError) in _ = try BertConfiguration(file) }),
            (
                "distilbert/1_Pooling/config.json",
                { (file) throws(BelfryError) in _ = try SentenceTransformersFolder.pooling(file) }
            ),
            (
                "bert/2_Dense/config.json",
                { (file) throws(BelfryError) in _ = try SentenceTransformersFolder.dense(file, "x") }
            ),
            (
                "bert/3_LayerNorm/config.json",
                { (file) throws(BelfryError) in _ = try SentenceTransformersFolder.layerNorm(file, "x") }
            ),
            (
                "bert/modules.json",
                { (file) throws(BelfryError) in
                    _ = try SentenceTransformersFolder.entries(file, in: System.parent(of: file))
                }
            ),
        ]
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let file = folder + "/settings.json"
            for (name, read) in readers {
                let original = [UInt8](
                    try Data(contentsOf: URL(fileURLWithPath: TinyFamilies.folder + "/" + name)))
                for _ in 0..<(Fuzz.executions + readers.count - 1) / readers.count {
                    try Data(mutated(original, within: original.count, &random)).writeAnew(to: file)
                    do throws(BelfryError) { try read(file) } catch {
                        #expect(error.location?.file == file, "\(name), \(error), \(random)")
                    }
                }
            }
        }
    }

    /// A whole folder with one damaged file, up to vectors: slow, because a tokenizer is made each time.
    @Test(arguments: ["bert", "mpnet", "distilbert", "static"])
    func folders(family: String) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let model = folder + "/model"
            try TinyFamilies.copy(family, to: model)
            let files = [
                "modules.json", "config.json", "config_sentence_transformers.json", "sentence_bert_config.json",
                "tokenizer_config.json", "1_Pooling/config.json", "2_Dense/config.json", "3_LayerNorm/config.json",
                "model.safetensors", "2_Dense/model.safetensors",
            ].filter { System.exists(model + "/" + $0) }
            for _ in 0..<Fuzz.executions / 50 {
                let file = model + "/" + files.randomElement(using: &random)!
                let original = try Data(contentsOf: URL(fileURLWithPath: file))
                let bytes = mutated([UInt8](original), within: min(original.count, 4000), &random)
                try Data(bytes).writeAnew(to: file)
                do throws(BelfryError) {
                    let source = try TowerSource.read(model)
                    let tower = try Tower(folder + "/t.tower", source.manifest, files: source.towerFiles)
                    _ = try tower.embed(["the bell", ""], as: .query, threads: 1)
                } catch { #expect(error.location?.file.hasPrefix(folder) == true, "\(error), \(random)") }
                try original.writeAnew(to: file)
            }
        }
    }

    @Test func tablesOfStaticEmbeddings() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let path = folder + "/model.safetensors"
            let original = model2vec()
            for _ in 0..<Fuzz.executions {
                try Data(mutated(original, within: 260, &random)).writeAnew(to: path)
                do throws(BelfryError) {
                    let encoder = try StaticEncoder(Safetensors(path))
                    let ids = [0, Int32(encoder.vocabularySize - 1)]
                    _ = encoder.encode(ids, texts: [0..<0, 0..<2], Workspace())
                } catch { #expect(error.location?.file == path, "\(error), \(random)") }
            }
        }
    }

    /// A file in model2vec's layout: 3 rows of bytes, 4 tokens.
    private func model2vec() -> [UInt8] {
        let header =
            "{\"embeddings\":{\"dtype\":\"I8\",\"shape\":[3,4],\"data_offsets\":[0,12]},"
            + "\"mapping\":{\"dtype\":\"I64\",\"shape\":[4],\"data_offsets\":[12,44]},"
            + "\"weights\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[44,60]}}"
        var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init) + Array(header.utf8)
        bytes += (0..<12).map { UInt8(truncatingIfNeeded: 20 * $0) }
        for row in [Int64(2), 0, 1, 2] { bytes += withUnsafeBytes(of: row.littleEndian, Array.init) }
        for weight in [Float(1), 0.5, 2, -1] { bytes += withUnsafeBytes(of: weight, Array.init) }
        return bytes
    }

    @Test func aTableWithAMappingAndWeights() throws {
        try withTemporaryDirectory { folder in
            let path = folder + "/model.safetensors"
            try Data(model2vec()).writeAnew(to: path)
            let encoder = try StaticEncoder(Safetensors(path))
            let workspace = Workspace()
            let rows = encoder.encode([1, 3, 2], texts: [0..<2, 2..<2, 2..<3], workspace)
            // Token 1 is half of row 0, token 3 is row 2 with the sign changed; 20 · 8 and more wrap around as I8.
            let expected: [Float] = [
                (0 + 96) / 2, (10 + 76) / 2, (20 + 56) / 2, (30 + 36) / 2, 0, 0, 0, 0, 160, 200, 240, -232,
            ]
            #expect(withExtendedLifetime(workspace) { (0..<12).map { rows[$0] } } == expected)
            #expect(encoder.vocabularySize == 4 && encoder.size == 4)
        }
    }

    @Test func archivesOfTheUniversalSentenceEncoder() throws {
        var random = SeededGenerator()
        let original = [UInt8](try Data(contentsOf: URL(fileURLWithPath: UseTests.fixtures + "/cut.npz")))
        try withTemporaryDirectory { folder in
            let path = folder + "/weights.npz"
            for _ in 0..<Fuzz.executions {
                try Data(mutated(original, within: original.count, &random)).writeAnew(to: path)
                // It is only the beginning of an archive: whatever was changed, there is an error.
                let error = #expect(throws: BelfryError.self, "\(random)") {
                    try UseWeights(path).write(to: folder + "/out.safetensors")
                }
                #expect(error?.location?.file == path, "\(random)")
            }
            #expect(!System.exists(folder + "/out.safetensors"))
        }
    }
}
