import ArgumentParser
import Belfry
import Files
import Foundation
import Neighbors
import Recipes

struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say how a search is answered: index, effort, expected recall, what it looks at, how long it takes.",
        discussion: """
            belfry explain Indexes/products "heat resistant gloves"
            belfry explain Indexes/products --like 111-33784 -k 5 --recall 0.99
            """)

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Argument(help: "The text to search for.") var text: String?
    @Option(parsing: .unconditional, help: "Search for what is near this point instead.") var like: String?
    @Option(parsing: .unconditional, help: "Search for a user instead.") var user: String?
    @Option(parsing: .unconditional, help: "Search for a session instead: ids with commas between them.") var session:
        String?
    @Option(name: [.short, .customLong("k")], help: "How many answers.") var k = 10
    @OptionGroup var recall: RecallOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard [text, like, user, session].count(where: { $0 != nil }) == 1 else {
            throw ValidationError("Name a text, or a point with --like, a --user or a --session.")
        }
        if let text, text.isBlank { throw ValidationError("The text to search for is empty.") }
        guard (1...10_000).contains(k) else { throw ValidationError("-k must be between 1 and 10,000.") }
    }

    func run() throws {
        let collection = try VectorCollection(at: collection)
        let query: SearchQuery =
            if let like { .point(like) } else if let user { .user(user) } else if let session {
                .session(Recommend.ids(session))
            } else { .text(text ?? "") }
        var request = SearchRequest(query, k: k)
        (request.recall, request.exact) = (recall.recall, recall.exact)
        let trace = try collection.search(request).trace
        // Asked once more, when what the search needs is in memory.
        let second = try collection.search(request).trace.searchMilliseconds
        if output.json {
            guard case .object(var members) = trace.json else { preconditionFailure("a trace is an object") }
            members["second_search_milliseconds"] = .number(second)
            Terminal.print(JSON.object(members).text())
            return
        }
        for (name, value) in Self.lines(trace, second, of: collection) {
            Terminal.print(name + String(repeating: " ", count: 18 - name.count) + value)
        }
    }

    private static func lines(
        _ found: SearchResponse.Trace, _ second: Double, of collection: VectorCollection
    ) -> [(String, String)] {
        let expected = found.expectation
        let recall =
            if found.isScanned {
                "1, since every row is looked at"
            } else {
                found.recall.map(Human.share)
                    ?? (found.isUnlike ? "unknown" : "unknown: so many answers were not calibrated")
            }
        var lines = [
            ("index", found.index), ("answers", "\(found.answers) of \(Human.count(collection.count, "point"))"),
            ("target", Human.share(expected.target)), ("effort", expected.effort), ("expected recall", recall),
        ]
        if found.isUnlike { lines.append(("unlike", "this query is unlike all that the index was calibrated on")) }
        if !expected.isExact, let source = found.source { lines.append(("measured", source)) }
        if !expected.isExact, let fallback = found.fallback { lines.append(("calibration", fallback)) }
        for kind in expected.kinds {
            let figures =
                "recall \(Human.share(kind.recall)), below target \(Human.percent(kind.shareBelowTarget)), "
                + "nearest missed \(Human.percent(kind.shareMissingNearest)), \(Human.count(kind.evaluations)) distances"
            lines.append(("", "\(kind.kind.description): \(figures)"))
        }
        lines.append(("distances", Human.count(found.evaluations)))
        if found.reranked > 0 { lines.append(("estimated again", Human.count(found.reranked, "row"))) }
        lines.append(
            ("reranked exactly", found.exactlyReranked.map { Human.count($0, "row") } ?? "not counted in a scan"))
        if found.scored > 0 { lines.append(("scored on shard", Human.count(found.scored, "row"))) }
        if let embed = found.embedMilliseconds { lines.append(("embed", Human.milliseconds(embed))) }
        let again = Human.milliseconds(second)
        lines.append(("search", "\(Human.milliseconds(found.searchMilliseconds)), \(again) once more"))
        lines.append(("payload", Human.milliseconds(found.payloadMilliseconds)))
        return lines
    }
}
