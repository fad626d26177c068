import Files
import Foundation
import Synchronization
import TestSupport
import Testing
import Vectors

@testable import Towers

/// The whole road on the committed tiny model.
@Suite struct TowerTests {
    /// Imports a copy of the tiny model after `change`, and gives the tower to `body`.
    private func withTower(_ change: (String) throws -> Void = { _ in }, _ body: (Tower, String) throws -> Void) throws
    {
        try withTemporaryDirectory { folder in
            try TinyBert.copy(to: folder + "/model")
            try change(folder + "/model")
            let tower = try Tower.importModel(from: folder + "/model", to: folder + "/tiny.tower")
            try body(tower, folder)
        }
    }

    private func setPooling(_ names: [String], in folder: String, normalizes: Bool) throws {
        let all = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens"]
        let members = all.map { "\"pooling_mode_\($0)\": \(names.contains($0))" }
        try Data("{\(members.joined(separator: ","))}".utf8).write(
            to: URL(fileURLWithPath: folder + "/1_Pooling/config.json"))
        if !normalizes { try TinyBert.replace("models.Normalize", "models.Pooling", in: folder + "/modules.json") }
    }

    @Test(arguments: ["mean", "gelu-new", "relu", "cls", "max", "sqrt-and-cls", "dense"])
    func vectorsFollowFloat64(variant: String) throws {
        func dropNormalize(_ folder: String) throws {
            let text = try String(contentsOfFile: folder + "/modules.json", encoding: .utf8)
            let cut = text.range(of: ",\n {\n  \"idx\": 2")!
            try (text[..<cut.lowerBound] + "\n]\n").write(
                toFile: folder + "/modules.json", atomically: false, encoding: .utf8)
        }
        try withTower { folder in
            switch variant {
            case "gelu-new": try TinyBert.replace("\"gelu\"", "\"gelu_new\"", in: folder + "/config.json")
            case "relu": try TinyBert.replace("\"gelu\"", "\"relu\"", in: folder + "/config.json")
            case "cls", "max", "sqrt-and-cls":
                let modes = [
                    "cls": ["cls_token"], "max": ["max_tokens"], "sqrt-and-cls": ["cls_token", "mean_sqrt_len_tokens"],
                ]
                try setPooling(modes[variant]!, in: folder, normalizes: true)
                try dropNormalize(folder)
            case "dense":
                try TinyBert.replace(
                    "{\n  \"idx\": 2",
                    "{\"path\": \"2_Dense\", \"type\": \"sentence_transformers.models.Dense\"}, {\n  \"idx\": 2",
                    in: folder + "/modules.json")
                try FileManager.default.createDirectory(atPath: folder + "/2_Dense", withIntermediateDirectories: true)
                try FileManager.default.copyItem(
                    atPath: TinyBert.fixtures + "/tiny-dense.safetensors", toPath: folder + "/2_Dense/model.safetensors"
                )
                let config =
                    "{\"in_features\": 36, \"out_features\": 20, \"bias\": true, \"activation_function\": "
                    + "\"torch.nn.modules.activation.Tanh\"}"
                try Data(config.utf8).write(to: URL(fileURLWithPath: folder + "/2_Dense/config.json"))
            default: break
            }
        } _: { tower, _ in
            let reference = try NpyArray(TinyBert.fixtures + "/tiny-\(variant).npy")
            let texts = try TinyBert.texts()
            let vectors = try tower.embed(texts.map(\.text))
            #expect([vectors.rows, vectors.columns] == reference.shape)
            #expect(tower.dimension == reference.columns)
            let scale = tower.manifest.modules.contains(.normalize) ? 1.0 : 10
            for (row, text) in texts.enumerated() {
                #expect(tower.tokens(text.text) == text.ids && tower.tokenCount(text.text) == text.ids.count)
                let wanted = reference.doubles(row * vectors.columns..<(row + 1) * vectors.columns)
                let worst = zip(vectors[row], wanted).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
                #expect(worst <= 2e-6 * scale, "\(variant), text \(row): \(worst)")
                // OpenBLAS promises no equal bits for batches of different sizes.
                guard InstructionSet.current != .scalar else { continue }
                #expect(try tower.embed([text.text])[0] == vectors[row], "alone and in a batch, text \(row)")
            }
        }
    }

