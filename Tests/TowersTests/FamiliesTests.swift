import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Towers

/// Every family of encoders, every pooling and every module against sentence-transformers in float64.
@Suite struct FamiliesTests {
    /// The tower of a copy of a model after `change`, used where the model lies: an import waits for the disk.
    private func withTower(
        _ name: String, dimension: Int? = nil, force: Bool = false, _ change: (String) throws -> Void = { _ in },
        _ body: (Tower) throws -> Void
    ) throws {
        try withTemporaryDirectory { folder in
            let model = folder + "/model"
            try TinyFamilies.copy(name, to: model)
            try change(model)
            var source = try TowerSource.read(model)
            if let dimension { try source.cut(to: dimension, force: force, path: model) }
            try body(Tower(folder + "/t.tower", source.manifest, files: source.towerFiles))
        }
    }

    @Test(arguments: ["bert", "roberta", "xlm-roberta", "mpnet", "distilbert", "static"])
    func vectorsFollowFloat64(family: String) throws {
        try withTower(family) { tower in
            // Vectors that are not of unit length go up to 4 here.
            let limit = tower.manifest.modules.last == .normalize ? 2e-6 : 8e-6
            let plain = try TinyFamilies.difference(tower, family)
            #expect(plain <= limit, "\(family): \(plain)")
            if family != "static" {
                let query = try TinyFamilies.difference(tower, family + "/query", as: .query)
                #expect(query <= limit, "\(family), with a prompt: \(query)")
            }
            if InstructionSet.current != .scalar {
                let texts = try TinyFamilies.texts()
                let batch = try tower.embed(texts)
                for (row, text) in texts.enumerated() {
                    let alone = try tower.embed([text])
                    #expect(alone[0] == batch[row], "\(family), text \(row) alone and in a batch")
                }
            }
            // As a machine without AVX2 computes it.
            let source = try TowerSource.read(System.parent(of: tower.path) + "/model")
            let scalar = try Tower(
                tower.path, source.manifest, files: source.towerFiles, instructionSet: .scalar)
            let scalarDifference = try TinyFamilies.difference(scalar, family)
            #expect(scalarDifference <= limit, "\(family), scalar: \(scalarDifference)")
            #expect("\(tower)".contains(family == "bert" ? "BERT" : family == "xlm-roberta" ? "roberta" : family))
        }
    }

