import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Towers

/// The whole road against reference figures of all-MiniLM-L6-v2 (PyTorch in float64, HuggingFace tokenizers).
@Suite(
    .serialized,
    .enabled(if: TestData.has(TestData.miniLM, TestData.shared + "/towers/minilm-expected/expected.npz")))
struct MiniLMTests {
    private static let expected = TestData.shared + "/towers/minilm-expected"

    private struct Text: Decodable {
        var category: String
        var text: String
    }

    private func texts() throws -> [String] {
        let data = try System.read(Self.expected + "/texts.json")
        return try JSONDecoder().decode([Text].self, from: data).map(\.text)
    }

    @Test func tokenIDsAreTheReferenceLibrarys() throws {
        let tokenizer = try WordPieceTokenizer(folder: TestData.miniLM)
        let npz = try Npz(Self.expected + "/expected.npz")
        for (name, limit) in [("ids", 256), ("ids512", 512), ("ids_full", Int.max)] {
            let ids = try npz.array(name).integers()
            let offsets = try npz.array(name + "_offsets").integers()
            for (index, text) in try texts().enumerated() {
                let wanted = Array(ids[offsets[index]..<offsets[index + 1]])
                let found = tokenizer.encode(text, limit: limit).map { Int($0) }
                #expect(found == wanted, "\(name), text \(index): \(text.prefix(60).debugDescription)")
            }
        }
    }

    @Test func vectorsAreWithinTwoMillionthsOfFloat64() throws {
        try withTemporaryDirectory { folder in
            let tower = try Tower.importModel(from: TestData.miniLM, to: folder + "/minilm.tower")
            let reference = try Npz(Self.expected + "/expected.npz").array("emb_f64").doubles()
            let texts = try texts()
            let batch = try tower.embed(texts)
            #expect(batch.rows == texts.count && batch.columns == 384)
            var worst = 0.0
            var worstCosine = 0.0
            for (row, text) in texts.enumerated() {
                let alone = try tower.embed([text], threads: 1)[0]
                if InstructionSet.current != .scalar {
                    #expect(alone == batch[row], "text \(row) alone and in a batch")
                }
                let wanted = reference[row * 384..<row * 384 + 384]
                var dot = 0.0
                var square = 0.0
                for (found, wanted) in zip(alone, wanted) {
                    worst = max(worst, abs(Double(found) - wanted))
                    dot += Double(found) * wanted
                    square += Double(found) * Double(found)
                }
                worstCosine = max(worstCosine, 1 - dot / square.squareRoot())
            }
            print("MiniLM: largest difference \(worst), largest 1 - cosine \(worstCosine)")
            #expect(worst <= 2e-6)
            #expect(worstCosine <= 1e-10)
            #expect(Tower.check(tower.path).isEmpty)
            // And as a machine without AVX2 computes it.
            let plain = try Tower(tower.path, tower.manifest, instructionSet: .scalar).embed(texts)
            let off = texts.indices.reduce(0.0) { worst, row in
                zip(plain[row], reference[row * 384..<row * 384 + 384]).reduce(worst) {
                    max($0, abs(Double($1.0) - $1.1))
                }
            }
            print("MiniLM through OpenBLAS: largest difference \(off)")
            #expect(off <= 2e-6)
        }
    }
}
