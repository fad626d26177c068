import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Towers

/// Text encoders with int8 weights and several outputs (`Fixtures/make_tiny_int8.py`), against onnxruntime's vectors.
@Suite struct QuantizedEncoderTests {
    static let folder = TinyBert.fixtures + "/tiny-int8"

    private func texts() throws -> [String] {
        let file = Self.folder + "/texts.json"
        let json = try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: file)), source: file)
        return try #require(json["texts"]?.array).map { $0.string! }
    }

    /// A folder of the model and its tokenizer, with a configuration that has `members`, or none.
    private func withFolder(_ name: String, _ members: String? = nil, _ body: (String) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            try FileManager.default.copyItem(
                atPath: Self.folder + "/\(name).onnx", toPath: folder + "/model.onnx")
            try FileManager.default.copyItem(
                atPath: TinyBert.folder + "/tokenizer.json", toPath: folder + "/tokenizer.json")
            // What a saved tokenizer says of the model that it belongs to.
            try Data(#"{"model_max_length": 48}"#.utf8).writeAnew(to: folder + "/tokenizer_config.json")
            if let members {
                let column = """
                    {"input": "input_ids", "field": "text", "type": "text", "length": 48, "mask": "attention_mask"}
                    """
                try Data("{\"format\": 1, \(members)\"columns\": [\(column)]}".utf8).writeAnew(
                    to: folder + "/features.json")
            }
            try body(folder)
        }
    }

    private func difference(_ found: Matrix, _ name: String) throws -> Float {
        let expected = try Npz(Self.folder + "/expected.npz").array(name)
        #expect([found.rows, found.columns] == expected.shape)
        return zip(UnsafeBufferPointer(start: found.pointer, count: found.rows * found.columns), expected.floats())
            .reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    private func importing(_ folder: String, output: String? = nil) throws -> Tower {
        var options = Tower.ImportOptions()
        options.output = output
        return try Tower.importModel(from: folder, to: folder + "/t.tower", options: options)
    }

    /// Beside the token vectors “last_hidden” there is one 2-D output: which is meant must be told.
    @Test func weightsOfBytesBecomeFloats() throws {
        try withFolder("dequantize") { folder in
            let error = #expect(throws: BelfryError.self) { try importing(folder) }
            #expect(error?.message.contains("last_hidden (3-D), 1234 (2-D)") == true, "\(error!)")
            let tower = try importing(folder, output: "1234")
            let graph = try #require(tower.inspection.graph)
            #expect(graph.outputs.map(\.name) == ["1234"] && tower.dimension == 16)
            let worst = try difference(tower.embed(texts()), "dequantize")
            print("tiny-int8 dequantize: max |Δ| \(worst)")
            #expect(worst <= 1e-5 && Tower.check(tower.path).isEmpty)
            for (row, text) in try texts().enumerated() {
                let (alone, all) = (try tower.embed([text]), try tower.embed(texts()))
                #expect(zip(alone[0], all[row]).allSatisfy { abs($0 - $1) <= 1e-5 })
            }
        }
    }

    @Test func ofTwoVectorsTheConfigurationNamesOne() throws {
        try withFolder("cast", "") { folder in
            let error = #expect(throws: BelfryError.self) {
                try Tower.importModel(from: folder, to: folder + "/t.tower")
            }
            #expect(error?.message.contains("last_hidden (3-D), 1234 (2-D), 5 (2-D)") == true, "\(error!)")
        }
        for (members, expected) in [
            (#""output": "1234", "#, "cast"), (#""output": "5", "#, "cast.5"),
            (#""output": "last_hidden", "pooling": "mean", "normalize": true, "#, "cast"),
            (#""output": "last_hidden", "pooling": "cls", "#, "cast.5"),
        ] {
            try withFolder("cast", members) { folder in
                let tower = try Tower.importModel(from: folder, to: folder + "/t.tower")
                let worst = try difference(tower.embed(texts()), expected)
                print("tiny-int8 cast, \(members)max |Δ| \(worst)")
                #expect(worst <= 1e-5 && Tower.check(tower.path).isEmpty)
            }
        }
    }

    /// A text has the same vector alone as among others: the range of its activations is its own.
    ///
    /// Activations that become bytes round otherwise where the last bit of a sum is another one: a step of 1/255 of a
    /// batch's range, which the layers behind carry on. So the tolerance is not that of floats.
    @Test(arguments: ["dynamic", "per-channel"])
    func productsOfIntegers(name: String) throws {
        try withFolder(name) { folder in
            let tower = try importing(folder, output: "1234")
            #expect(try #require(tower.inspection.graph).operators["MatMulInteger"] == 12)
            print("tiny-int8 \(name): \(tower.inspection.rows ?? "rows run together")")
            let all = try tower.embed(texts())
            for (row, text) in try texts().enumerated() { #expect(try tower.embed([text])[0] == all[row]) }
            let worst = try difference(tower.embed(texts()), name)
            print("tiny-int8 \(name): max |Δ| \(worst)")
            #expect(worst <= 2e-3 && Tower.check(tower.path).isEmpty)
        }
        try withFolder(name, #""output": "last_hidden", "pooling": "mean", "normalize": true, "#) { folder in
            let tower = try Tower.importModel(from: folder, to: folder + "/t.tower")
            #expect(try difference(tower.embed(texts()), name) <= 2e-3)
        }
    }
}
