import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Towers

/// Folders of ONNX text encoders: what they say beside the graph is what is done.
@Suite struct GraphFolderTests {
    private typealias B = OnnxBytes

    /// A table of 133 tokens × 4: component c of token t is t + c / 4.
    private static let table = B.tensor("table", (0..<532).map { Float($0) / 4 }, [133, 4])

    private static func graph(
        _ nodes: [[UInt8]], outputs: [[UInt8]], constants: [[UInt8]] = [], inputs: [String] = ["input_ids"],
        width: Int? = nil
    ) -> [UInt8] {
        B.model(
            B.graph(
                nodes: nodes, constants: [table] + constants, inputs: inputs.map { B.value($0, .int64, [nil, width]) },
                outputs: outputs))
    }

    /// Tokens' vectors, and of the first one its tanh.
    private static let twoOutputs = graph(
        [
            B.node("Gather", ["table", "input_ids"], ["last_hidden_state"]),
            B.node("Gather", ["last_hidden_state", "zero"], ["first"], B.int("axis", 1)),
            B.node("Tanh", ["first"], ["pooler_output"]), B.node("Identity", ["input_ids"], ["copy"]),
            B.node("Size", ["input_ids"], ["count"]),
        ],
        outputs: [
            B.value("pooler_output", .float32, [nil, 4]), B.value("copy", .int64, [nil, nil]),
            B.value("last_hidden_state", .float32, [nil, nil, 4]), B.value("count", .int64, []),
        ], constants: [B.tensor("zero", [Int64(0)], [])])

    private static let mean = [
        B.node("Gather", ["table", "input_ids"], ["g"]),
        B.node("ReduceMean", ["g"], ["sentence_embedding"], B.ints("axes", [1]), B.int("keepdims", 0)),
    ]
    private static let vector = [B.value("sentence_embedding", .float32, [nil, 4])]

