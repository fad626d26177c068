import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Towers

/// Settings of sentence-transformers, version 2 to 5: each is obeyed, known to be harmless, or refused by name.
@Suite struct ImportSettingsTests {
    private func withModel(_ files: [String: String?], _ body: (String) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            let model = folder + "/model"
            try TinyBert.copy(to: model)
            for (name, text) in files {
                try? System.remove(model + "/" + name)
                if let text { try Data(text.utf8).write(to: URL(fileURLWithPath: model + "/" + name)) }
            }
            try body(model)
        }
    }

    private func tokens(_ files: [String: String?], _ options: Tower.ImportOptions = .init()) throws -> Int {
        var tokens = 0
        try withModel(files) { tokens = try TowerSource.read($0, options).manifest.maximumTokens }
        return tokens
    }

    private static let own = "sentence_bert_config.json"

    @Test func theLengthIsThatOfWhicheverFileSaysIt() throws {
        for name in ["roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"] {
            #expect(try tokens([Self.own: nil, "sentence_\(name)_config.json": #"{"max_seq_length": 17}"#]) == 17)
        }
        // The first that says anything rules.
        #expect(try tokens([Self.own: "{}", "sentence_albert_config.json": #"{"max_seq_length": 9}"#]) == 9)
        #expect(try tokens(["sentence_albert_config.json": #"{"max_seq_length": 9}"#]) == 24)
        for text in [
            #"{"tokenizer_args": {"model_max_length": 11}}"#, #"{"processor_kwargs": {"model_max_length": 11}}"#,
            #"{"max_seq_length": 20, "processing_kwargs": {"text": {"max_length": 11}}}"#,
            #"{"processing_kwargs": {"common": {"max_length": 11, "padding": true}}}"#,
        ] { #expect(try tokens([Self.own: text]) == 11, "\(text)") }
        #expect(try tokens([Self.own: nil, "tokenizer_config.json": #"{"model_max_length": 13}"#]) == 13)
        var options = Tower.ImportOptions()
        options.maximumTokens = 7
        #expect(try tokens([:], options) == 7)
        options.maximumTokens = 4000
        #expect(throws: BelfryError.self) { try tokens([:], options) }
    }

    @Test(arguments: [
        ("sentence_bert_config.json", #"{"config_args": {"num_hidden_layers": 1}}"#, "config_args.num_hidden_layers"),
        ("sentence_bert_config.json", #"{"config_kwargs": {"hidden_act": "relu"}}"#, "config_kwargs.hidden_act"),
        ("sentence_bert_config.json", #"{"model_args": {"torch_dtype": "float16"}}"#, "model_args.torch_dtype"),
        ("sentence_bert_config.json", #"{"model_kwargs": {"attn_bias": 1}}"#, "model_kwargs.attn_bias"),
        ("sentence_bert_config.json", #"{"tokenizer_args": {"truncation_side": "left"}}"#, "truncation_side"),
        ("sentence_bert_config.json", #"{"processor_kwargs": {"strip_accents": true}}"#, "strip_accents"),
        (
            "sentence_bert_config.json", #"{"tokenizer_args": {"model_max_length": 9}, "max_seq_length": 8}"#,
            "model_max"
        ),
        (
            "sentence_bert_config.json", #"{"processing_kwargs": {"text": {"stride": 4}}}"#,
            "processing_kwargs.text.stride"
        ),
        ("sentence_bert_config.json", #"{"processing_kwargs": {"text": {"truncation": false}}}"#, "truncation"),
        ("sentence_bert_config.json", #"{"query_length": 32}"#, "query_length"),
        ("sentence_bert_config.json", #"{"query_expansion": {"length": 32}}"#, "query_expansion"),
        ("sentence_bert_config.json", #"{"tokenizer_name_or_path": "other"}"#, "tokenizer_name_or_path"),
        ("sentence_bert_config.json", #"{"module_output_name": "sentence_embedding"}"#, "module_output_name"),
        ("sentence_bert_config.json", #"{"transformer_task": "fill-mask"}"#, "transformer_task"),
        ("sentence_bert_config.json", #"{"something_new": 1}"#, "something_new"),
        ("tokenizer_config.json", #"{"tokenizer_class": "BertTokenizer", "do_lower_case": false}"#, "do_lower_case"),
        ("tokenizer_config.json", #"{"split_special_tokens": true}"#, "split_special_tokens"),
        ("tokenizer_config.json", #"{"truncation_side": "left"}"#, "truncation_side"),
        ("config_sentence_transformers.json", #"{"model_type": "SparseEncoder"}"#, "SparseEncoder"),
        ("config_sentence_transformers.json", #"{"whitening": [1]}"#, "whitening"),
        ("1_Pooling/config.json", #"{"pooling_mode": "mean", "token_weights": true}"#, "token_weights"),
        ("1_Pooling/config.json", #"{"pooling_mode": "attention"}"#, "attention"),
    ])
    func whatIsNotDoneIsRefusedByName(file: String, text: String, name: String) throws {
        try withModel([file: text]) { model in
            let error = #expect(throws: BelfryError.self) { try TowerSource.read(model) }
            #expect("\(error!)".contains(name), "\(error!)")
            #expect(error?.location?.file == model + "/" + file)
        }
    }

    @Test func whatIsHarmlessIsPassedOver() throws {
        let harmless = #"""
            {"max_seq_length": 24, "do_lower_case": false, "unpad_inputs": true, "query_length": null,
             "model_args": {"trust_remote_code": true, "torch_dtype": "float32", "attn_implementation": "sdpa"},
             "tokenizer_args": {"padding_side": "left", "use_fast": true}, "config_args": {},
             "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
             "module_output_name": "token_embeddings", "transformer_task": "feature-extraction"}
            """#
        #expect(try tokens([Self.own: harmless, "tokenizer_config.json": #"{"do_lower_case": true, "x": 1}"#]) == 24)
    }

    @Test func modulesOfOtherCodeAreNotTheLibrarys() throws {
        for type in ["my_custom_st.Transformer", "Transformer", "sentence_transformers_x.models.Transformer"] {
            try withModel([:]) { model in
                try TinyBert.replace("sentence_transformers.models.Transformer", type, in: model + "/modules.json")
                let error = #expect(throws: BelfryError.self) { try TowerSource.read(model) }
                #expect(error?.message.contains("“\(type)”") == true, "\(error!)")
            }
        }
        for type in [
            "sentence_transformers.models.Transformer.Transformer", "sentence_transformers.base.modules.Transformer",
        ] {
            try withModel([:]) { model in
                try TinyBert.replace("sentence_transformers.models.Transformer", type, in: model + "/modules.json")
                #expect(try TowerSource.read(model).manifest.maximumTokens == 24)
            }
        }
    }

    @Test func weightsInSeveralFilesBecomeOne() throws {
        try withModel([:]) { model in
            let whole = try Tower.importModel(from: model, to: model + ".whole")
            let file = try Safetensors(model + "/model.safetensors")
            var parts = [SafetensorsWriter(), SafetensorsWriter()]
            var map: [String: JSON] = [:]
            for (index, tensor) in file.tensors.enumerated() where tensor.type == "F32" {
                let weights = try file.weights(tensor.name, shape: tensor.shape)
                let values = Array(UnsafeBufferPointer(start: weights.pointer, count: weights.count))
                parts[index % 2].add(tensor.name, tensor.shape, values)
                map[tensor.name] = .string("model-0000\(index % 2 + 1)-of-00002.safetensors")
            }
            for part in 0..<2 { try parts[part].write(to: model + "/model-0000\(part + 1)-of-00002.safetensors") }
            try System.remove(model + "/model.safetensors")
            let index = JSON.object(["metadata": [:], "weight_map": .object(map)]).text()
            try Data(index.utf8).write(to: URL(fileURLWithPath: model + "/model.safetensors.index.json"))
            let tower = try Tower.importModel(from: model, to: model + ".parts")
            let texts = try TinyBert.texts().map(\.text)
            let (one, other) = (try whole.embed(texts), try tower.embed(texts))
            for row in texts.indices { #expect(one[row] == other[row]) }
            #expect(Tower.check(tower.path).isEmpty)
            try System.remove(model + "/model-00002-of-00002.safetensors")
            let error = #expect(throws: BelfryError.self) { try TowerSource.read(model) }
            #expect(error?.message.contains("model-00002-of-00002.safetensors") == true, "\(error!)")
        }
    }

    @Test func aRouterIsAPairOfItsRoutes() throws {
        try withTemporaryDirectory { folder in
            let model = folder + "/model"
            try System.createDirectory(model)
            for route in ["query", "document"] {
                try TinyBert.copy(to: "\(model)/\(route)_0_Transformer")
                try FileManager.default.moveItem(
                    atPath: "\(model)/\(route)_0_Transformer/1_Pooling", toPath: "\(model)/\(route)_1_Pooling")
                try System.remove("\(model)/\(route)_0_Transformer/modules.json")
            }
            try Data(#"{"pooling_mode": "max"}"#.utf8).writeAnew(to: model + "/document_1_Pooling/config.json")
            let types = ["query", "document"].flatMap { route in
                [
                    "\"\(route)_0_Transformer\": \"sentence_transformers.models.Transformer.Transformer\"",
                    "\"\(route)_1_Pooling\": \"sentence_transformers.models.Pooling.Pooling\"",
                ]
            }
            let router = """
                {"types": {\(types.joined(separator: ","))},
                 "structure": {"query": ["query_0_Transformer", "query_1_Pooling"],
                               "document": ["document_0_Transformer", "document_1_Pooling"]},
                 "parameters": {"default_route": null, "allow_empty_key": true}}
                """
            let modules = """
                [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Router", "kwargs": ["task"]},
                 {"idx": 1, "name": "1", "path": "1_Normalize", "type": "sentence_transformers.models.Normalize"}]
                """
            for (name, text) in [("router_config.json", router), ("modules.json", modules)] {
                try Data(text.utf8).write(to: URL(fileURLWithPath: model + "/" + name))
            }
            #expect(try Tower.hasRoutes(model) && !Tower.hasRoutes(TinyBert.folder))
            let pair = try Tower.importPair(query: model, item: model, to: folder + "/pair")
            #expect(pair.query.manifest.modules.first == .pooling([.mean]))
            #expect(pair.item.manifest.modules.first == .pooling([.max]))
            #expect(pair.item.manifest.modules.last == .normalize)
            var options = Tower.ImportOptions()
            let error = #expect(throws: BelfryError.self) { try TowerSource.read(model, options) }
            #expect(error?.message.contains("several routes, query, document") == true, "\(error!)")
            options.route = "document"
            #expect(try TowerSource.read(model, options).manifest.modules.first == .pooling([.max]))
        }
    }

    /// What a folder without modules.json leaves open is told, read from what else is there, or what is usual; and said.
    @Test func aTransformerWithoutModulesFindsItsPooling() throws {
        let own = try TowerSource.read(TinyBert.folder).manifest.modules
        try withModel(["modules.json": nil]) { model in
            var options = Tower.ImportOptions()
            (options.pooling, options.normalizes) = ([.mean], true)
            #expect(try TowerSource.read(model, options).manifest.modules == own)
            options.pooling = [.cls]
            #expect(try TowerSource.read(model, options).manifest.modules == [.pooling([.cls]), .normalize])
            // 1_Pooling says it.
            let said = try TowerSource.read(model)
            #expect(said.manifest.modules == [.pooling([.mean])] && said.assumption == nil)
            // Vectors are those of sentence-transformers, but for their length, which it does not know either.
            let (bare, whole) = try (
                Tower.importModel(from: model, to: model + ".bare"),
                Tower.importModel(from: TinyBert.folder, to: model + ".own")
            )
            let (first, second) = try (bare.embed(["a bell"])[0], whole.embed(["a bell"])[0])
            let length = first.reduce(0) { $0 + $1 * $1 }.squareRoot()
            #expect(zip(first, second).allSatisfy { abs($0 / length - $1) < 1e-6 })
            try System.createDirectory(model + "/2_Dense")
            let error = #expect(throws: BelfryError.self) { try TowerSource.read(model) }
            #expect(error?.message.contains("2_Dense") == true, "\(error!)")
        }
        let cards: [(String?, TowerModule, Bool)] = [
            (nil, .pooling([.mean]), false), ("nothing", .pooling([.mean]), false),
            ("emb = model_output[0][:, 0]\nF.normalize(emb)", .pooling([.cls]), true),
            ("x = last_token_pool(o, m)", .pooling([.lastToken]), false),
            ("def mean_pooling(a, b):", .pooling([.mean]), false),
            ("mean_pooling(a) or last_hidden_state[:, 0]", .pooling([.mean]), false),
        ]
        for (card, pooling, normalizes) in cards {
            try withModel(["modules.json": nil, "1_Pooling/config.json": nil, "README.md": card]) { model in
                var notes: [String] = []
                let tower = try Tower.importModel(from: model, to: model + ".t", note: { notes.append($0) })
                #expect(tower.manifest.modules == [pooling] + (normalizes ? [.normalize] : []), "\(card ?? "")")
                #expect(notes.count == 1 && notes[0].contains("modules.json") && notes[0].contains("say the pooling"))
                #expect(
                    notes[0].contains("README.md") == (card?.contains("(") == true && card?.contains(" or ") == false))
            }
        }
    }

    @Test func aClassifierIsNoEncoder() throws {
        try withModel(["modules.json": nil]) { model in
            try TinyBert.replace(
                "\"model_type\"", "\"architectures\": [\"BertForSequenceClassification\"], \"model_type\"",
                in: model + "/config.json")
            let error = #expect(throws: BelfryError.self) { try TowerSource.read(model) }
            #expect(error?.message.contains("SequenceClassification") == true, "\(error!)")
            var options = Tower.ImportOptions()
            options.pooling = [.mean]
            #expect(try TowerSource.read(model, options).manifest.modules == [.pooling([.mean])])
        }
    }

    @Test func staticTablesKeepTheTokenizersLengthAndADamagedOneSaysSo() throws {
        try withTemporaryDirectory { folder in
            var writer = SafetensorsWriter()
            writer.add("embeddings", [133, 2], (0..<266).map { Float($0) })
            try writer.write(to: folder + "/model.safetensors")
            try FileManager.default.copyItem(
                atPath: TinyBert.folder + "/tokenizer.json", toPath: folder + "/tokenizer.json")
            try TinyBert.replace("\"max_length\": 8", "\"max_length\": 3", in: folder + "/tokenizer.json")
            let tower = try Tower.importModel(from: folder, to: folder + "/t.tower")
            #expect(tower.maximumTokens == 3 && tower.tokenCount("a bell of the steel tower") == 3)
            let file = folder + "/model.safetensors"
            let whole = try Data(contentsOf: URL(fileURLWithPath: file))
            try whole.prefix(whole.count - 100).writeAnew(to: file)
            let error = #expect(throws: BelfryError.self) { try TowerSource.read(folder) }
            #expect(error?.code == .corruptData && error?.location?.file == file, "\(error!)")
        }
    }
}
