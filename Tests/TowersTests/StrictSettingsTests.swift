import Files
import Foundation
import TestSupport
import Testing

@testable import Towers

/// Settings that are not what they should be: refused by name and file, never read as their default.
@Suite struct StrictSettingsTests {
    private func write(_ text: String, _ file: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    }

    /// Imports a copy of the tiny model after `change`; it must fail with an error at `file` that says `words`.
    private func refuses(
        _ words: String, at file: String, code: BelfryError.Code = .corruptData,
        sourceLocation: SourceLocation = #_sourceLocation, _ change: (String) throws -> Void
    ) throws {
        try withTemporaryDirectory { folder in
            let model = folder + "/model"
            try TinyBert.copy(to: model)
            try change(model)
            let error = #expect(throws: BelfryError.self, "\(words)", sourceLocation: sourceLocation) {
                try Tower.importModel(from: model, to: folder + "/t.tower")
            }
            guard let error else { return }
            #expect("\(error)".contains(words), "\(words): \(error)", sourceLocation: sourceLocation)
            #expect(error.location?.file == model + "/" + file, "\(words): \(error)", sourceLocation: sourceLocation)
            #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
            #expect(try System.list(folder) == ["model"], "nothing is left behind", sourceLocation: sourceLocation)
        }
    }

    @Test func aMemberOfAnotherTypeIsAnError() throws {
        let cases: [(file: String, old: String, new: String, name: String)] = [
            ("config.json", "\"gelu\"", "5", "hidden_act"),
            ("config.json", "1e-12", "\"1e-5\"", "layer_norm_eps"),
            ("config.json", "\"absolute\"", "7", "position_embedding_type"),
            ("config.json", "\"hidden_size\": 36", "\"is_decoder\": \"true\", \"hidden_size\": 36", "is_decoder"),
            ("config.json", "\"hidden_size\": 36", "\"hidden_size\": \"36\"", "hidden_size"),
            ("tokenizer.json", "\"lowercase\": true", "\"lowercase\": \"false\"", "normalizer.lowercase"),
            ("tokenizer.json", "\"strip_accents\": null", "\"strip_accents\": 0", "normalizer.strip_accents"),
            ("tokenizer.json", "\"added_tokens\": [", "\"added_tokens\": \"x\", \"was\": [", "added_tokens"),
            ("tokenizer.json", "\"lstrip\": true", "\"lstrip\": 1", "added_tokens[5].lstrip"),
            ("tokenizer.json", "\"normalized\": true", "\"normalized\": \"true\"", "added_tokens[6].normalized"),
            ("tokenizer.json", "\"special\": false", "\"special\": []", "added_tokens[6].special"),
            ("sentence_bert_config.json", "false", "\"false\"", "do_lower_case"),
            ("sentence_bert_config.json", "24", "\"24\"", "max_seq_length"),
            ("modules.json", "\"path\": \"\"", "\"path\": 5", "modules[0].path"),
            ("1_Pooling/config.json", "\"pooling_mode_mean_tokens\": true", "\"pooling_mode_mean_tokens\": 1", "mean"),
            ("1_Pooling/config.json", "{", "{\"include_prompt\": \"false\",", "include_prompt"),
        ]
        for (file, old, new, name) in cases {
            try refuses(name, at: file) { try TinyBert.replace(old, new, in: $0 + "/" + file) }
        }
        let written: [(file: String, text: String, name: String)] = [
            ("tokenizer_config.json", "{\"model_max_length\": \"12\"}", "model_max_length"),
            ("tokenizer_config.json", "[]", "must be an object, not an array"),
            ("config_sentence_transformers.json", "{\"prompts\": [\"a\"]}", "prompts"),
            ("config_sentence_transformers.json", "{\"prompts\": {\"query\": 1}}", "prompts.query"),
            ("config_sentence_transformers.json", "{\"default_prompt_name\": 5}", "default_prompt_name"),
            ("config_sentence_transformers.json", "[]", "must be an object, not an array"),
            ("config.json", "3", "must be an object, not a number"),
            ("modules.json", "{}", "must be an array of modules"),
            ("modules.json", "[7]", "modules[0]"),
        ]
        for (file, text, name) in written {
            try refuses(name, at: file) { model in
                if file == "tokenizer_config.json" {
                    try TinyBert.replace("24", "null", in: model + "/sentence_bert_config.json")
                }
                try write(text, model + "/" + file)
            }
        }
        try refuses("bias", at: "2_Dense/config.json") { model in
            try TinyBert.replace("2_Normalize", "2_Dense", in: model + "/modules.json")
            try TinyBert.replace("models.Normalize", "models.Dense", in: model + "/modules.json")
            try System.createDirectory(model + "/2_Dense")
            try FileManager.default.copyItem(
                atPath: TinyBert.fixtures + "/tiny-dense.safetensors", toPath: model + "/2_Dense/model.safetensors")
            try write("{\"in_features\": 36, \"out_features\": 20, \"bias\": 1}", model + "/2_Dense/config.json")
        }
    }

    @Test func absentAndNullAreTheDefault() throws {
        try withTemporaryDirectory { folder in
            try write("{\"a\": null, \"b\": true}", folder + "/x.json")
            let json = try StrictObject(file: folder + "/x.json")
            #expect(
                try json.bool("a", default: true) && json.bool("c", default: true) && json.bool("b", default: false))
            #expect(try json.string("a") == nil && json.objects("c").isEmpty)
        }
    }

    @Test func aLengthNamesItsFileAndKey() throws {
        func limit(_ text: String) -> (String) throws -> Void {
            { try TinyBert.replace("24", text, in: $0 + "/sentence_bert_config.json") }
        }
        let own = "sentence_bert_config.json"
        try refuses("max_seq_length must be a whole number of at least 3", at: own, limit("3.5"))
        try refuses("max_seq_length must be a whole number of at least 3", at: own, limit("-1"))
        try refuses("max_seq_length 2 leaves no room", at: own, limit("2"))
        for (value, words) in [("-4", "must be a whole number of at least 3"), ("2", "2 leaves no room")] {
            try refuses("model_max_length \(words)", at: "tokenizer_config.json") { model in
                try limit("null")(model)
                try write("{\"model_max_length\": \(value)}", model + "/tokenizer_config.json")
            }
        }
    }

    @Test func whatWouldChangeIDsOrVectorsIsRefused() throws {
        let json = "tokenizer.json"
        try refuses("adds no tokens", at: json, code: .unsupported) { model in
            try TinyBert.replace("\"post_processor\"", "\"post_processor\": null, \"was\"", in: model + "/" + json)
        }
        try refuses("truncation.direction “Left”", at: json, code: .unsupported) {
            try TinyBert.replace("\"Right\"", "\"Left\"", in: $0 + "/" + json)
        }
        try refuses("truncation_side “left”", at: "tokenizer_config.json", code: .unsupported) {
            try write("{\"truncation_side\": \"left\"}", $0 + "/tokenizer_config.json")
        }
        try refuses("encoder.layer.1.", at: "model.safetensors", code: .unsupported) {
            try TinyBert.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1", in: $0 + "/config.json")
        }
    }

    @Test func tokensBesideAVocabularyFileAreRefused() throws {
        func vocabulary(_ model: String) throws {
            let members = try StrictJSON(file: model + "/tokenizer.json")["model"]!["vocab"]!.members!
            let words = members.sorted { $0.value.integer! < $1.value.integer! }
            try write(words.map { String(decoding: $0.name, as: UTF8.self) + "\n" }.joined(), model + "/vocab.txt")
            try System.remove(model + "/tokenizer.json")
        }
        let decoder = { (entry: String) in "{\"added_tokens_decoder\": {\(entry)}}" }
        let known = "\"2\": {\"content\": \"[CLS]\", \"lstrip\": false, \"normalized\": false, \"special\": true}"
        let cases: [(file: String, text: String, name: String)] = [
            ("added_tokens.json", "{\"<new>\": 133}", "<new>"),
            ("tokenizer_config.json", decoder("\"133\": {\"content\": \"<new>\"}"), "<new>"),
            ("tokenizer_config.json", decoder("\"2\": {\"content\": \"[CLS]\", \"lstrip\": true}"), "[CLS]"),
            ("tokenizer_config.json", "{\"additional_special_tokens\": [\"<more>\"]}", "<more>"),
        ]
        for (file, text, name) in cases {
            try refuses("added token “\(name)”", at: file, code: .unsupported) { model in
                try vocabulary(model)
                try write(text, model + "/" + file)
            }
        }
        try withTemporaryDirectory { folder in
            try TinyBert.copy(to: folder + "/model")
            try vocabulary(folder + "/model")
            try write("{\"[SEP]\": 3}", folder + "/model/added_tokens.json")
            try write(decoder(known), folder + "/model/tokenizer_config.json")
            try Tower.importModel(from: folder + "/model", to: folder + "/t.tower")
        }
    }

    @Test func hugeFilesAndPointersOfGitAreRefused() throws {
        for name in ["config.json", "tokenizer.json"] {
            try refuses("at most \(name == "config.json" ? 16 << 20 : 64 << 20)", at: name, code: .unsupported) {
                let file = try FileHandle(forWritingTo: URL(fileURLWithPath: $0 + "/" + name))
                try file.truncate(atOffset: 64 << 20 | 1)
                try file.close()
            }
        }
        for name in ["model.safetensors", "tokenizer.json"] {
            try refuses("git lfs pull", at: name, code: .notFound) {
                try write("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", $0 + "/" + name)
            }
        }
    }

    @Test(arguments: [
        ("\"mean\"", [Pooling.mean]), ("\"mean_sqrt_len_tokens\"", [.meanSqrtLength]),
        ("[\"cls\", \"mean\"]", [.cls, .mean]), ("null", [.mean]),
    ])
    func poolingByNames(text: String, modes: [Pooling]) throws {
        try withTemporaryDirectory { folder in
            try TinyBert.copy(to: folder + "/model")
            try write("{\"pooling_mode\": \(text)}", folder + "/model/1_Pooling/config.json")
            let tower = try Tower.importModel(from: folder + "/model", to: folder + "/t.tower")
            #expect(tower.manifest.modules.first == .pooling(modes))
        }
        let file = "1_Pooling/config.json"
        for (bad, code) in [("[\"mean\", \"cls\"]", BelfryError.Code.unsupported), ("[5]", .corruptData)] {
            try refuses("pooling_mode", at: file, code: code) {
                try write("{\"pooling_mode\": \(bad)}", $0 + "/" + file)
            }
        }
    }
}