    @Test func threadsDoNotChangeABitAndProgressReachesTheEnd() throws {
        try withTower { tower, _ in
            var random = SeededGenerator()
            let words = ["bell", "tower", "steel", "of", "finding", "привет", "日本"]
            let texts = (0..<400).map { _ in
                (0..<Int.random(in: 0...30, using: &random)).map { _ in words.randomElement(using: &random)! }
                    .joined(separator: " ")
            }
            let seen = Mutex<[Int]>([])
            let one = try tower.embed(texts, threads: 1)
            let many = try tower.embed(texts, threads: 5) { done in seen.withLock { $0.append(done) } }
            for row in texts.indices { #expect(one[row] == many[row]) }
            let steps = seen.withLock { $0 }
            #expect(steps == steps.sorted() && steps.last == texts.count && steps.count > 3)
            #expect(try tower.embed([]).rows == 0)
        }
    }

    @Test func callsAtTheSameTimeGiveTheSameBits() throws {
        try withTower { tower, _ in
            let texts = try TinyBert.texts().map(\.text)
            let wanted = try tower.embed(texts, threads: 1)
            let failures = Mutex(0)
            DispatchQueue.concurrentPerform(iterations: 24) { index in
                let found = try? tower.embed(texts, threads: 1 + index % 3)
                let isSame = found.map { found in texts.indices.allSatisfy { found[$0] == wanted[$0] } } ?? false
                if !isSame { failures.withLock { $0 += 1 } }
            }
            #expect(failures.withLock { $0 } == 0)
        }
    }

    @Test func noTokensGiveZeros() throws {
        try withTower { tower, _ in
            var target = [Float](repeating: 7, count: tower.dimension)
            (tower.model as! TextModel).head.apply(
                [Float](repeating: 1, count: 36), count: 0, into: &target, Workspace())
            #expect(target == [Float](repeating: 0, count: tower.dimension))
        }
    }

    @Test func promptsBelongToTheirRole() throws {
        try withTower { folder in
            let config = "{\"prompts\": {\"query\": \"find \", \"document\": \"the \"}, \"default_prompt_name\": null}"
            try Data(config.utf8).write(to: URL(fileURLWithPath: folder + "/config_sentence_transformers.json"))
        } _: { tower, _ in
            let plain = try tower.embed(["find bell", "the bell", "bell"])
            #expect(try tower.embed(["bell"], as: .query)[0] == plain[0])
            #expect(try tower.embed(["bell"], as: .document)[0] == plain[1])
            #expect(try tower.embed(["bell"])[0] == plain[2])
        }
        try withTower { folder in
            try Data("{\"prompts\": {\"corpus\": \"the \"}}".utf8).write(
                to: URL(fileURLWithPath: folder + "/config_sentence_transformers.json"))
        } _: { tower, _ in
            #expect(tower.prompt(.document) == "the " && tower.prompt(.query).isEmpty)
        }
    }

    @Test func aCancelledTaskStops() async throws {
        let folder = NSTemporaryDirectory() + "belfry-cancel-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let tower = try Tower.importModel(from: TinyBert.folder, to: folder)
        let texts = [String](repeating: "the bell of the tower", count: 5000)
        let task = Task.detached {
            while !Task.isCancelled { await Task.yield() }
            return try tower.embed(texts)
        }
        task.cancel()
        let result = await task.result
        let error = #expect(throws: BelfryError.self) { try result.get() }
        #expect(error?.code == .cancelled)
        // Cancelled in the middle: with one thread, progress is called on the task itself.
        let done = Mutex(0)
        let halfway = await Task.detached {
            _ = try tower.embed(texts, threads: 1) { count in
                done.withLock { $0 = count }
                withUnsafeCurrentTask { $0?.cancel() }
            }
        }.result
        #expect(throws: BelfryError.self) { try halfway.get() }
        #expect((1..<texts.count).contains(done.withLock { $0 }))
    }

    @Test func checkFindsAFlippedByteInEveryFile() throws {
        try withTower { tower, folder in
            #expect(Tower.check(tower.path).isEmpty)
            var random = SeededGenerator()
            for name in try System.list(tower.path) {
                let file = tower.path + "/" + name
                let original = try Data(contentsOf: URL(fileURLWithPath: file))
                let places =
                    name == "tower.json"
                    ? Array(0..<original.count)
                    : (0..<8).map { _ in Int.random(in: 0..<original.count, using: &random) }
                for place in places {
                    var bytes = original
                    bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                    try bytes.write(to: URL(fileURLWithPath: file))
                    let problems = Tower.check(tower.path)
                    #expect(!problems.isEmpty, "byte \(place) of \(name), \(random)")
                    if name != "tower.json" {
                        #expect(problems.contains { $0.location?.file == file }, "\(name)")
                        let error = #expect(throws: BelfryError.self) { try Tower.load(tower.path) }
                        #expect(error?.code == .corruptData && error?.location?.file == file, "\(error!)")
                    }
                }
                try original.dropLast().write(to: URL(fileURLWithPath: file))
                #expect(!Tower.check(tower.path).isEmpty, "\(name) cut")
                try FileManager.default.removeItem(atPath: file)
                let problems = Tower.check(tower.path)
                #expect(!problems.isEmpty, "\(name) removed")
                if name != "tower.json" {
                    let error = #expect(throws: BelfryError.self) { try Tower.load(tower.path) }
                    for error in problems + [error!] {
                        #expect(error.code == .corruptData && error.message == "The file is missing.", "\(error)")
                        #expect(error.location?.file == file)
                    }
                }
                try original.write(to: URL(fileURLWithPath: file))
            }
            #expect(Tower.check(tower.path).isEmpty)
            try Data("x".utf8).write(to: URL(fileURLWithPath: tower.path + "/stray"))
            #expect(Tower.check(tower.path).count == 1)
        }
    }

    @Test func aTowerIsReplacedOnlyWhenAsked() throws {
        try withTower { tower, folder in
            let error = #expect(throws: BelfryError.self) {
                try Tower.importModel(from: folder + "/model", to: tower.path)
            }
            #expect(error?.code == .conflict && error?.remedy != nil)
            try TinyBert.replace("24", "16", in: folder + "/model/sentence_bert_config.json")
            let new = try Tower.importModel(from: folder + "/model", to: tower.path, replace: true)
            #expect(new.maximumTokens == 16 && tower.maximumTokens == 24 && new.fingerprint != tower.fingerprint)
            #expect(try System.list(folder) == ["model", "tiny.tower"])
            #expect(new.inspection.parameters == 28_764)
        }
    }

