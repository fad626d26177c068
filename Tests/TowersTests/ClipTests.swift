import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Towers

/// The text and the image tower of a CLIP model, as both of PyTorch's exporters write them
/// (`Fixtures/make_tiny_clip.py`), against PyTorch's vectors.
@Suite struct ClipTests {
    static let folder = TinyBert.fixtures + "/tiny-clip"

    private func texts() throws -> (texts: [String], ids: [[Int32]]) {
        let file = Self.folder + "/texts.json"
        let json = try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: file)), source: file)
        let ids = try #require(json["ids"]?.array).map { row in row.array!.map { Int32($0.integer!) } }
        return (try #require(json["texts"]?.array).map { $0.string! }, ids)
    }

    /// Rows of 3 × 32 × 32 numbers, sixty-fourths in the file.
    private func images() throws -> [JSON] {
        let pixels = try Npz(Self.folder + "/expected.npz").array("pixels")
        let size = 3 * 32 * 32
        return try (0..<pixels.count / size).map { image in
            ["pixels": .array(try pixels.integers(image * size..<(image + 1) * size).map { .number(Double($0) / 64) })]
        }
    }

    private func difference(_ found: Matrix, _ name: String) throws -> Float {
        let expected = try Npz(Self.folder + "/expected.npz").array(name)
        #expect([found.rows, found.columns] == expected.shape)
        return zip(UnsafeBufferPointer(start: found.pointer, count: found.rows * found.columns), expected.floats())
            .reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    private func withTowers(_ kind: String, _ body: (TowerPair) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            let pair = try Tower.importPair(
                query: Self.folder + "/text-\(kind).onnx", item: Self.folder + "/image-\(kind).onnx",
                queryFeatures: Self.folder + "/text.features.json", itemFeatures: Self.folder + "/image.features.json",
                to: folder + "/clip")
            try body(pair)
        }
    }

    @Test(arguments: ["traced", "captured"])
    func textsAndImagesBecomePyTorchsVectors(kind: String) throws {
        try withTowers(kind) { pair in
            let (texts, ids) = try texts()
            for (text, ids) in zip(texts, ids) where ids.count < 20 { #expect(pair.query.tokens(text) == ids) }
            // All in one batch, padded and masked, and each alone.
            let together = try difference(pair.query.embed(texts), "text")
            let alone = try difference(Matrix(texts.map { try pair.query.embed([$0])[0] }), "text")
            let images = try difference(pair.item.embed(images()), "image")
            print("tiny-clip \(kind): max |Δ| text \(together), alone \(alone), image \(images)")
            #expect(max(together, alone, images) <= 2e-6)
            #expect(Tower.check(pair.query.path).isEmpty && Tower.check(pair.item.path).isEmpty)
        }
    }

    @Test func textsAndImagesLieInOneSpace() throws {
        try withTowers("captured") { pair in
            #expect(pair.query.space == pair.item.space && pair.query.dimension == pair.item.dimension)
            #expect(pair.query.maximumTokens == 20 && pair.item.fields.map(\.name) == ["pixels"])
            // The outputs that nobody wants are gone: the vectors of each token and of each patch.
            for tower in [pair.query, pair.item] {
                let graph = try #require(tower.inspection.graph)
                #expect(graph.outputs.map(\.shape) == [["rows", "\(tower.dimension)"]])
            }
        }
    }

    @Test func anImageOfAnotherSizeIsRefused() throws {
        try withTowers("traced") { pair in
            let error = #expect(throws: BelfryError.self) {
                try pair.item.embed([["pixels": .array(Array(repeating: .number(0), count: 3 * 31 * 31))]])
            }
            #expect(error?.message == "The field must have 3072 numbers; it has 2883.")
            #expect(error?.location?.place == "row 0, field pixels")
        }
    }
}
