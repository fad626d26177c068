import ArgumentParser
import Belfry
import Files
import Foundation
import Recipes
import Towers

struct Search: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Find what is nearest to a text.",
        discussion: "belfry search Indexes/products \"heat resistant gloves for the laboratory\" -k 5 --recall 0.99")

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Argument(help: "The text to search for.") var text: String
    @Option(help: "Embed the text with this tower; it must be the one that filled the collection.") var tower: String?
    @OptionGroup var options: SearchOptions

    func validate() throws {
        if text.isBlank { throw ValidationError("The text to search for is empty.") }
    }

    func run() throws {
        var request = options.request(.text(text))
        request.tower = try tower.map { try TowerPair.open($0).query }
        try options.run(request, on: collection)
    }
}

struct Similar: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Find what is nearest to a point of the collection.",
        discussion: "belfry similar Indexes/products 111-33784 -k 5")

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Argument(help: "The point's id.") var id: String
    @OptionGroup var options: SearchOptions

    func run() throws { try options.run(options.request(.point(id)), on: collection) }
}

/// Options of every verb that answers with points.
struct SearchOptions: ParsableArguments {
    @OptionGroup var recall: RecallOptions
    @OptionGroup var answer: AnswerOptions
    @Option(
        name: .customLong("with"),
        help: "Search this collection, too; its vectors must be of the same space. May be given several times.")
    var others: [String] = []
    @Option(help: "Only points whose payload has this value, as domain:Book. May be given several times.")
    var within: [String] = []
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var output: OutputOptions

    func validate() throws { _ = try within.map { try Self.condition($0, "--within") } }

    /// `field:value`.
    static func condition(_ text: String, _ option: String) throws -> VectorCollection.Condition {
        let parts = text.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, !text.utf8.contains(0) else {
            throw ValidationError("\(option) takes a payload field and its value, as domain:Book, not \(text).")
        }
        return VectorCollection.Condition(field: String(parts[0]), value: String(parts[1]))
    }

    func request(_ query: VectorCollection.Query) -> SearchRequest {
        var request = SearchRequest(query, k: answer.k)
        (request.recall, request.exact, request.threads) = (recall.recall, recall.exact, threads.threads)
        request.within = within.compactMap { try? Self.condition($0, "--within") }
        return request
    }

    func run(_ request: SearchRequest, on collection: String) throws {
        let group = try CollectionGroup(
            ([collection] + others).map { try VectorCollection(RecipeFile.collection(at: $0)) })
        let found = try group.search(request)
        for user in found.unknownUsers {
            Terminal.note("belfry: user \(user) is not known: answered as the tower was trained for unknown ones")
        }
        for item in found.unknownItems { Terminal.note("belfry: the session's item \(item) is in no collection") }
        try answer.print(found, of: group, request, output)
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
    @Option(name: [.customShort("k"), .customLong("k")], help: "How many answers (default: 10).") var given: Int?
    /// How many answers.
    var k: Int { given ?? 10 }
    @Option(help: "The payload fields to show, as title,price (default: what the recipe says).") var show: String?

    func validate() throws {
        guard (1...10_000).contains(k) else { throw ValidationError("-k must be between 1 and 10,000.") }
    }

    /// What is to be said of a query that is unlike all others.
    static func unlikeNote(_ found: CollectionGroup.Found) -> String {
        "this query is unlike those that the recall was measured on: "
            + (found.isScanned ? "every row was looked at" : "it was searched harder, and nobody knows its recall")
    }

    func print(
        _ found: CollectionGroup.Found, of group: CollectionGroup, _ request: SearchRequest, _ output: OutputOptions
    ) throws {
        let answers = found.answers
        let isOne = group.collections.count == 1
        if output.json {
            let results = answers.map { answer in
                let hit = answer.hit
                var members: [String: JSON] = [
                    "id": hit.idJSON, "score": .number(Double("\(hit.score)")!), "payload": hit.payload,
                ]
                if !isOne { members["collection"] = .string(answer.collection.configuration.name) }
                return JSON.object(members)
            }
            var members: [String: JSON] = [
                "results": .array(results), "recall": found.recall.map { .number($0) } ?? .null,
            ]
            if found.isUnlike { members["note"] = .string(Self.unlikeNote(found)) }
            if !found.unknownUsers.isEmpty { members["unknown_user"] = true }
            if !found.unknownItems.isEmpty { members["unknown_items"] = .array(found.unknownItems.map { .string($0) }) }
            Terminal.print(JSON.object(members).text())
            return
        }
        if found.isUnlike { Terminal.note("belfry: \(Self.unlikeNote(found))") }
        let fields =
            show?.split(separator: ",").map { String($0.filter { !$0.isWhitespace }) }
            ?? group.collections.flatMap(\.configuration.show).withoutRepeats
        if show != nil, let first = answers.first?.hit.payload.names,
            let unknown = fields.first(where: { field in !answers.contains { $0.hit.payload[field] != nil } })
        {
            throw BelfryError(
                .invalidInput, "No answer has a payload field \(unknown.debugDescription).",
                remedy: "The first one has: \(first.joined(separator: ", ")).")
        }
        var table = Table(
            [.init(title: "score", alignment: .right)] + (isOne ? [] : [.init(title: "collection")])
                + [.init(title: "id")]
                + fields.map { .init(title: $0, alignment: $0 == "price" ? .right : .left, shrinks: true) })
        for answer in answers {
            table.add(
                [String(format: "%.4f", answer.hit.score)] + (isOne ? [] : [answer.collection.configuration.name])
                    + [answer.hit.name] + fields.map { answer.hit.payload[$0]?.display ?? "" })
        }
        table.lines(width: Terminal.width).forEach(Terminal.print)
    }
}
