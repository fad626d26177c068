import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Towers

/// Trained two-towers and a session model beside the repository, as rows of their own fields, against the vectors that
/// came with them.
@Suite(.enabled(if: TestData.has(TestData.shared + "/towers/ml100k-twotower-rich")))
struct MovieLensTowerTests {
    static func folder(_ name: String) -> String { TestData.shared + "/towers/ml100k-" + name }

    private func vocabulary(_ folder: String) throws -> JSON {
        try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: folder + "/vocab.json")), source: folder)
    }

    private func write(_ columns: [JSON], _ more: [String: JSON] = [:], to file: String) throws {
        let members = more.merging(["format": 1, "columns": .array(columns)]) { $1 }
        try Data(JSON.object(members).text().utf8).writeAnew(to: file)
    }

    private func index(_ input: String, _ values: JSON, field: String? = nil) -> JSON {
        [
            "input": .string(input), "type": "index", "field": .string(field ?? input),
            "lookup": ["vocabulary": values, "first_row": 1, "unknown": 0],
        ]
    }

    private func difference(_ found: Matrix, _ expected: NpyArray) -> Float {
        #expect([found.rows, found.columns] == expected.shape)
        return zip(UnsafeBufferPointer(start: found.pointer, count: found.rows * found.columns), expected.floats())
            .reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    /// Every one of the expected nearest 100 is among the nearest, up to scores that are nearly equal.
    private func compareNeighbors(_ pair: TowerPair, _ queries: Matrix, _ items: Matrix, _ npz: Npz) throws {
        let rows = try npz["neighbour_query"].integers()
        let ids = try npz["neighbour_ids"].integers()
        for (number, row) in rows.enumerated() {
            let scores = (0..<items.rows).map { item in
                zip(queries.row(row), items.row(item)).reduce(Float(0)) { $0 + $1.0 * $1.1 }
            }
            let hundredth = scores.dropFirst().sorted(by: >)[99]
            for id in ids[number * 100..<(number + 1) * 100] { #expect(scores[id] >= hundredth - 2e-5) }
        }
    }

    private func exports(_ folder: String, _ start: String) throws -> [String] {
        try System.list(folder).filter { $0.hasPrefix(start + ".") && $0.hasSuffix(".onnx") }
    }

    @Test(arguments: ["softmax", "logistic"])
    func twoTowersByIDs(kind: String) throws {
        let source = Self.folder("twotower-ids-" + kind)
        let (vocabulary, npz) = (try vocabulary(source), try Npz(source + "/expected.npz"))
        try withTemporaryDirectory { folder in
            for file in try exports(source, "query") {
                let item = file.replacingOccurrences(of: "query", with: "item")
                    .replacingOccurrences(of: "strings", with: "legacy")
                let (query, items) = (try OnnxModel(source + "/" + file), try OnnxModel(source + "/" + item))
                let isText = query.inputs[0].type == .string
                let user = query.inputs[0].name
                try write(
                    [
                        isText
                            ? ["input": .string(user), "type": "string", "field": "user"]
                            : index(user, vocabulary["user_id"]!, field: "user")
                    ], to: folder + "/query.json")
                try write(
                    [index(items.inputs[0].name, vocabulary["movie_title"]!, field: "title")], to: folder + "/item.json"
                )
                let pair = try Tower.importPair(
                    query: source + "/" + file, item: source + "/" + item, queryFeatures: folder + "/query.json",
                    itemFeatures: folder + "/item.json", to: folder + "/" + file)
                let users: [JSON] = [["user": "nobody"]] + vocabulary["user_id"]!.array!.map { ["user": $0] }
                let titles: [JSON] = [["title": ""]] + vocabulary["movie_title"]!.array!.map { ["title": $0] }
                let (queries, movies) = (try pair.query.embed(users), try pair.item.embed(titles))
                let worst = max(
                    difference(queries, try npz["query_embedding"]), difference(movies, try npz["item_embedding"]))
                print("ml100k-twotower-ids-\(kind) \(file): max |Δ| \(worst)")
                #expect(worst == 0, "rows of a table are copied")
                try compareNeighbors(pair, queries, movies, npz)
                #expect(Tower.check(pair.query.path).isEmpty && Tower.check(pair.item.path).isEmpty)
            }
        }
    }

    @Test func twoTowersOfRichFeatures() throws {
        let source = Self.folder("twotower-rich")
        let (vocabulary, npz) = (try vocabulary(source), try Npz(source + "/expected.npz"))
        let user = vocabulary["user"]!
        // The rows' fields again, from the rows of the tables that they became.
        let features = try npz["user_features"].integers()
        let ages = [0, 10] + user["age_boundaries"]!.array!.map { $0.integer! + 1 }
        let users = (0..<944).map { row -> JSON in
            let place = Array(features[5 * row..<5 * row + 5])
            func name(_ list: String, _ index: Int) -> JSON { index == 0 ? "?" : user[list]!.array![index - 1] }
            return [
                "user_id": name("user_id", place[0]), "age": place[1] == 0 ? .null : .integer(Int64(ages[place[1]])),
                "gender": name("gender", place[2]), "occupation": name("occupation", place[3]),
                "zip": place[4] == 0 ? .null : .string(place[4] == 11 ? "V3N4P" : "\(place[4] - 1)4107"),
            ]
        }
        let genres = try npz["genres"].integers()
        let years = try npz["year"].floats()
        let titles = vocabulary["movie_title"]!.array!.map { $0.string! }
        let movies = (0..<1665).map { row -> JSON in
            let title = row == 0 ? "" : titles[row - 1]
            let year = try! NSRegularExpression(pattern: "\\s*\\(\\d{4}\\)\\s*$")
            let name = year.stringByReplacingMatches(
                in: title, range: NSRange(title.startIndex..., in: title), withTemplate: "")
            let own = (0..<19).filter { genres[19 * row + $0] != 0 }.map { JSON.integer(Int64($0)) }
            return [
                "title": .string(title), "name": row == 0 ? .null : .string(name), "genres": .array(own),
                "year": .number(Double(years[row]) * 20 + 1990),
            ]
        }
        try withTemporaryDirectory { folder in
            for file in try exports(source, "query") {
                let item = file.replacingOccurrences(of: "query", with: "item")
                    .replacingOccurrences(of: "strings", with: "legacy")
                let isText = try OnnxModel(source + "/" + file).inputs[0].type == .string
                var age = index("age", [], field: "age")
                age = [
                    "input": "age", "type": "index", "missing": 0,
                    "lookup": ["boundaries": user["age_boundaries"]!, "first_row": 1],
                ]
                let zip: JSON = [
                    "input": "zip_region", "type": "index", "field": "zip", "missing": 0,
                    "lookup": [
                        "vocabulary": .array((0..<10).map { .string("\($0)") }), "first_row": 1, "unknown": 11,
                        "prefix": 1,
                    ],
                ]
                let text: JSON = [
                    "input": .string("user_id_string"), "type": .string("string"), "field": .string("user_id"),
                ]
                let columns = ["user_id", "gender", "occupation"].map { name in
                    isText && name == "user_id" ? text : index(name, user[name]!)
                }
                try write(
                    columns + [age, zip],
                    to: folder + "/query.json")
                try write(
                    [
                        index("title_id", vocabulary["movie_title"]!, field: "title"),
                        [
                            "input": "ngrams", "field": "name", "type": "list", "length": 48, "fixed": true,
                            "default": "",
                            "ngrams": ["sizes": [3], "before": "^", "after": "$"],
                            "lookup": ["hash": "crc32", "buckets": 4096, "first_row": 1],
                        ],
                        ["input": "genres", "type": "multi_hot", "lookup": ["rows": 19]],
                        ["input": "year", "type": "number", "mean": 1990, "std": 20],
                    ], to: folder + "/item.json")
                let pair = try Tower.importPair(
                    query: source + "/" + file, item: source + "/" + item, queryFeatures: folder + "/query.json",
                    itemFeatures: folder + "/item.json", to: folder + "/" + file)
                // The n-grams of no title at all are the ends' marks; the fixture has none.
                let (queries, items) = (try pair.query.embed(users), try pair.item.embed(movies))
                let worst = max(
                    difference(queries, try npz["query_embedding"]), difference(items, try npz["item_embedding"]))
                print("ml100k-twotower-rich \(file): max |Δ| \(worst)")
                #expect(worst <= 2e-6)
                try compareNeighbors(pair, queries, items, npz)
            }
        }
    }

    @Test func sessions() throws {
        let source = Self.folder("gru4rec")
        let npz = try Npz(source + "/expected.npz")
        let (items, lengths) = (try npz["items"].integers(), try npz["lengths"].integers())
        let short = try npz["lengths_short"].integers()
        func rows(_ lengths: [Int]) -> [JSON] {
            lengths.enumerated().map { row, length in
                ["items": .array(items[50 * row..<50 * row + length].map { .integer(Int64($0)) })]
            }
        }
        try withTemporaryDirectory { folder in
            for file in try exports(source, "query") {
                let model = try OnnxImporter(source + "/" + file)
                // The exporters name the table as they like: it is the one of 1,683 rows.
                let table = try #require(model.graph.constants.first { $0.value.shape == [1683, 64] }).key
                try write(
                    [
                        [
                            "input": "items", "type": "list", "length": 50, "keeps": "last", "minimum": 1,
                            "lengths": "lengths", "lookup": ["rows": 1683],
                        ]
                    ], ["items": ["tensor": .string(table), "field": "movie", "lookup": ["rows": 1683]]],
                    to: folder + "/session.json")
                let pair = try Tower.importPair(
                    query: source + "/" + file, queryFeatures: folder + "/session.json", to: folder + "/" + file)
                let queries = try pair.query.embed(rows(lengths))
                let movies = try pair.item.embed((0..<1683).map { ["movie": .integer($0)] })
                let worst = max(
                    difference(queries, try npz["query_embedding"]),
                    difference(try pair.query.embed(rows(short)), try npz["query_embedding_short"]))
                print("ml100k-gru4rec \(file): max |Δ| \(worst)")
                #expect(worst <= 5e-6)
                #expect(difference(movies, try npz["item_embedding"]) == 0)
                try compareNeighbors(pair, queries, movies, npz)
            }
        }
    }
}
