import Files
import Foundation
import Shards
import Synchronization
import TestSupport
import Testing

@testable import Belfry
@testable import Evaluation
@testable import Recipes

@Suite struct EvaluateTests {
    /// 150 products, of which always three share their title, and nothing but it and the number makes their text.
    private static func withShop(
        _ evaluations: String, index: String = "exact", rows: Int = 150, payload: String = "title: string",
        _ body: (Shop) throws -> Void
    ) throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: rows, segmentRows: 64, index: index)
            try shop.change("show: [title, price]", to: "show: [title, price]\nevaluate:\n\(evaluations)")
            try shop.change("title: string", to: payload)
            _ = try CollectionBuilder(Recipe(folder: shop.recipe), threads: 2).build(
                .init(badRow: { _ in }, reading: { _, _ in }, progress: { _, _ in }))
            try body(shop)
        }
    }

    private static func run(
        _ shop: Shop, _ name: String, limit: Int? = nil, threads: Int = 2
    ) throws -> (result: EvaluationResult, bad: [BelfryError]) {
        let recipe = try Recipe(folder: shop.recipe)
        let evaluation = try #require(recipe.evaluations.first { $0.name == name })
        let bad = Mutex<[BelfryError]>([])
        let result = try Evaluator(recipe, limit: limit, threads: threads).evaluate(
            evaluation,
            .init(
                badRow: { problem in bad.withLock { $0.append(problem) } }, reading: { _, _ in }, progress: { _, _ in })
        )
        return (result, bad.withLock { $0 })
    }

    private static func figure(_ result: EvaluationResult, _ name: String) throws -> EvaluationResult.Figure {
        try #require(result.figures.first { $0.name == name })
    }

    @Test func pointsThatShareAValue() throws {
        let yaml = "  title: {same: title, k: [2, 5], baselines: [bm25]}"
        try Self.withShop(yaml) { shop in
            let collection = try VectorCollection(at: shop.recipe)
            var hits = 0
            for row in 0..<150 {
                let own = try collection.point("p-\(row)").payload["title"]
                let found = try collection.hits(.point("p-\(row)"), k: 2, exact: true)
                #expect(!found.contains { $0.key == "p-\(row)" })
                hits += found.count { $0.payload["title"] == own }
            }
            let (result, bad) = try Self.run(shop, "title")
            let precision = try Self.figure(result, "precision@2")
            #expect(abs(precision.exact.mean - Double(hits) / 300) < 1e-9)
            #expect(precision.exact.low <= precision.exact.mean && precision.exact.mean <= precision.exact.high)
            #expect(try Self.figure(result, "recall@2").exact.mean == precision.exact.mean)
            #expect(bad.isEmpty && result.counts.queries == 150 && result.counts.relevant == 300)
            // The words of the title are the same; the number is another word.
            #expect(try Self.figure(result, "recall@2").baselines[0].value.mean == 1)
            #expect(result.index.recall == 1 && result.index.evaluations == 150)

            let sampled = try Self.run(shop, "title", limit: 20, threads: 1).result
            #expect(sampled.counts.queries == 20 && sampled.counts.queriesBeforeSampling == 150)
            let again = try Self.run(shop, "title", limit: 20, threads: 2).result
            #expect(JSON(encoding: sampled.figures) == JSON(encoding: again.figures))
        }
    }

    /// Of a list, one element is enough.
    @Test func pointsThatShareAnElement() throws {
        let yaml = "  word: {same: title, k: [1], metrics: [recall]}"
        try Self.withShop(yaml, payload: "title: {type: list, separator: \" \"}") { shop in
            // Of 150 products there are 30 of a color and 15 of a kind; 3 are of both.
            let counts = try Self.run(shop, "word").result.counts
            #expect(counts.queries == 150 && counts.relevant == 150 * (30 + 15 - 3 - 1))
        }
    }

    /// What was built of another recipe, or has other words now, would be judged for what it is not.
    @Test func theCollectionIsTheRecipes() throws {
        let yaml = "  text: {file: ../q.csv, text: query, relevant: want, k: [1], baselines: [bm25]}"
        try Self.withShop(yaml) { shop in
            try shop.write("query,want\nnumber 7,p-7\n", "q.csv")
            #expect(try BelfryProcess.run(["evaluate", shop.recipe]).exitCode == 0)
            try shop.change("{title}\\n{description}", to: "{title}")
            let recipe = try BelfryProcess.run(["evaluate", shop.recipe])
            #expect(recipe.exitCode == 1 && recipe.errors.contains("the recipe has changed"), "\(recipe)")
            #expect(recipe.errors.contains("belfry build \(shop.recipe) --replace"), "\(recipe)")
            try shop.change("text: \"{title}\"", to: "text: \"{title}\\n{description}\"")
            try shop.write("id,title,description,price\np-7,lamp,red,1\n", "shop/products.csv")
            let rows = try BelfryProcess.run(["evaluate", shop.recipe])
            #expect(rows.exitCode == 1 && rows.errors.contains("whose words bm25 counts"), "\(rows)")
        }
    }

    /// Rankings are those of a search; what is excluded, or no candidate, or outside `within`, is not among them.
    @Test func rowsOfAFile() throws {
        let yaml = """
              plain: {file: ../q.jsonl, text: query, relevant: want, k: [3], baselines: ["popularity:price", bm25]}
              without: {file: ../q.jsonl, text: query, relevant: want, exclude: out, k: [3], baselines: ["popularity:price"]}
              some: {file: ../q.jsonl, text: query, relevant: want, candidates: some, k: [3], baselines: [bm25]}
              inside: {file: ../q.jsonl, text: query, relevant: want, within: {title: "{title}"}, k: [3]}
              item: {file: ../q.jsonl, item: like, relevant: want, k: [3], baselines: [bm25]}
            """
        try Self.withShop(yaml) { shop in
            let collection = try VectorCollection(at: shop.recipe)
            let found = try collection.hits(.text("a green pump"), k: 10, exact: true).map(\.name)
            let titled = try collection.view.points(where: Filter(PayloadCondition(field: "title", value: "red lamp")))
            #expect(titled?.count == 3)
            let object: JSON = [
                "query": "a green pump", "title": "red lamp", "like": "p-7",
                "out": .array([.string(found[0]), "gone"]),
                "want": .object([found[0]: 2, found[3]: 1, "p-149": 1, "p-0": 1, "nowhere": 1]),
                "some": .array([.string(found[3]), .string(found[5]), "p-0", "nowhere"]),
            ]
            try shop.write(
                object.text() + "\n" + #"{"query": "number 7", "title": "red lamp", "like": "p-3"}"#, "q.jsonl")

            let wanted = Set([found[0], found[3], "p-149", "p-0"])
            func precision(_ names: [String]) -> Double { Double(names.prefix(3).count { wanted.contains($0) }) / 3 }
            let plain = try Self.run(shop, "plain").result
            #expect(try Self.figure(plain, "precision@3").exact.mean == precision(found))
            #expect(plain.counts.queries == 1 && plain.counts.withoutRelevant == 1)
            #expect(plain.counts.relevant == wanted.count + 1 && plain.counts.missingRelevant == 1)
            #expect(try Self.figure(plain, "hit_rate@3").baselines[0].value.mean == 1)

            let without = try Self.run(shop, "without").result
            #expect(try Self.figure(without, "precision@3").exact.mean == precision(Array(found.dropFirst())))
            #expect(without.counts.excluded == 1)

            let some = try Self.run(shop, "some").result
            let ranked = try collection.hits(.text("a green pump"), k: 150, exact: true).map(\.name)
                .filter { [found[3], found[5], "p-0"].contains($0) }
            #expect(try Self.figure(some, "precision@3").exact.mean == precision(ranked))
            #expect(try Self.figure(some, "precision@3").index.mean == precision(ranked))
            #expect(some.counts.candidates == 3 && some.counts.missingCandidates == 1)

            // Red lamps are p-0, p-50 and p-100.
            let inside = try Self.run(shop, "inside").result
            let lamps = wanted.intersection(["p-0", "p-50", "p-100"]).count
            #expect(try Self.figure(inside, "precision@3").exact.mean == Double(lamps) / 3)
            #expect(inside.counts.within == 3)

            let similar = try collection.hits(.point("p-7"), k: 3, exact: true).map(\.name)
            #expect(try Self.figure(try Self.run(shop, "item").result, "precision@3").exact.mean == precision(similar))
        }
    }

    /// Rows that are single judgements make one query, wherever they stand; the base means "not relevant".
    @Test func judgementsOnRowsOfTheirOwn() throws {
        let yaml = """
              judged: {file: ../q.csv, text: query, relevant: product, grade: grade, base: 1, candidates: product, k: [2]}
            """
        try Self.withShop(yaml) { shop in
            try shop.write(
                """
                query,product,grade
                a red lamp,p-0,3
                a desk,p-9,2.5
                a red lamp,p-7,1
                a red lamp,p-8,two
                a desk,nowhere,2
                an oven,p-3,1
                ,p-3,1
                """, "q.csv")
            let (result, bad) = try Self.run(shop, "judged")
            #expect(result.counts.queries == 2 && result.counts.withoutRelevant == 1)
            #expect(result.counts.candidates == 1.5 && result.counts.missingCandidates == 1)
            #expect(result.counts.relevant == 3 && result.counts.missingRelevant == 1)
            // Both candidates of the first query are ranked, the only one of the second is relevant.
            #expect(try Self.figure(result, "precision@2").exact.mean == 0.5)
            #expect(try Self.figure(result, "recall@2").exact.mean == 0.75)
            #expect(bad.map(\.location?.place) == ["line 5", "line 8"])
            #expect(bad[0].message.contains("two") && bad[0].location?.file.hasSuffix("q.csv") == true)
        }
    }

    @Test(arguments: [
        ("{text: query, relevant: want}", "", "The file has no queries."),
        ("{text: query, relevant: want}", #"{"query": "x", "want": [1.5]}"#, "Not one of 1 rows can be used."),
        ("{text: query, relevant: want}", #"{"query": "x", "want": []}"#, "no query with anything relevant"),
        ("{text: query, relevant: want}", #"{"query": "x"}"#, "No row has a field \"want\""),
        (
            "{text: query, relevant: want, exclude: sen}", #"{"query": "x", "want": "p-1"}"#,
            "No row has a field \"sen\""
        ),
        ("{text: query, relevant: want}", #"{"query": "x", "want": {"p-1": "a"}}"#, "Not one of 1 rows can be used."),
        ("{item: query, relevant: want}", #"{"query": "p-900", "want": "p-1"}"#, "Not one of 1 rows can be used."),
    ])
    func nothingToEvaluateIsAnError(_ fields: String, _ rows: String, _ message: String) throws {
        let yaml = "  one: " + fields.replacing("{", with: "{file: ../q.jsonl, ")
        try Self.withShop(yaml, rows: 10) { shop in
            try shop.write(rows, "q.jsonl")
            let error = #expect(throws: BelfryError.self) { _ = try Self.run(shop, "one") }
            #expect(error?.message.contains(message) == true, "\(error.map { "\($0)" } ?? "")")
            #expect(error?.location?.file.hasSuffix("q.jsonl") == true)
        }
        try Self.withShop(yaml, rows: 10) { shop in
            let error = #expect(throws: BelfryError.self) { _ = try Self.run(shop, "one") }
            #expect(error?.code == .notFound)
        }
    }

    @Test func textsAreNotUsers() throws {
        try Self.withShop("  one: {file: ../q.jsonl, user: query, relevant: want}", rows: 10) { shop in
            try shop.write(#"{"query": "ann", "want": "p-1"}"#, "q.jsonl")
            let error = #expect(throws: BelfryError.self) { _ = try Self.run(shop, "one") }
            #expect(error?.message.contains("cannot be asked by user. The collection has no users") == true)
            #expect(error?.location?.place == "evaluate.one" && error?.remedy?.contains("text, item") == true)
        }
    }

    /// An index finds about what the recipe asks for, and its cost says what that took.
    @Test func theIndexIsMeasuredBesideTheExactSearch() throws {
        let yaml = """
              title: {same: title, sample: 300, k: [1, 10]}
              inside: {file: ../q.jsonl, text: query, relevant: want, within: {title: "{title}"}, k: [10]}
            """
        try Self.withShop(yaml, index: "hnsw\nrecall: 0.95", rows: 6_000) { shop in
            try shop.write(#"{"query": "a red lamp", "title": "red lamp", "want": "p-0"}"#, "q.jsonl")
            let inside = try Self.run(shop, "inside").result.index
            #expect(inside.recall == 1 && inside.scanEvaluations == 120 && inside.evaluations <= 240)
            let result = try Self.run(shop, "title").result
            #expect(result.index.kind == "hnsw" && result.index.k == 10 && result.index.target == 0.95)
            #expect(result.index.recall > 0.8 && result.index.recall <= 1)
            #expect(result.index.evaluations > 0 && result.index.evaluations <= 6_000)
            #expect(result.index.scanEvaluations == 6_000)
            #expect(result.index.microseconds > 0 && result.index.exactMicroseconds > 0)
            #expect(result.counts.queries == 300 && result.counts.queriesBeforeSampling == 6_000)
        }
    }

    @Test func theCommandPrintsTablesOrJSON() throws {
        let yaml = """
              title: {same: title, k: [2], metrics: [recall, ndcg], published: {recall@2: "0.5"}}
              text: {file: ../q.csv, text: query, relevant: want, k: [1], baselines: [bm25]}
            """
        try Self.withShop(yaml) { shop in
            try shop.write("query,want\nnumber 7,p-7\nnumber 9,p-9\n", "q.csv")
            let table = try BelfryProcess.run(["evaluate", shop.recipe])
            #expect(table.exitCode == 0, "\(table.errors)")
            for part in ["evaluation", "published", "95 % interval", "recall@2", "0.5", "bm25", "150 queries", "µs"] {
                #expect(table.output.contains(part), "\(part) in \(table.output)")
            }
            let summary = try BelfryProcess.run(["evaluate", shop.recipe, shop.recipe, "--summary"])
            #expect(summary.exitCode == 0, "\(summary.errors)")
            let rows = summary.output.split(separator: "\n").filter { $0.contains("@") }
            #expect(rows.count == 4, "two headlines of the recipe, twice: \(summary.output)")
            #expect(rows[0].contains("recall@2") && rows[0].contains("0.5") && rows[1].contains("bm25 1.000"))
            #expect(try BelfryProcess.run(["evaluate", shop.recipe, "--summary", "--k", "3"]).exitCode == 2)
            try shop.change("metrics: [recall, ndcg]", to: "metrics: [recall, ndcg], headline: []")
            let none = try BelfryProcess.run(["evaluate", shop.recipe, "--only", "title", "--summary"])
            #expect(none.output.contains("None of these evaluations has a headline"), "\(none)")
            let json = try BelfryProcess.run(
                ["evaluate", shop.recipe, "--only", "text", "--k", "1,3", "--limit", "1", "--seed", "5", "--json"])
            #expect(json.exitCode == 0, "\(json.errors)")
            let result = try JSON(parsing: Data(json.output.utf8), source: "output")["results"]?.array?.first
            #expect(result?["figures"]?.array?.count == 14)
            #expect(result?["counts"]?["queries"]?.integer == 1 && result?["seed"]?.integer == 5)
            let hits = result?["figures"]?.array?.first { $0["name"] == "hit_rate@1" }
            #expect(hits?["baselines"]?.array?.first?["value"]?["mean"]?.number == 1)

            let unknown = try BelfryProcess.run(["evaluate", shop.recipe, "--only", "other"])
            #expect(unknown.exitCode == 1 && unknown.errors.contains("title, text"))
            #expect(try BelfryProcess.run(["evaluate", shop.recipe, "--variant", "big"]).exitCode == 1)
            #expect(try BelfryProcess.run(["evaluate", shop.recipe, "--k", "ten"]).exitCode == 2)

            // What was found before an error is not lost.
            try shop.write("query,want\n", "q.csv")
            let half = try BelfryProcess.run(["evaluate", shop.recipe])
            #expect(half.exitCode == 1 && half.output.contains("recall@2") && half.errors.contains("q.csv"), "\(half)")
        }
    }
}