    @Test(arguments: ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"])
    func everyPoolingWithAndWithoutThePrompt(mode: String) throws {
        for includes in [true, false] {
            try withTower("mpnet") { folder in
                try Data("{\"pooling_mode\": \"\(mode)\", \"include_prompt\": \(includes)}".utf8).write(
                    to: URL(fileURLWithPath: folder + "/1_Pooling/config.json"))
            } _: { tower in
                let name = "mpnet/\(mode)" + (includes ? "" : "/without-prompt")
                let difference = try TinyFamilies.difference(tower, name, as: .query)
                #expect(difference <= 2e-6, "\(name): \(difference)")
                #expect(tower.manifest.includesPrompt == includes)
            }
        }
        // The six switches that older versions write.
        try withTower("mpnet") { folder in
            let switches = [
                "cls": "cls_token", "max": "max_tokens", "mean": "mean_tokens", "weightedmean": "weightedmean_tokens",
            ]
            try Data("{\"pooling_mode_\(switches[mode] ?? mode)\": true, \"pooling_mode_x\": false}".utf8).write(
                to: URL(fileURLWithPath: folder + "/1_Pooling/config.json"))
        } _: { tower in
            let difference = try TinyFamilies.difference(tower, "mpnet/\(mode)", as: .query)
            #expect(difference <= 2e-6, "\(difference)")
        }
    }

    @Test func promptsStayWithTheirRole() throws {
        try withTower("mpnet") { tower in
            #expect(tower.prompt(.query) == "find: " && tower.prompt(.document) == "the product: ")
            #expect(tower.prompt(nil).isEmpty)
        }
        for (owner, other) in [("document", Tower.Role.query), ("passage", .query), ("query", .document)] {
            try withTower("mpnet") { folder in
                let config = "{\"prompts\": {\"\(owner)\": \"x \"}, \"default_prompt_name\": \"\(owner)\"}"
                try Data(config.utf8).write(to: URL(fileURLWithPath: folder + "/config_sentence_transformers.json"))
            } _: { tower in
                #expect(tower.prompt(other).isEmpty, "\(owner)")
                #expect(tower.prompt(nil) == "x ")
            }
        }
    }

    @Test func vectorsAreCutOnlyWhereTheModelWasTrainedForIt() throws {
        let unsaid = #expect(throws: BelfryError.self) { try withTower("xlm-roberta", dimension: 6) { _ in } }
        #expect(unsaid?.code == .unsupported && unsaid?.remedy != nil)
        let changes: [(String) throws -> Void] = [
            { try Data("tags: [loss:MatryoshkaLoss]".utf8).write(to: URL(fileURLWithPath: $0 + "/README.md")) },
            {
                try TinyBert.replace(
                    "\"layer_norm_eps\"", "\"matryoshka_dimensions\": [6, 8], \"layer_norm_eps\"",
                    in: $0 + "/config.json")
            },
        ]
        for (index, change) in changes.enumerated() {
            try withTower("xlm-roberta", dimension: 6, change) { tower in
                #expect(tower.dimension == 6)
                let difference = try TinyFamilies.difference(tower, "xlm-roberta/cut")
                #expect(difference <= 2e-6, "\(difference)")
            }
            guard index == 1 else { continue }
            #expect(throws: BelfryError.self) { try withTower("xlm-roberta", dimension: 7, change) { _ in } }
        }
        try withTower("xlm-roberta", dimension: 6, force: true) { tower in
            let difference = try TinyFamilies.difference(tower, "xlm-roberta/cut")
            #expect(difference <= 2e-6, "\(difference)")
        }
        try withTower("xlm-roberta") { folder in
            try TinyBert.replace(
                "\"prompts\"", "\"truncate_dim\": 6, \"prompts\"", in: folder + "/config_sentence_transformers.json")
        } _: { tower in
            let difference = try TinyFamilies.difference(tower, "xlm-roberta/cut")
            #expect(difference <= 2e-6, "\(difference)")
        }
        for dimension in [0, -1, 17] {
            let error = #expect(throws: BelfryError.self) {
                try withTower("xlm-roberta", dimension: dimension, force: true) { _ in }
            }
            #expect(error?.code == .invalidInput)
        }
    }

