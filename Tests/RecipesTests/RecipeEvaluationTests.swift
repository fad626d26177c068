import Files
import Testing

@testable import Recipes

@Suite struct EvaluationTests {
    private static func recipe(_ evaluation: String) throws -> Recipe {
        try Recipe(
            yaml: """
                rows: {file: products.csv}
                id: id
                text: "{title}"
                payload: {title: string, code: string, sold: integer, domain: string}
                tower: t.tower
                evaluate:
                  first: \(evaluation)
                  second: {same: code}
                """, folder: "/r/shop")
    }

    @Test func readsEveryField() throws {
        let recipe = try Self.recipe(
            """
            {file: q.jsonl, columns: {user: u}, user: user, relevant: item, grade: stars, base: 1, candidates: c,
                  exclude: seen, within: {domain: "{target}"}, k: [10, 1], metrics: [ndcg, hit_rate],
                  baselines: ["popularity:sold"], published: {ndcg@10: 0.3–0.4}}
            """)
        #expect(recipe.evaluations.map(\.name) == ["first", "second"])
        let first = recipe.evaluations[0]
        #expect(first.file == "/r/shop/q.jsonl")
        #expect(first.figures.map(\.description) == ["ndcg@1", "ndcg@10", "hit_rate@1", "hit_rate@10"])
        #expect(first.baselines == [.popularity(field: "sold")])
        #expect(first.published == ["ndcg@10": "0.3–0.4"])
        guard case .file(let queries) = first.source, case .user("user") = queries.query else {
            Issue.record("\(first)")
            return
        }
        #expect(queries.relevant == "item" && queries.grade == "stars" && queries.base == 1)
        #expect(queries.candidates == "c" && queries.exclude == "seen")
        #expect(queries.within.map(\.payload) == ["domain"] && queries.within.map(\.value) == [.field("target")])
        #expect(first.headline == ["ndcg@10"])
        let second = recipe.evaluations[1]
        #expect(second.headline == ["precision@10"])
        #expect(second.k == [10] && second.metrics == RankingMetric.allCases && second.sample == nil)
        #expect(second.payloadFields == ["code"])
    }

    @Test func theHeadlineIsWhatTheRecipeSays() throws {
        let named = try Self.recipe("{file: q.csv, text: a, relevant: b, k: [1, 5], headline: [mrr@5, recall@1]}")
        #expect(named.evaluations[0].headline == ["mrr@5", "recall@1"])
        #expect(try Self.recipe("{file: q.csv, text: a, relevant: b, headline: []}").evaluations[0].headline == [])
    }

    @Test(arguments: [
        ("{file: q.csv, relevant: item}", "one of text, item, user, session, fields"),
        ("{file: q.csv, text: a, item: b, relevant: item}", "text and item are there"),
        ("{file: q.csv, text: a}", "evaluate.first.relevant is missing"),
        ("{text: a, relevant: b}", "evaluate.first.file is missing"),
        ("{file: q.csv, text: a, relevant: b, limit: 5}", "evaluate.first.limit is not a field"),
        ("{file: q.csv, text: a, relevant: b, k: [0]}", "evaluate.first.k must be"),
        ("{file: q.csv, text: a, relevant: b, metrics: [recal]}", "names \"recal\""),
        ("{file: q.csv, text: a, relevant: b, base: one}", "base must be a number"),
        ("{file: q.csv, text: a, relevant: b, baselines: [bm26]}", "has \"bm26\""),
        ("{file: q.csv, text: a, relevant: b, baselines: [\"popularity:title\"]}", "no number"),
        ("{file: q.csv, user: a, relevant: b, baselines: [bm25]}", "needs queries that are texts or items"),
        ("{file: q.csv, text: a, relevant: b, within: {color: c}}", "\"color\", which is not in payload"),
        ("{file: q.csv, text: a, relevant: b, published: {recall@7: 0.1}}", "no figure of this evaluation"),
        ("{file: q.csv, text: a, relevant: b, headline: [recall@7]}", "headline has recall@7, which is no figure"),
        ("{file: q.csv, text: a, relevant: b, headline: recall@10}", "headline must be a list"),
        ("{file: q.csv, text: a, relevant: b, sample: 7}", "stands without same"),
        ("{same: color}", "\"color\", which is not in payload"),
        ("{same: code, relevant: x}", "stands beside same"),
    ])
    func whatIsWrongIsNamed(_ evaluation: String, _ message: String) throws {
        let error = #expect(throws: BelfryError.self) { try Self.recipe(evaluation) }
        #expect(error?.code == .invalidInput)
        #expect(error.map { "\($0)" }?.contains(message) == true, "\(error.map { "\($0)" } ?? "")")
        #expect(error?.location?.file == "recipe.yaml")
    }
}
