import ArgumentParser
import Belfry
import Files
import Foundation
import Towers

struct Search: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Find what is nearest to a text.",
        discussion: "belfry search Indexes/products \"heat resistant gloves for the laboratory\" -k 5 --recall 0.99")

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Argument(help: "The text to search for.") var text: String
    @Option(help: "Embed the text with this tower; it must be the one that filled the collection.") var tower: String?
    @OptionGroup var recall: RecallOptions
    @OptionGroup var answer: AnswerOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if text.allSatisfy(\.isWhitespace) { throw ValidationError("The text to search for is empty.") }
    }

    func run() throws {
        let collection = try Collection(collection)
        let tower = try tower.map { try Tower.load($0) }
        let hits = try collection.search(
            text, k: answer.k, recall: recall.recall, exact: recall.exact, tower: tower, threads: threads.threads)
        try answer.print(hits, of: collection, recall, output)
    }
}

struct Similar: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Find what is nearest to a point of the collection.",
        discussion: "belfry similar Indexes/products 111-33747 -k 5")

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Argument(help: "The point's id.") var id: String
    @OptionGroup var recall: RecallOptions
    @OptionGroup var answer: AnswerOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let collection = try Collection(collection)
        let hits = try collection.similar(
            to: id, k: answer.k, recall: recall.recall, exact: recall.exact, threads: threads.threads)
        try answer.print(hits, of: collection, recall, output)
    }
}

/// How much of what is there a search is to find.
struct RecallOptions: ParsableArguments {
    @Option(help: "The share of the true nearest to find, on average, as 0.95 (default: what the recipe says).")
    var recall: Double?
    @Flag(help: "Look at every row, so that nothing is missed.") var exact = false

    func validate() throws {
        guard let recall else { return }
        guard recall > 0, recall <= 1 else {
            throw ValidationError("--recall takes a number above 0 and up to 1, as 0.95.")
        }
        if exact, recall < 1 { throw ValidationError("--exact finds all: leave out --recall, or --exact.") }
    }
}

/// How many answers, and how they are shown.
struct AnswerOptions: ParsableArguments {
    @Option(name: [.short, .customLong("k")], help: "How many answers.") var k = 10
    @Option(help: "The payload fields to show, as title,price (default: what the recipe says).") var show: String?

    func validate() throws {
        guard (1...10_000).contains(k) else { throw ValidationError("-k must be between 1 and 10,000.") }
    }

    func print(
        _ hits: [Collection.Hit], of collection: Collection, _ recall: RecallOptions, _ output: OutputOptions
    ) throws {
        if output.json {
            let results = hits.map { hit in
                JSON.object(["id": hit.idJSON, "score": .number(Double("\(hit.score)")!), "payload": hit.payload])
            }
            let expected = try collection.expectation(k: k, recall: recall.recall, exact: recall.exact).recall
            Terminal.print(
                JSON.object(["results": .array(results), "recall": expected.map { .number($0) } ?? .null]).text())
            return
        }
        let fields =
            show?.split(separator: ",").map { String($0.filter { !$0.isWhitespace }) } ?? collection.configuration.show
        if show != nil, let first = hits.first?.payload.names,
            let unknown = fields.first(where: { field in !hits.contains { $0.payload[field] != nil } })
        {
            throw BelfryError(
                .invalidInput, "No answer has a payload field \(unknown.debugDescription).",
                remedy: "The first one has: \(first.joined(separator: ", ")).")
        }
        var table = Table(
            [.init(title: "score", alignment: .right), .init(title: "id")]
                + fields.map { .init(title: $0, alignment: $0 == "price" ? .right : .left, shrinks: true) })
        for hit in hits {
            table.add([String(format: "%.4f", hit.score), hit.name] + fields.map { hit.payload[$0]?.display ?? "" })
        }
        table.lines(width: Terminal.width).forEach(Terminal.print)
    }
}