    /// Thresholds of PyTorch's float32 logarithms, written down.
    @Test func distancesFallIntoTheirBuckets() {
        let starts = [
            (0, 0), (-7, 7), (-8, 8), (-11, 8), (-12, 9), (-15, 9), (-16, 10), (-22, 10), (-23, 11), (-31, 11),
            (-32, 12), (-45, 12), (-46, 13), (-63, 13), (-64, 14), (-90, 14), (-91, 15), (-1100, 15), (1, 17), (7, 23),
            (8, 24), (11, 24), (12, 25), (16, 26), (23, 27), (32, 28), (46, 29), (64, 30), (90, 30), (91, 31),
            (1100, 31),
        ]
        for (distance, bucket) in starts { #expect(RelativeAttention.bucket(distance) == bucket, "\(distance)") }
    }

    @Test func whatIsNotDoneIsRefusedByName() throws {
        let cases: [(family: String, file: String, old: String, new: String, words: String)] = [
            ("mpnet", "config.json", "_buckets\": 32", "_buckets\": 16", "relative_attention_num_buckets “16”"),
            ("mpnet", "config.json", "\"vocab_size\": 133", "\"vocab_size\": 134", "should have the shape [134, 16]"),
            ("mpnet", "config.json", "embeddings\": 124", "embeddings\": 2", "leaves no position"),
            ("roberta", "config.json", "pad_token_id\": 1", "pad_token_id\": 124", "pad_token_id 124"),
            ("roberta", "config.json", "pad_token_id\": 1", "pad_token_id\": -1", "pad_token_id -1"),
            ("distilbert", "config.json", "\"activation\": \"gelu\"", "\"activation\": \"silu\"", "activation “silu”"),
            ("distilbert", "config.json", "n_layers\": 2", "n_layers\": 1", "transformer.layer.1."),
            ("distilbert", "config.json", "\"distilbert\"", "\"bert\"", "hidden_size"),
            ("bert", "2_Dense/config.json", "GELU", "Mish", "activation “torch.nn.modules.activation.Mish”"),
            ("bert", "2_Dense/config.json", "torch.nn", "mine.nn", "activation “mine.nn"),
            ("bert", "2_Dense/config.json", "{", "{\"use_residual\": true,", "use_residual"),
            ("bert", "2_Dense/config.json", "\"sentence_embedding\"", "\"token_embeddings\"", "module_input_name"),
            ("bert", "3_LayerNorm/config.json", "12", "13", "layer norm module takes 13 components, but there are 12"),
            ("bert", "4_Normalize/config.json", "\"sentence_embedding\"", "\"token_embeddings\"", "module_input_name"),
            ("bert", "sentence_bert_config.json", "feature-extraction", "fill-mask", "transformer_task “fill-mask”"),
            ("bert", "sentence_bert_config.json", "last_hidden_state", "pooler_output", "method_output_name"),
            ("bert", "modules.json", "modules.dense.Dense", "models.WeightedLayerPooling", "WeightedLayerPooling"),
            ("static", "modules.json", "normalize.Normalize", "pooling.Pooling", "Pooling"),
        ]
        for (family, file, old, new, words) in cases {
            let error = #expect(throws: BelfryError.self, "\(words)") {
                try withTower(family) {
                    try TinyBert.replace(old, new, in: $0 + "/" + file)
                } _: { _ in
                }
            }
            #expect("\(error!)".contains(words), "\(words): \(error!)")
        }
        for family in ["mpnet", "static"] {
            let error = #expect(throws: BelfryError.self) {
                try withTower(family) {
                    try FileManager.default.moveItem(
                        atPath: $0 + "/model.safetensors", toPath: $0 + "/pytorch_model.bin")
                } _: { _ in
                }
            }
            #expect("\(error!)".contains("pickle") && error?.remedy?.contains("safetensors") == true)
        }
    }

    @Test func anImportedTowerIsTheSameAgain() throws {
        try withTemporaryDirectory { folder in
            let model = folder + "/model"
            try TinyFamilies.copy("bert", to: model)
            try TinyBert.replace(
                "\"include_prompt\": true", "\"include_prompt\": false", in: model + "/1_Pooling/config.json")
            let tower = try Tower.importModel(
                from: model, to: folder + "/t.tower", dimension: 5, force: true)
            let again = try Tower.load(tower.path)
            #expect(again.manifest == tower.manifest && again.fingerprint == tower.fingerprint)
            #expect(again.dimension == 5 && !again.manifest.includesPrompt)
            let (a, b) = (try tower.embed(["the bell"], as: .query), try again.embed(["the bell"], as: .query))
            #expect(a[0] == b[0])
            #expect(abs(a[0].reduce(0) { $0 + $1 * $1 } - 1) < 1e-6)
            #expect(Tower.check(tower.path).isEmpty)
            #expect(again.inspection.modules.suffix(3) == ["normalize", "cut to 5", "normalize"])
        }
    }

    @Test func oldTowersKeepTheirFingerprint() throws {
        let old = try withTemporaryDirectory { folder in
            try Tower.importModel(from: TinyBert.folder, to: folder + "/t.tower").manifest
        }
        #expect(old.text.contains("\"format\" : 1") && !old.text.contains("include_prompt"))
        // What an earlier Belfry wrote for this model.
        #expect(old.fingerprint == "63882d29a073e3ef5e3bfe3b42267575f6aaaa014d674dbba4e2639a01c8419c")
        var new = old
        new.includesPrompt = false
        #expect(new.text.contains("\"format\" : 2") && new.fingerprint != old.fingerprint)
    }
}