    @Test func targetsMayHaveSlashesAndBeEmptyAndLeftoversGo() throws {
        try withTemporaryDirectory { folder in
            let target = folder + "/t.tower"
            try System.createDirectory(target)
            // No process has the greatest number; this one is alive.
            let dead = target + ".importing-\(Int32.max)-\(UUID().uuidString)"
            let alive = target + ".importing-\(ProcessInfo.processInfo.processIdentifier)-\(UUID().uuidString)"
            for path in [dead, alive] { try System.createDirectory(path) }
            let tower = try Tower.importModel(from: TinyBert.folder + "//", to: target + "/")
            #expect(tower.path == target)
            let names = try System.list(folder)
            #expect(names == ["t.tower", (alive as NSString).lastPathComponent])
        }
    }

    @Test func damagedWeightsAreNamedWhereTheyLie() throws {
        try withTemporaryDirectory { folder in
            let model = folder + "/model"
            try TinyBert.copy(to: model)
            let weights = model + "/model.safetensors"
            let file = try Safetensors(weights)
            let place = file.tensor("bert.encoder.layer.0.output.dense.bias")!.bytes.lowerBound
            var bytes = try Data(contentsOf: URL(fileURLWithPath: weights))
            bytes.replaceSubrange(place..<place + 4, with: [0, 0, 0xc0, 0x7f])
            try bytes.writeAnew(to: weights)
            let error = #expect(throws: BelfryError.self) {
                try Tower.importModel(from: model, to: folder + "/t.tower")
            }
            #expect(error?.location?.file == weights && error?.code == .corruptData)
            #expect(try System.list(folder) == ["model"])
        }
    }

    @Test func foldersThatAreNotDoneAreRefusedByName() throws {
        let changes: [(String, (String) throws -> Void)] = [
            (
                "no config.json",
                {
                    try FileManager.default.removeItem(atPath: $0 + "/modules.json")
                    try FileManager.default.removeItem(atPath: $0 + "/config.json")
                }
            ),
            (
                "model_type “electra”",
                { try TinyBert.replace("\"bert\"", "\"electra\"", in: $0 + "/config.json") }
            ),
            ("hidden_act “silu”", { try TinyBert.replace("\"gelu\"", "\"silu\"", in: $0 + "/config.json") }),
            ("relative_key", { try TinyBert.replace("\"absolute\"", "\"relative_key\"", in: $0 + "/config.json") }),
            (
                "models.WordWeights",
                { try TinyBert.replace("models.Normalize", "models.WordWeights", in: $0 + "/modules.json") }
            ),
            (
                "pickle",
                {
                    try FileManager.default.moveItem(
                        atPath: $0 + "/model.safetensors", toPath: $0 + "/pytorch_model.bin")
                }
            ),
            (
                "bert.encoder.layer.2.attention.self.query.weight” [36, 36] is missing",
                {
                    try TinyBert.replace(
                        "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", in: $0 + "/config.json")
                }
            ),
            (
                "should have the shape [71, 36], and has [72, 36]",
                {
                    try TinyBert.replace(
                        "\"intermediate_size\": 72", "\"intermediate_size\": 71", in: $0 + "/config.json")
                }
            ),
            ("leaves no room", { try TinyBert.replace("24", "2", in: $0 + "/sentence_bert_config.json") }),
        ]
        for (name, change) in changes {
            try withTemporaryDirectory { folder in
                try TinyBert.copy(to: folder + "/model")
                try change(folder + "/model")
                let error = #expect(throws: BelfryError.self) {
                    try Tower.importModel(from: folder + "/model", to: folder + "/t.tower")
                }
                #expect("\(error!)".contains(name), "\(name): \(error!)")
                if error?.location?.place?.hasPrefix("tensor") == true {
                    #expect(error?.location?.file == folder + "/model/model.safetensors")
                }
                #expect(try System.list(folder) == ["model"], "nothing is left behind")
            }
        }
    }
}
