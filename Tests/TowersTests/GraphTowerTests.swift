import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Towers

/// Towers of ONNX graphs with feature columns, on the committed models (`Fixtures/towers/make_towers.py`).
@Suite struct GraphTowerTests {
    static let folder = TestData.root + "/Tests/TowersTests/Fixtures/towers"

    static func rows(_ name: String) throws -> [JSON] {
        let file = folder + "/" + name + ".json"
        return try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: file)), source: file).array!
    }

    private func withPair(_ body: (TowerPair, String) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            let pair = try Tower.importPair(
                query: Self.folder + "/user.onnx", item: Self.folder + "/movie.onnx",
                queryFeatures: Self.folder + "/user.features.json", itemFeatures: Self.folder + "/movie.features.json",
                to: folder + "/movies")
            try body(pair, folder)
        }
    }

    private func worst(_ found: Matrix, _ file: String) throws -> Float {
        let expected = try NpyArray(Self.folder + "/" + file)
        #expect([found.rows, found.columns] == expected.shape)
        return zip(UnsafeBufferPointer(start: found.pointer, count: found.rows * found.columns), expected.floats())
            .reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    @Test func bothTowersOfAPairGiveTheExpectedVectors() throws {
        try withPair { pair, folder in
            let (users, movies) = (try Self.rows("users"), try Self.rows("movies"))
            #expect(try worst(pair.query.embed(users), "users.npy") <= 2e-6)
            #expect(try worst(pair.item.embed(movies), "movies.npy") <= 2e-6)
            #expect(pair.query.dimension == 8 && pair.query.space == pair.item.space)
            #expect(pair.query.space != pair.query.fingerprint && pair.query.fingerprint != pair.item.fingerprint)
            #expect(pair.query.role == .query && pair.item.role == .document)
            // Alone as in a batch, and in many batches on several threads.
            let one = try pair.item.embed(Array(repeating: movies, count: 140).flatMap(\.self), threads: 1)
            let two = try pair.item.embed(Array(repeating: movies, count: 140).flatMap(\.self), threads: 3)
            for row in 0..<700 { #expect(one[row] == two[row]) }
            for row in users.indices {
                let (alone, all) = (try pair.query.embed([users[row]]), try pair.query.embed(users))
                #expect(zip(alone[0], all[row]).allSatisfy { abs($0 - $1) <= 2e-6 })
            }
            #expect(try System.list(folder) == ["movies"])
            #expect(try System.list(folder + "/movies") == ["item.tower", "query.tower"])
        }
    }

    @Test func errorsNameTheRowAndTheField() throws {
        try withPair { pair, _ in
            func message(_ rows: [JSON], first: Int = 0) -> (String?, String?) {
                let error = #expect(throws: BelfryError.self) {
                    try pair.item.embed(rows, source: "rows.jsonl", first: first)
                }
                return (error?.message, error?.location?.place)
            }
            var rows = try Self.rows("movies")
            rows[3] = ["title": "x", "genres": ["crime"]]
            #expect(message(rows) == ("The field is missing.", "row 3, field year"))
            rows[3] = ["title": 1.5, "genres": [], "year": 2000]
            #expect(message(rows, first: 8).1 == "row 11, field title")
            rows[3] = ["title": "x", "genres": "crime", "year": 2000]
            #expect(message(rows).0?.contains("must be an array") == true)
            // The first of several failures, in whichever batch it is.
            let many = (0..<1000).map { $0 % 300 == 299 ? "no object" : rows[0] }
            #expect(message(many) == ("The row must be an object, not a text.", "row 299, field title"))
            #expect(throws: BelfryError.self) { try pair.item.embed(["a text"] as [String]) }
            #expect(pair.item.fields.map(\.name) == ["title", "genres", "year"])
        }
    }

    @Test func aSessionModelBecomesAQueryTowerAndTheRowsOfItsOutputLayer() throws {
        try withTemporaryDirectory { folder in
            let pair = try Tower.importPair(
                query: Self.folder + "/session.onnx", queryFeatures: Self.folder + "/session.features.json",
                to: folder + "/session")
            let sessions = try pair.query.embed(Self.rows("sessions"))
            let items = try pair.item.embed((0..<9).map { ["id": .integer($0)] })
            // The state and a one; the row of the output layer and its bias.
            #expect(sessions.columns == 7 && items.columns == 7)
            let scores = Matrix(rows: sessions.rows, columns: items.rows)
            for session in 0..<sessions.rows {
                #expect(sessions[session][6] == 1)
                for item in 0..<items.rows {
                    scores.row(session)[item] = zip(sessions[session], items[item]).reduce(0) { $0 + $1.0 * $1.1 }
                }
            }
            #expect(try worst(scores, "scores.npy") <= 3e-6)
            // What the query tower does not need is not in it: the output layer of 9 × 6 numbers and the scores.
            let graph = try #require(pair.query.inspection.graph)
            #expect(graph.operators["Gemm"] == 1 && graph.outputs[0].shape == ["rows", "7"])
            #expect(pair.item.inspection.graph?.operators == ["Gather": 1])
            let error = #expect(throws: BelfryError.self) { try pair.query.embed([["items": [77]]]) }
            #expect(error?.message.contains("no element that is known") == true)
        }
    }

    @Test func tokenVectorsArePooledOverTheTokensOfEachText() throws {
        try withTemporaryDirectory { folder in
            for name in ["token.onnx"] {
                try FileManager.default.copyItem(atPath: Self.folder + "/" + name, toPath: folder + "/model.onnx")
            }
            try FileManager.default.copyItem(
                atPath: TinyBert.folder + "/tokenizer.json", toPath: folder + "/tokenizer.json")
            // Nothing says how the tokens are pooled.
            let error = #expect(throws: BelfryError.self) {
                try Tower.importModel(from: folder, to: folder + "/t.tower")
            }
            #expect(error?.remedy?.contains("\"pooling\": \"mean\"") == true, "\(error!)")
            let features = """
                {"format": 1, "pooling": ["mean", "max"], "normalize": true, "cut": 8, "prompts": {"query": "find "},
                 "columns": [{"input": "input_ids", "field": "text", "type": "text", "length": 24}]}
                """
            try Data(features.utf8).writeAnew(to: folder + "/features.json")
            let tower = try Tower.importModel(from: folder, to: folder + "/t.tower")
            #expect(tower.dimension == 8 && tower.maximumTokens == 24 && Tower.check(tower.path).isEmpty)
            let texts = ["a bell", "", "the bell of the tower, find similar products"]
            let together = try tower.embed(texts)
            for (row, text) in texts.enumerated() {
                let alone = try tower.embed([text])[0]
                #expect(zip(alone, together[row]).allSatisfy { abs($0 - $1) <= 2e-6 }, "padding takes no part")
                #expect(abs(alone.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
            }
            let (asked, plain) = (try tower.embed(["bell"], as: .query), try tower.embed(["find bell"]))
            #expect(asked[0] == plain[0])
            // A row's text is a text.
            let rows = try tower.embed([["text": "bell"], ["text": "a bell of a tower"]], as: .query)
            #expect(rows[0] == asked[0])
            #expect(try rows[1] == tower.embed(["a bell of a tower"], as: .query)[0])
            #expect(tower.tokens("bell") == [2] + tower.tokens("bell").dropFirst())
        }
    }

    @Test func aGraphWithoutAConfigurationTakesItsInputsByName() throws {
        try withTemporaryDirectory { folder in
            let tower = try Tower.importModel(from: Self.folder + "/user.onnx", to: folder + "/u.tower")
            #expect(tower.fields.map(\.name) == ["user_id", "age"] && tower.fields.allSatisfy(\.isRequired))
            let found = try tower.embed([["user_id": 1, "age": 3], ["user_id": 0, "age": 0]])
            let expected = try NpyArray(Self.folder + "/users.npy").floats()
            // Ann, 34, is row 1 and bucket 2 + 1.
            #expect(zip(found[0], expected).allSatisfy { abs($0 - $1) <= 2e-6 })
            #expect(throws: BelfryError.self) { try tower.embed([["user_id": 7, "age": 0]]) }
            let inspection = try #require(tower.inspection.graph)
            #expect(inspection.operatorSets == ["ai.onnx": 17] && inspection.inputs.map(\.type) == ["int64", "int64"])
            #expect(tower.inspection.parameters == 7 * 6 + 5 * 3 + 12 * 9 + 12 + 8 * 12 + 8 + 1)
        }
    }

    @Test func damageIsFoundInEveryFile() throws {
        try withPair { pair, _ in
            var random = SeededGenerator()
            let path = pair.item.path
            #expect(Tower.check(path).isEmpty)
            #expect(
                try System.list(path) == ["canaries.npy", "features.json", "model.onnx", "model.weights", "tower.json"])
            for name in try System.list(path) {
                let file = path + "/" + name
                let original = try Data(contentsOf: URL(fileURLWithPath: file))
                for _ in 0..<20 {
                    var bytes = original
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] ^=
                        1 << UInt8.random(in: 0..<8, using: &random)
                    try bytes.writeAnew(to: file)
                    #expect(!Tower.check(path).isEmpty, "\(name), \(random)")
                    // Whatever is done with bytes that nobody compares, it does not crash.
                    if let tower = try? Tower(path, TowerManifest(folder: path)) {
                        _ = try? tower.embed(Self.rows("movies"))
                    }
                }
                try original.writeAnew(to: file)
            }
            #expect(Tower.check(path).isEmpty)
        }
    }

    @Test func twoTowersThatWereNotImportedTogetherAreNoPair() throws {
        try withPair { pair, folder in
            let other = try Tower.importPair(
                query: Self.folder + "/session.onnx", queryFeatures: Self.folder + "/session.features.json",
                to: folder + "/session")
            try System.remove(folder + "/movies/item.tower")
            try System.rename(other.item.path, to: folder + "/movies/item.tower")
            let error = #expect(throws: BelfryError.self) { try TowerPair.load(folder + "/movies") }
            #expect(error?.code == .wrongTower)
            let conflict = #expect(throws: BelfryError.self) {
                try Tower.importPair(query: "a", item: "b", to: folder + "/movies")
            }
            #expect(conflict?.code == .conflict)
        }
        try withTemporaryDirectory { folder in
            let error = #expect(throws: BelfryError.self) {
                try Tower.importPair(
                    query: Self.folder + "/user.onnx", item: Self.folder + "/session.onnx",
                    queryFeatures: Self.folder + "/user.features.json", to: folder + "/x")
            }
            #expect(error != nil)
            let left = try System.list(folder)
            #expect(left.isEmpty, "nothing is left behind")
        }
    }

    @Test(
        arguments: [
            (#""output": "nothing""#, "has no value “nothing”"), (#""pooling": "mean""#, "pooled already"),
            (#""pooling": "best""#, "one or more of"), (#""cut": 9"#, "cannot be cut to 9"),
            (#""outputs": "y""#, "no meaning"),
            (#""items": {"tensor": "w1", "lookup": {"rows": 9}}"#, "session model"), (#""output": "u""#, nil),
        ] as [(String, String?)])
    func settingsThatDoNotFitTheGraph(member: String, message: String?) throws {
        try withTemporaryDirectory { folder in
            var text = try String(contentsOfFile: Self.folder + "/user.features.json", encoding: .utf8)
            text = text.replacingOccurrences(of: "\"format\": 1", with: "\"format\": 1, " + member)
            if message == nil {
                text = text.replacingOccurrences(of: ",\n  {\"input\": \"age\"", with: "], \"x\": [{\"input\": \"a\"")
            }
            try Data(text.utf8).writeAnew(to: folder + "/f.json")
            func run() throws {
                try Tower.importModel(
                    from: Self.folder + "/user.onnx", to: folder + "/t.tower", features: folder + "/f.json")
            }
            guard let message else { return }
            let error = #expect(throws: BelfryError.self) { try run() }
            #expect(error?.message.contains(message) == true, "\(error!)")
            #expect(try System.list(folder) == ["f.json"])
        }
    }

    @Test func inputsThatNoColumnFillsAreNamed() throws {
        let cases: [(String, String)] = [
            ("\"input\": \"age\"", "“age” of the model is filled by no column"),
            (
                "\"type\": \"index\", \"lookup\": {\"boundaries\": [18, 30, 50], \"first_row\": 1}, \"missing\": 0",
                "takes int64"
            ),
        ]
        for (index, (old, message)) in cases.enumerated() {
            try withTemporaryDirectory { folder in
                let text = try String(contentsOfFile: Self.folder + "/user.features.json", encoding: .utf8)
                #expect(text.contains(old))
                let new = index == 0 ? "\"input\": \"years\"" : "\"type\": \"number\""
                try Data(text.replacingOccurrences(of: old, with: new).utf8).writeAnew(to: folder + "/f.json")
                let error = #expect(throws: BelfryError.self) {
                    try Tower.importModel(
                        from: Self.folder + "/user.onnx", to: folder + "/t.tower", features: folder + "/f.json")
                }
                #expect(error?.message.contains(message) == true, "\(error!)")
            }
        }
    }
}
