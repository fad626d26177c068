import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Towers

/// Cross-encoders, against sentence-transformers (`Fixtures/make_tiny_rerankers.py`).
@Suite struct RerankerTests {
    static let folder = TinyBert.fixtures + "/tiny-rerankers"

    struct Texts: Decodable {
        let queries, documents: [String]

        init(of folder: String) throws {
            self = try JSONDecoder().decode(
                Texts.self, from: Data(contentsOf: URL(fileURLWithPath: folder + "/texts.json")))
        }
    }

    @Test(arguments: ["bert", "roberta", "xlm-roberta", "mpnet", "distilbert"])
    func scoresAreThoseOfTheLibrary(_ family: String) throws {
        try withTemporaryDirectory { folder in
            let texts = try Texts(of: Self.folder)
            let expected = try Npz(Self.folder + "/expected.npz").array(family)
            try Tower.importModel(from: Self.folder + "/" + family, to: folder + "/r.tower")
            let tower = try Tower.load(folder + "/r.tower")
            #expect(tower.isReranker && !tower.takesTexts && tower.fields.map(\.name) == ["query", "text"])
            #expect(tower.maximumTokens == 40 && Tower.check(tower.path).isEmpty)
            for (number, query) in texts.queries.enumerated() {
                let scores = try tower.scores(of: texts.documents, for: query)
                let first = number * texts.documents.count
                let wanted = expected.doubles(first..<first + texts.documents.count)
                let worst = zip(scores, wanted).map { abs(Double($0) - $1) }.max() ?? .infinity
                #expect(worst < 2e-6, "\(family), query \(number): \(worst)")
                // The same bits alone, on one thread, and as rows.
                #expect(try tower.scores(of: [texts.documents[1]], for: query, threads: 1) == [scores[1]])
                let rows = try tower.embed([["query": .string(query), "text": .string(texts.documents[1])] as JSON])
                #expect(rows[0] == [scores[1]])
            }
        }
    }

    /// What is cut of two texts, as `longest_first` of the tokenizers library does it.
    @Test func theLongerOneIsCut() {
        for limit in 2...12 {
            for query in 0...16 {
                for text in 0...16 {
                    let (first, second) = PairFrame.lengths(query, text, limit: limit)
                    #expect(first + second == min(query + text, limit))
                    #expect(first <= query && second <= text)
                    // Nothing is taken from one as long as the other is longer.
                    if first < query { #expect(first >= second - 1) }
                    if second < text { #expect(second >= first - 1) }
                }
            }
        }
        #expect(PairFrame.lengths(9, 9, limit: 5) == (2, 3))
        #expect(PairFrame.lengths(10, 9, limit: 5) == (3, 2))
    }

    @Test func whatIsNoRerankerIsRefused() throws {
        try withTemporaryDirectory { folder in
            try Tower.importModel(from: TinyBert.folder, to: folder + "/bert.tower")
            let encoder = try Tower.load(folder + "/bert.tower")
            let error = #expect(throws: BelfryError.self) { try encoder.scores(of: ["a"], for: "b") }
            #expect(error?.message.contains("no reranker") == true)
            try Tower.importModel(from: Self.folder + "/bert", to: folder + "/r.tower")
            let reranker = try Tower.load(folder + "/r.tower")
            #expect(throws: BelfryError.self) { try reranker.embed(["a"]) }
            #expect(throws: BelfryError.self) { try reranker.embed(tokens: [[2, 5, 3]]) }
            #expect(throws: BelfryError.self) { try reranker.embed([["query": "a"] as JSON]) }
        }
    }

    /// Folders that an import refuses, each with what it says.
    @Test(arguments: [
        ("config_sentence_transformers.json", "linear.Identity", "activation.GELU", "GELU"),
        ("config_sentence_transformers.json", "\"prompts\": {}", "\"prompts\": {\"query\": \"find: \"}", "prompts"),
        ("sentence_bert_config.json", "sequence-classification", "token-classification", "transformer_task"),
        ("modules.json", "modules.transformer.Transformer", "modules.transformer.Other", "Other"),
        ("config.json", "\"hidden_size\": 16", "\"hidden_size\": 8", "pooler"),
    ])
    func oddFoldersAreRefused(_ file: String, _ old: String, _ new: String, _ said: String) throws {
        try Self.refused(said) { try TinyBert.replace(old, new, in: "\($0)/\(file)") }
    }

    /// A template for pairs that has no token between the two.
    @Test func anOddTemplateIsRefused() throws {
        try Self.refused("template") { copy in
            let file = copy + "/tokenizer.json"
            let json = try String(contentsOfFile: file, encoding: .utf8)
            let start = try #require(json.range(of: "\"pair\""))
            let end = try #require(json.range(of: "\"special_tokens\"", range: start.upperBound..<json.endIndex))
            let pair = #""pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}], "#
            try json.replacingCharacters(in: start.lowerBound..<end.lowerBound, with: pair)
                .write(toFile: file, atomically: true, encoding: .utf8)
        }
    }

    private static func refused(_ said: String, _ change: (_ copy: String) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            let copy = folder + "/model"
            try FileManager.default.copyItem(atPath: Self.folder + "/bert", toPath: copy)
            try change(copy)
            let error = #expect(throws: BelfryError.self) { try Tower.importModel(from: copy, to: folder + "/r.tower") }
            #expect(error?.description.contains(said) == true, "\(error?.description ?? "")")
            #expect(!FileManager.default.fileExists(atPath: folder + "/r.tower"))
        }
    }

    /// Older versions of the library write the transformer's folder alone.
    @Test func aFolderOfAnOlderVersionIsTheSame() throws {
        try withTemporaryDirectory { folder in
            let copy = folder + "/model"
            try FileManager.default.copyItem(atPath: Self.folder + "/bert", toPath: copy)
            for name in ["modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"] {
                try FileManager.default.removeItem(atPath: "\(copy)/\(name)")
            }
            func score(_ name: String) throws -> Float {
                let tower = try Tower.importModel(from: copy, to: "\(folder)/\(name).tower")
                return try tower.scores(of: ["a steel bell"], for: "bell")[0]
            }
            let plain = try score("sigmoid")
            try TinyBert.replace(
                "\"model_type\"",
                "\"sbert_ce_default_activation_function\": \"torch.nn.modules.linear.Identity\", \"model_type\"",
                in: copy + "/config.json")
            let identity = try score("identity")
            #expect(abs(plain - 1 / (1 + exp(-identity))) < 1e-6 && identity < 0)
        }
    }

    /// A head of two classes is no reranker's.
    @Test func twoLabelsAreRefused() throws {
        try withTemporaryDirectory { folder in
            let copy = folder + "/model"
            try FileManager.default.copyItem(atPath: Self.folder + "/distilbert", toPath: copy)
            let weights = try Safetensors(copy + "/model.safetensors")
            var writer = SafetensorsWriter()
            for tensor in weights.tensors {
                let isHead = tensor.name.hasPrefix("classifier.")
                let shape = isHead ? [2] + tensor.shape.dropFirst() : tensor.shape
                let values = try weights.weights(tensor.name, shape: tensor.shape)
                let numbers = Array(UnsafeBufferPointer(start: values.pointer, count: tensor.count))
                writer.add(tensor.name, shape, isHead ? numbers + numbers : numbers)
            }
            try FileManager.default.removeItem(atPath: copy + "/model.safetensors")
            try writer.write(to: copy + "/model.safetensors")
            let error = #expect(throws: BelfryError.self) { try Tower.importModel(from: copy, to: folder + "/r.tower") }
            #expect(error?.message.contains("2 classes") == true)
        }
    }
}
