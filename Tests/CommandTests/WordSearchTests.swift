import Files
import Foundation
import TestSupport
import Testing

@testable import Belfry
@testable import Evaluation
@testable import Recipes

/// A recipe that is searched by words, from its build to its evaluation.
@Suite struct WordSearchTests {
    private static func withShop(_ search: String, _ body: (Shop) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 100, index: "exact")
            try shop.change("payload: {title: string,", to: "payload: {title: string, description: string,")
            try shop.change("show: [title, price]", to: "show: [title, price]\n\(search)")
            try body(shop)
        }
    }

    private static func names(_ words: [String]) throws -> [String] {
        let found = try BelfryProcess.run(words + ["--json"])
        #expect(found.exitCode == 0, "\(found.errors)")
        let json = try JSON(parsing: Data(found.output.utf8), source: "answer")
        return json["results"]?.array?.compactMap { $0["id"]?.string } ?? []
    }

    @Test func aRecipeSaysHowTextsAreSearchedFor() throws {
        let evaluation = "evaluate:\n  title: {same: title, k: [3], baselines: [bm25], headline: [ndcg@3, hit_rate@3]}"
        try Self.withShop("search: hybrid\n\(evaluation)") { shop in
            let built = try BelfryProcess.run(["build", shop.recipe])
            #expect(built.exitCode == 0, "\(built.errors)")
            let search = ["search", shop.recipe, "GLOVES number 17", "-k", "3"]
            #expect(try Self.names(search + ["--by-words"]).first == "p-17")
            #expect(try Self.names(search).count == 3)
            #expect(try Self.names(search + ["--words-share", "1"]).first == "p-17")
            #expect(
                try Self.names(search + ["--hybrid", "--words-share", "0"]) == Self.names(search + ["--by-meaning"]))
            #expect(try Self.names(["similar", shop.recipe, "p-17", "--hybrid", "-k", "3"]).count == 3)
            let wrong = try BelfryProcess.run(search + ["--words-share", "2"])
            #expect(wrong.exitCode == 2 && wrong.errors.contains("from 0 to 1"))
            let shown = try BelfryProcess.run(["vectors", shop.recipe])
            #expect(shown.output.contains("words of title, description, english"), "\(shown.output)")

            let evaluated = try BelfryProcess.run(["evaluate", shop.recipe])
            #expect(evaluated.exitCode == 0 && evaluated.output.contains("hybrid"), "\(evaluated.errors)")
            #expect(evaluated.output.contains("a share of"), "\(evaluated.output)")
            // The first of the headlines, in the recipe's order.
            #expect(evaluated.output.contains("hybrid's ndcg@3"), "\(evaluated.output)")

            // What is searched by words changes without a vector being made again.
            try shop.change("search: hybrid", to: "search: words\nwords: {fields: {title: 2}, language: none}")
            let stale = try BelfryProcess.run(["evaluate", shop.recipe])
            #expect(stale.exitCode == 1 && stale.errors.contains("by words has changed"), "\(stale.errors)")
            let again = try BelfryProcess.run(["build", shop.recipe])
            #expect(again.exitCode == 1 && again.errors.contains("by words has changed"), "\(again.errors)")
            #expect(try BelfryProcess.run(["build", shop.recipe, "--replace"]).exitCode == 0)
            #expect(try Self.names(["search", shop.recipe, "gloves"]).isEmpty)
            #expect(try Self.names(["search", shop.recipe, "Glove", "-k", "50"]).count == 10)
            #expect(try BelfryProcess.run(["check", shop.recipe]).exitCode == 0)
        }
    }

    /// What is exported can be imported where words are searched, and is found there.
    @Test func anExportLeavesWordsToThePayload() throws {
        try Self.withShop("search: hybrid") { shop in
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            let (file, other) = ("\(shop.folder)/all.jsonl", "\(shop.folder)/other.belfry")
            let exported = try BelfryProcess.run(["export", shop.recipe, "--to", file])
            #expect(exported.exitCode == 0, "\(exported.errors)")
            let imported = try BelfryProcess.run([
                "import", file, "--to", other, "--vector", "=\(shop.tower)", "--vector",
                "words=words,title:2,description",
            ])
            #expect(imported.exitCode == 0, "\(imported.errors)")
            #expect(
                try Self.names(["search", other, "glove 17", "--by-words", "-k", "1"])
                    == Self.names(["search", shop.recipe, "glove 17", "--by-words", "-k", "1"]))
        }
    }

    /// Words are those of the rows of today, also where a vector is kept.
    @Test func changedRowsHaveTheirNewWords() throws {
        try Self.withShop("search: hybrid\nwords: {fields: {title: 1, price: 1}}") { shop in
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            let file = "\(shop.recipe)/products.csv"
            let csv = try String(contentsOfFile: file, encoding: .utf8)
            try shop.write(csv.replacing("p-7,blue desk", with: "p-7,blue giraffe"), "shop/products.csv")
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            #expect(try Self.names(["search", shop.recipe, "giraffes", "--by-words"]) == ["p-7"])
        }
    }

    @Test(arguments: [
        ("search: both", "meaning"), ("search: hybrid\nwords: {fields: {color: 1}}", "add color: string to payload"),
        ("search: hybrid\nwords: {language: klingon}", "english"),
        ("search: words\nwords: {fields: {title: x}}", "number"),
        ("search: hybrid\nwords: {shares: 1}", "share"),
    ])
    func recipesThatSayItWronglyAreRefused(_ search: String, _ said: String) throws {
        try Self.withShop(search) { shop in
            let refused = try BelfryProcess.run(["build", shop.recipe])
            #expect(refused.exitCode != 0 && refused.errors.contains(said), "\(refused.errors)")
        }
    }

    /// The share that is measured on a query was chosen by others: one that is best for one query alone does not count.
    @Test func aShareIsFittedOnOtherQueries() {
        let shares = WordRankings.shares.count
        // Every query is best at a share of its own, and the last one is best for most.
        var values: [Double] = []
        for query in 0..<50 {
            for share in 0..<shares { values.append(share == query % shares || share == shares - 1 ? 1 : 0) }
        }
        let fit = ShareFit(values: values, figures: 1, wanted: 0)
        #expect(fit.best == 1 && fit.byWords.allSatisfy { $0 == [1] })
        #expect(fit.crossFitted(seed: 3).allSatisfy { $0 == [1] })
        // One query says nothing about itself.
        var lonely = [Double](repeating: 0, count: 6 * shares)
        lonely[3] = 1
        let alone = ShareFit(values: lonely, figures: 1, wanted: 0).crossFitted(seed: 3)
        #expect(alone[0] == [0])
    }
}
