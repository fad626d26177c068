import Files
import Foundation
import TestSupport
import Testing
import Towers

@testable import Belfry

/// A shop whose best answers a cross-encoder reads once more.
@Suite struct RerankTests {
    private static let models = TestData.root + "/Tests/TowersTests/Fixtures/tiny-rerankers"

    private static func withShop(_ rerank: String, _ body: (Shop, _ reranker: String) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 60, index: "exact")
            try shop.change("payload: {title: string,", to: "payload: {title: string, description: string,")
            try shop.change("show: [title, price]", to: "show: [title, price]\n\(rerank)")
            for family in ["bert", "roberta"] {
                let target = "\(folder)/\(family).tower"
                let imported = try BelfryProcess.run(["tower", "import", "\(models)/\(family)", "--to", target])
                #expect(imported.exitCode == 0, "\(imported.errors)")
            }
            try body(shop, folder + "/bert.tower")
        }
    }

    private static func search(_ shop: Shop, _ more: String...) throws -> JSON {
        let found = try BelfryProcess.run(["search", shop.recipe, question, "-k", "60", "--json"] + more)
        #expect(found.exitCode == 0, "\(found.errors)")
        return try JSON(parsing: Data(found.output.utf8), source: "answer")
    }

    private static func names(_ json: JSON) -> [String] {
        json["results"]?.array?.compactMap { $0["id"]?.string } ?? []
    }

    private static let question = "a green lamp for the desk"

    /// The answers in the order of the cross-encoder, made here of what it says of each.
    private static func expected(_ plain: JSON, _ tower: Tower, _ fields: [String], top: Int) throws -> [String] {
        let hits = plain["results"]?.array ?? []
        let texts = hits.prefix(top).map { hit in
            fields.compactMap { hit["payload"]?[$0]?.string }.joined(separator: " ")
        }
        let scores = try tower.scores(of: texts, for: question)
        let order = scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
        let names = names(plain)
        return order.map { names[$0] } + names.dropFirst(top)
    }

    @Test func theBestAnswersAreReadOnceMore() throws {
        try Self.withShop("rerank: {tower: ../bert.tower, top: 20, fields: [title, description]}") { shop, path in
            let built = try BelfryProcess.run(["build", shop.recipe])
            #expect(built.exitCode == 0, "\(built.errors)")
            let tower = try Tower.load(path)
            let plain = try Self.search(shop, "--no-rerank")
            #expect(plain["reranked"] == nil && Self.names(plain).count == 60)
            // Of the same score the first stay first: ids may differ in the order of ties, which there are none of here.
            let reranked = try Self.search(shop)
            #expect(
                Self.names(reranked) == (try Self.expected(plain, tower, ["title", "description"], top: 20)))
            #expect(reranked["reranked"]?["read"]?.number == 20 && Self.names(reranked) != Self.names(plain))
            let fewer = try Self.search(shop, "--rerank-top", "5", "--rerank-fields", "description")
            #expect(Self.names(fewer) == (try Self.expected(plain, tower, ["description"], top: 5)))
            let other = try Self.search(
                shop, "--rerank", "\(shop.folder)/roberta.tower", "--rerank-top", "60", "--rerank-fields", "title")
            let roberta = try Tower.load("\(shop.folder)/roberta.tower")
            let wanted = try Self.expected(plain, roberta, ["title"], top: 60)
            // Products of one title score alike.
            #expect(Set(Self.names(other)) == Set(wanted) && other["reranked"]?["wanted"]?.number == 60)

            // A page, groups, a filter: of what was reranked.
            let page = try Self.search(shop, "--offset", "3")
            #expect(Self.names(page) == Array(Self.names(reranked).dropFirst(3)))
            let filtered = try Self.search(shop, "--filter", "price < 10")
            #expect(Self.names(filtered).count == 10 && filtered["reranked"]?["read"]?.number == 10)

            // The first of each title, in the order of the whole ranking: no group comes of an order that was read in part.
            let whole = try Self.search(shop, "--rerank-top", "60")["results"]?.array ?? []
            var titles: [String] = []
            for title in whole.compactMap({ $0["payload"]?["title"]?.string }) where !titles.contains(title) {
                titles.append(title)
            }
            let grouped = try Self.search(shop, "--rerank-top", "60", "--group-by", "title")
            #expect(grouped["groups"]?.array?.compactMap { $0["value"]?.string } == titles, "\(grouped.text())")
            #expect(grouped["reranked"]?["read"]?.number == 60 && grouped["reranked"]?["wanted"]?.number == 60)

            // What reads them changes without a vector being made again, and the old copy goes.
            try shop.change("../bert.tower, top: 20", to: "../roberta.tower, top: 10")
            let again = try BelfryProcess.run(["build", shop.recipe])
            #expect(again.exitCode == 0 && again.output.contains("up to date"), "\(again.output)\(again.errors)")
            #expect(try Self.search(shop)["reranked"]?["wanted"]?.number == 10)
            let towers = try FileManager.default.contentsOfDirectory(atPath: shop.collection + "/towers")
            #expect(towers.sorted() == ["roberta.tower", "tiny.tower"], "\(towers)")
            let checked = try BelfryProcess.run(["check", shop.recipe])
            #expect(checked.exitCode == 0, "\(checked.output)")
            let copied = try BelfryProcess.run(["snapshot", shop.recipe, "--to", "\(shop.folder)/copy.belfry"])
            #expect(copied.exitCode == 0, "\(copied.errors)")
            let copy = try VectorCollection("\(shop.folder)/copy.belfry")
            #expect(try copy.reranking(with: "lamp")?.top == 10)
        }
    }

    /// What it makes of the answers stands beside what they were.
    @Test func anEvaluationSaysWhatItGains() throws {
        let evaluation = "evaluate:\n  title: {file: queries.jsonl, text: text, relevant: id, k: [10]}"
        try Self.withShop("rerank: {tower: ../bert.tower, top: 30}\n\(evaluation)") { shop, path in
            func query(_ number: Int) -> String { "\(Shop.colors[number % 5]) \(Shop.products[number])" }
            let queries = (0..<10).map { "{\"text\": \"\(query($0))\", \"id\": [\"p-\($0 * 5)\"]}\n" }
            try shop.write(queries.joined(), "shop/queries.jsonl")
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            let evaluated = try BelfryProcess.run(["evaluate", shop.recipe, "--json"])
            #expect(evaluated.exitCode == 0, "\(evaluated.errors)")
            let shown = try BelfryProcess.run(["evaluate", shop.recipe])
            #expect(shown.output.contains("reranked"), "\(shown.output)")
            // By hand: how many of the queries have their point among the best ten.
            let (collection, tower) = (try VectorCollection(shop.collection), try Tower.load(path))
            var (before, after) = (0, 0)
            for number in 0..<10 {
                let hits = try collection.search(SearchRequest(.text(query(number)), k: 30)).hits
                let texts = hits.map {
                    "\($0.payload["title"]?.string ?? "") \($0.payload["description"]?.string ?? "")"
                }
                let scores = try tower.scores(of: texts, for: query(number))
                let best = scores.indices.sorted { (scores[$1], hits[$0].id) < (scores[$0], hits[$1].id) }.prefix(10)
                before += hits.prefix(10).contains { $0.name == "p-\(number * 5)" } ? 1 : 0
                after += best.contains { hits[$0].name == "p-\(number * 5)" } ? 1 : 0
            }
            let json = try JSON(parsing: Data(evaluated.output.utf8), source: "evaluation")
            let figures = json["results"]?.array?.first?["figures"]?.array ?? []
            let recall = figures.first { $0["name"]?.string == "recall@10" }?["reranked"]
            #expect(recall?["value"]?["mean"]?.number == Double(after) / 10, "\(evaluated.output)")
            let gain = try #require(recall?["gain"]?["mean"]?.number)
            #expect(abs(gain - Double(after - before) / 10) < 1e-9)
        }
    }

    /// Where time is short, the rest follows as it was, and it is said.
    @Test func whatIsNotReadIsSaid() throws {
        try Self.withShop("rerank: {tower: ../bert.tower, top: 60}") { shop, path in
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            let collection = try VectorCollection(shop.collection)
            var reranking = try #require(try collection.reranking(with: Self.question))
            var request = SearchRequest(.text(Self.question), k: 60)
            let plain = try collection.search(request)
            reranking.budget = .zero
            let late = try collection.search(request.reranked(reranking))
            let report = try #require(late.reranking)
            // The first few are read whatever the time: nobody knows before how long that takes.
            #expect(report.read < report.wanted && report.wanted == 60)
            #expect(late.note?.contains("rerank \(report.read) of 60") == true)
            #expect(late.hits.dropFirst(report.read).map(\.name) == plain.hits.dropFirst(report.read).map(\.name))
            // What cannot be is told, whenever it was set.
            for top in [-1, 0, 1_001, .max] {
                var odd = reranking
                odd.top = top
                #expect(throws: BelfryError.self) { try collection.search(request.reranked(odd)) }
            }
            // Scores of two kinds are not compared.
            request.scoreThreshold = -.infinity
            #expect(try collection.search(request.reranked(reranking)).hits.count == report.read)
        }
    }

    @Test(arguments: [
        ("rerank: {tower: ../tiny.tower}", "cross-encoder"), ("rerank: {tower: ../none.tower}", "none.tower"),
        ("rerank: {tower: ../bert.tower, top: 0}", "top"), ("rerank: {tower: ../bert.tower, top: 5000}", "1000"),
        ("rerank: {tower: ../bert.tower, fields: [color]}", "add color: string to payload"),
        ("rerank: {tower: ../bert.tower, fields: []}", "fields"),
        ("rerank: {tower: ../bert.tower, fields: title}", "list"),
        ("rerank: {tower: ../bert.tower, milliseconds: -1}", "milliseconds"),
        ("rerank: {top: 5}", "tower"),
    ])
    func recipesThatSayItWronglyAreRefused(_ rerank: String, _ said: String) throws {
        try Self.withShop(rerank) { shop, _ in
            let refused = try BelfryProcess.run(["build", shop.recipe])
            #expect(refused.exitCode != 0 && refused.errors.contains(said), "\(refused.errors)")
        }
    }

    @Test func aRerankerIsNoTowerOfACollection() throws {
        try Self.withShop("") { shop, path in
            try shop.change("../tiny.tower", to: "../bert.tower")
            let refused = try BelfryProcess.run(["build", shop.recipe])
            #expect(refused.exitCode != 0 && refused.errors.contains("reranker"), "\(refused.errors)")
            let made = try BelfryProcess.run(["create", shop.folder + "/c.belfry", "--tower", path])
            #expect(made.exitCode != 0 && made.errors.contains("reranker"), "\(made.errors)")
            #expect(!FileManager.default.fileExists(atPath: shop.folder + "/c.belfry"))
        }
    }

    /// A recipe's reranker is for its own collection: beside another one it is silent, and refuses where it is asked for.
    @Test func severalCollectionsAreNotReranked() throws {
        try Self.withShop("rerank: {tower: ../bert.tower}") { shop, path in
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            try FileManager.default.copyItem(atPath: shop.collection, toPath: shop.folder + "/other.belfry")
            let both = ["search", shop.recipe, "lamp", "--with", shop.folder + "/other.belfry", "--json"]
            let silent = try BelfryProcess.run(both)
            #expect(silent.exitCode == 0 && !silent.output.contains("reranked"), "\(silent.errors)")
            let asked = try BelfryProcess.run(both + ["--rerank", path])
            #expect(asked.exitCode == 1 && asked.errors.contains("one collection alone"), "\(asked.errors)")
        }
    }

    @Test func optionsWithoutEffectAreRefused() throws {
        for (options, said) in [
            (["--no-rerank", "--rerank-top", "5"], "--no-rerank"), (["--rerank-top", "0"], "--rerank-top"),
            (["--rerank-top", "5"], "--rerank"), (["--rerank-top", "1001"], "1000"),
        ] {
            try Self.withShop("") { shop, _ in
                #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
                let refused = try BelfryProcess.run(["search", shop.recipe, "lamp"] + options)
                #expect(refused.exitCode != 0 && refused.errors.contains(said), "\(refused.errors)")
            }
        }
    }
}