    private func withFolder(_ model: [UInt8], _ files: [String: String] = [:], _ body: (String) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            let model_ = folder + "/model"
            try System.createDirectory(model_)
            try FileManager.default.copyItem(
                atPath: TinyBert.folder + "/tokenizer.json", toPath: model_ + "/tokenizer.json")
            try TinyBert.replace("\"max_length\": 8", "\"max_length\": 100", in: model_ + "/tokenizer.json")
            var files = files
            if files["no model"] == nil { try Data(model).writeAnew(to: model_ + "/model.onnx") }
            files["no model"] = nil
            for (name, text) in files {
                try FileManager.default.createDirectory(
                    atPath: System.parent(of: model_ + "/" + name), withIntermediateDirectories: true)
                try Data(text.utf8).writeAnew(to: model_ + "/" + name)
            }
            try body(model_)
        }
    }

    private func tower(_ folder: String, _ change: (inout Tower.ImportOptions) -> Void = { _ in }) throws -> Tower {
        var options = Tower.ImportOptions()
        change(&options)
        return try Tower.importModel(from: folder, to: folder + ".tower", options: options)
    }

    /// The mean of the table's rows for these tokens.
    private func mean(_ ids: some Collection<Int32>) -> [Float] {
        let sum = ids.reduce(Float(0)) { $0 + Float($1) } / Float(ids.count)
        return (0..<4).map { sum + Float($0) / 4 }
    }

    private func ids(_ text: String, limit: Int = .max) throws -> [Int32] {
        try Tokenizers.load(folder: TinyBert.folder).encode(text, limit: limit)
    }

    private static let text = "the bell of the steel tower"

    @Test func theFolderSaysWhichOutputAndHow() throws {
        let pooling = ["1_Pooling/config.json": #"{"word_embedding_dimension": 4, "pooling_mode_mean_tokens": true}"#]
        try withFolder(Self.twoOutputs, pooling) { folder in
            let tower = try tower(folder)
            #expect(tower.inspection.graph?.outputs.map(\.name) == ["last_hidden_state"])
            #expect(try tower.embed([Self.text])[0] == mean(ids(Self.text)))
        }
        try withFolder(Self.twoOutputs) { folder in
            let error = #expect(throws: BelfryError.self) { try tower(folder) }
            #expect(error?.message.contains(": pooler_output (2-D), last_hidden_state (3-D).") == true, "\(error!)")
            #expect(error?.remedy?.actions == [.setting(.output), .setting(.pooling)])
            let told = try tower(folder) { $0.pooling = [.mean] }
            #expect(try told.embed([Self.text])[0] == mean(ids(Self.text)))
            try System.remove(told.path)
            let first = try tower(folder) { ($0.output, $0.normalizes) = ("pooler_output", true) }
            #expect(first.manifest.modules == [.normalize])
        }
    }

    @Test func aSentenceTransformersFolderMayHoldAGraph() throws {
        let modules = #"""
            [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
             {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
             {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]
            """#
        let files = [
            "modules.json": modules, "no model": "", "1_Pooling/config.json": #"{"pooling_mode": "mean"}"#,
            "sentence_bert_config.json": #"{"max_seq_length": 5}"#, "config.json": #"{"model_type": "bert"}"#,
            "config_sentence_transformers.json": #"{"prompts": {"query": "find "}, "similarity_fn_name": "cosine"}"#,
        ]
        try withFolder([], files) { folder in
            let missing = #expect(throws: BelfryError.self) { try tower(folder) }
            #expect(missing?.message.contains("model.safetensors is missing") == true)
            try System.createDirectory(folder + "/onnx")
            let small = Self.graph(
                [B.node("Gather", ["table", "input_ids"], ["token_embeddings"])],
                outputs: [B.value("token_embeddings", .float32, [nil, nil, 4])])
            try Data(small).writeAnew(to: folder + "/onnx/model_quantized.onnx")
            let variant = #expect(throws: BelfryError.self) { try tower(folder) }
            #expect(variant?.remedy?.contains("“graph” onnx/model_quantized.onnx") == true, "\(variant!)")
            let named = try tower(folder) { $0.graph = "onnx/model_quantized.onnx" }
            let all = mean(try ids("find " + Self.text, limit: 5))
            let length = all.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let found = try named.embed([Self.text], as: .query)[0]
            #expect(zip(found, all).allSatisfy { abs($0 - $1 / length) < 1e-6 })
            #expect(named.maximumTokens == 5)
            try System.remove(named.path)
            // Its own file names the folder as well; and the usual name needs no option.
            let byFile = try Tower.importModel(from: folder + "/onnx/model_quantized.onnx", to: folder + ".tower")
            #expect(byFile.fingerprint == named.fingerprint)
            try System.remove(byFile.path)
            try System.rename(folder + "/onnx/model_quantized.onnx", to: folder + "/onnx/model.onnx")
            #expect(try tower(folder).fingerprint == named.fingerprint)
            let refused = #expect(throws: BelfryError.self) {
                _ = try TowerSource.read(
                    folder,
                    {
                        var o = Tower.ImportOptions(); o.pooling = [.cls]; return o
                    }())
            }
            #expect(refused?.message.contains("own modules") == true)
        }
    }

    /// Where all modules are in the graph already, they are not done again.
    @Test func aSentenceEmbeddingIsWhole() throws {
        let pooling = ["1_Pooling/config.json": #"{"pooling_mode": "cls"}"#]
        try withFolder(Self.graph(Self.mean, outputs: Self.vector), pooling) { folder in
            let tower = try tower(folder)
            #expect(tower.manifest.modules.isEmpty)
            #expect(try tower.embed([Self.text])[0] == mean(ids(Self.text)))
        }
    }

    @Test func fixedLengthsArePaddedWithTheModelsId() throws {
        let graph = Self.graph(Self.mean, outputs: Self.vector, width: 12)
        func expect(_ files: [String: String], _ padding: Int32, left: Bool = false) throws {
            try withFolder(graph, files) { folder in
                let tower = try tower(folder)
                var wanted = try ids("a bell", limit: 12)
                let pad = [Int32](repeating: padding, count: 12 - wanted.count)
                wanted = left ? pad + wanted : wanted + pad
                #expect(try tower.embed(["a bell"])[0] == mean(wanted))
            }
        }
        try expect(["config.json": #"{"pad_token_id": 7}"#], 7)
        let mask = try #require(try ids("[MASK]").dropFirst().first)
        try expect(
            ["tokenizer_config.json": #"{"pad_token": "[MASK]"}"#, "config.json": #"{"pad_token_id": 7}"#], mask)
        try expect(
            ["tokenizer_config.json": #"{"pad_token": {"content": "[MASK]"}, "padding_side": "left"}"#], mask,
            left: true)
        // A limit below the graph's own width cuts, and the rest is padding.
        try withFolder(
            graph, ["sentence_bert_config.json": #"{"max_seq_length": 4}"#, "config.json": #"{"pad_token_id": 9}"#]
        ) { folder in
            let found = try tower(folder).embed([Self.text])[0]
            #expect(try found == mean(ids(Self.text, limit: 4) + [Int32](repeating: 9, count: 8)))
        }
    }

    @Test func positionsAreCountedAndEnd() throws {
        let nodes = [
            B.node("Gather", ["table", "input_ids"], ["a"]), B.node("Gather", ["places", "position_ids"], ["b"]),
            B.node("Add", ["a", "b"], ["g"]),
            B.node("ReduceMean", ["g"], ["sentence_embedding"], B.ints("axes", [1]), B.int("keepdims", 0)),
        ]
        let places = B.tensor("places", (0..<80).map { Float($0 / 4) * 1000 }, [20, 4])
        let graph = Self.graph(
            nodes, outputs: Self.vector, constants: [places], inputs: ["input_ids", "position_ids"])
        for (files, first, limit) in [
            (["config.json": #"{"text_config": {"max_position_embeddings": 20}}"#], 0, 20),
            (["config.json": #"{"model_type": "roberta", "max_position_embeddings": 20, "pad_token_id": 1}"#], 2, 18),
        ] {
            try withFolder(graph, files) { folder in
                let tower = try tower(folder)
                let long = String(repeating: "bell ", count: 60)
                #expect(tower.maximumTokens == limit)
                let found = try tower.embed([long, "bell"])
                for (row, text) in [long, "bell"].enumerated() {
                    let tokens = try ids(text, limit: limit)
                    let place = Float(tokens.indices.reduce(0) { $0 + $1 + first }) / Float(tokens.count) * 1000
                    #expect(zip(found[row], mean(tokens)).allSatisfy { abs($0 - $1 - place) < 0.01 })
                }
            }
        }
        // Nothing but the tokenizer's own file says it.
        try withFolder(Self.graph(Self.mean, outputs: Self.vector)) { folder in
            try TinyBert.replace("\"max_length\": 100", "\"max_length\": 9", in: folder + "/tokenizer.json")
            #expect(try tower(folder).maximumTokens == 9)
            try System.remove(folder + ".tower")
            #expect(try tower(folder) { $0.maximumTokens = 6 }.maximumTokens == 6)
        }
    }

    @Test func emptyListsAndListsOfAllRowsAreRefused() throws {
        let mean = [
            B.node("Gather", ["table", "items"], ["g"]),
            B.node("ReduceMean", ["g"], ["y"], B.ints("axes", [1]), B.int("keepdims", 0)),
        ]
        let output = [B.value("y", .float32, [nil, 4])]
        try withFolder(Self.graph(mean, outputs: output, inputs: ["items"])) { folder in
            let tower = try tower(folder)
            #expect(try tower.embed([["items": [1, 2]]] as [JSON])[0] == [1.5, 1.75, 2, 2.25])
            let error = #expect(throws: BelfryError.self) {
                try tower.embed([["items": [1]], ["items": []]] as [JSON])
            }
            #expect(error?.location?.place == "row 1, field items", "\(error!)")
        }
        let list =
            #"{"format": 1, "columns": [{"input": "items", "type": "list", "length": 4, "lookup": {"rows": 9}PAD}]}"#
        for (padding, isRefused) in [("", true), (#", "padding": 3"#, false)] {
            let features = list.replacingOccurrences(of: "PAD", with: padding)
            try withFolder(Self.graph(mean, outputs: output, inputs: ["items"]), ["features.json": features]) {
                folder in
                let tower = try tower(folder)
                let found = try? tower.embed([["items": []]] as [JSON])[0]
                #expect(isRefused ? found == nil : found == [3, 3.25, 3.5, 3.75])
            }
        }
        let bag = B.model(
            B.graph(
                nodes: [B.node("Gather", ["table", "ids"], ["g"]), B.node("Gather", ["g", "offsets"], ["y"])],
                constants: [Self.table], inputs: [B.value("ids", .int64, [nil]), B.value("offsets", .int64, [nil])],
                outputs: output))
        try withFolder(bag) { folder in
            let error = #expect(throws: BelfryError.self) { try tower(folder) }
            #expect(error?.message.contains("the offsets where each row begins") == true, "\(error!)")
            #expect(!"\(error!)".contains(".importing-"))
        }
    }
}
