import ArgumentParser
import Belfry
import Evaluation
import Files
import Foundation
import Recipes

struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask two collections, or two versions of one, the same queries, and show what has changed.",
        discussion: """
            belfry compare Indexes/products Indexes/products@v2 --queries Indexes/products/queries.txt
            belfry compare shop.belfry shop.belfry@v2 --queries judged.csv --field text --relevant ids
            belfry compare shop.belfry shop.belfry@v2 --points 500

            Queries are lines of a text file, or a field of .csv, .tsv or .jsonl rows, where another field may list the ids \
            of what is relevant; or points of the first collection, with what is similar to them. Those that share fewest \
            answers are listed.
            """)

    @Argument(help: "A .belfry directory, the folder of its recipe, or an alias; with @version for a version.")
    var first: String
    @Argument(help: "What to compare it with.") var second: String
    @Option(help: "The file of queries.") var queries: String?
    @Option(help: "The field of the texts in .csv, .tsv or .jsonl rows.") var field = "text"
    @Option(help: "The field that lists the ids of what is relevant, with commas between them.") var relevant: String?
    @Option(help: "Ask with so many points, drawn by a seed, in the place of a file.") var points: Int?
    @Option(help: "What is drawn starts from.") var seed: UInt64 = 1
    @Option(name: [.customShort("k"), .customLong("k")], help: "How many answers.") var k = 10
    @Option(help: "How many of the changed queries to list.") var worst = 5
    @OptionGroup var recall: RecallOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...10_000).contains(k) else { throw ValidationError("-k must be between 1 and 10,000.") }
        guard (queries == nil) != (points == nil) else { throw ValidationError("Give --queries or --points.") }
        if let points, points < 1 { throw ValidationError("--points must be at least 1.") }
        if worst < 0 { throw ValidationError("--worst must be at least 0.") }
        if relevant != nil, points != nil { throw ValidationError("--relevant goes with --queries.") }
    }

    func run() throws {
        let (first, second) = (try VectorCollection(at: first), try VectorCollection(at: second))
        let queries = try points.map { try drawn($0, of: first, second) } ?? read()
        let progress = StageProgress()
        defer { progress.finish(failed: true) }
        let comparison = try CollectionComparison(
            first, second, queries, k: k, recall: recall.recall, exact: recall.exact, seed: seed,
            threads: threads.threads
        ) { progress.show("asking", $0, of: queries.count, .items) }
        progress.finish(failed: false)
        if output.json {
            Terminal.print(json(comparison, queries).text())
        } else {
            show(comparison, queries)
        }
    }

    /// Points that both can be asked with.
    private func drawn(
        _ count: Int, of collection: VectorCollection, _ other: VectorCollection
    ) throws -> [CollectionComparison.Query] {
        var request = SearchRequest(.sample(seed: seed), k: min(count, 10_000))
        let asked = collection.path == other.path ? [collection, other] : [collection]
        request.filter = Filter(
            must: try asked.map { one in
                let configuration = one.configuration
                return .hasVector(configuration.spaces[try configuration.place(ofSpace: "")].name)
            })
        let sample = try collection.search(request)
        return sample.hits.map { hit in
            let shown = collection.configuration.show.compactMap { hit.payload[$0]?.display }.joined(separator: ", ")
            return .init(.point(hit.name), title: shown.isEmpty ? hit.name : "\(hit.name) \(shown)")
        }
    }

    private func read() throws -> [CollectionComparison.Query] {
        let path = queries ?? ""
        guard let relevant else {
            return try TextReader.queries(path, field: field).map { .init(.text($0), title: $0) }
        }
        let rows = try RowReader(path)
        let (text, ids) = (try rows.column(.init(option: field)), try rows.column(.init(option: relevant)))
        var all: [CollectionComparison.Query] = []
        while let query = try rows.nextUsable(
            badRow: { problem throws(BelfryError) in throw problem },
            { row throws(RowProblem) -> CollectionComparison.Query in
                let asked = row.text(text) ?? ""
                guard !asked.isBlank else { throw RowProblem(line: row.line, .value, "The query is empty.") }
                do throws(BelfryError) {
                    return .init(.text(asked), title: asked, relevant: try row.names(ids))
                } catch {
                    throw RowProblem(line: row.line, .value, error.message)
                }
            })
        { all.append(query) }
        return all
    }

    private func show(_ comparison: CollectionComparison, _ queries: [CollectionComparison.Query]) {
        let same = comparison.answers.count { $0.overlap == 1 }
        Terminal.print(
            "\(Human.count(queries.count, "query", "queries")), \(k) answers each: the two share "
                + "\(Self.percent(comparison.overlap)) of them; \(Human.count(same)) have the same answers.")
        if let judged = comparison.judged {
            Terminal.print(
                "nDCG@\(k) of \(Human.count(judged.queries, "judged query", "judged queries")): "
                    + "\(Self.share(judged.first)) and \(Self.share(judged.second)); the second has "
                    + "\(Self.share(judged.difference, sign: true)) more.")
        }
        for answers in comparison.answers.prefix(worst) where answers.overlap < 1 {
            Terminal.print("\n\(Human.percent(answers.overlap)) shared: \(queries[answers.query].title)")
            let (gone, new) = (
                answers.first.filter { !answers.second.contains($0) },
                answers.second.filter { !answers.first.contains($0) }
            )
            Terminal.print("  gone: \(gone.joined(separator: ", "))\n  new:  \(new.joined(separator: ", "))")
        }
    }

    private static func percent(_ figure: CollectionComparison.Figure) -> String {
        "\(Human.percent(figure.mean)) (\(Human.percent(figure.interval.lowerBound)) to "
            + "\(Human.percent(figure.interval.upperBound)))"
    }

    private static func share(_ figure: CollectionComparison.Figure, sign: Bool = false) -> String {
        let values = [figure.mean, figure.interval.lowerBound, figure.interval.upperBound]
            .map { String(format: sign ? "%+.4f" : "%.4f", $0) }
        return "\(values[0]) (\(values[1]) to \(values[2]))"
    }

    private func json(_ comparison: CollectionComparison, _ queries: [CollectionComparison.Query]) -> JSON {
        func figure(_ figure: CollectionComparison.Figure) -> JSON {
            [
                "mean": .number(figure.mean),
                "interval": [.number(figure.interval.lowerBound), .number(figure.interval.upperBound)],
            ]
        }
        var members: JSON.Members = [
            "queries": .integer(Int64(queries.count)), "k": .integer(Int64(k)), "overlap": figure(comparison.overlap),
        ]
        if let judged = comparison.judged {
            members["judged"] = [
                "queries": .integer(Int64(judged.queries)), "first": figure(judged.first),
                "second": figure(judged.second), "difference": figure(judged.difference),
            ]
        }
        members["changed"] = .array(
            comparison.answers.filter { $0.overlap < 1 }.map { answers in
                [
                    "query": .string(queries[answers.query].title), "overlap": .number(answers.overlap),
                    "first": .array(answers.first.map { .string($0) }),
                    "second": .array(answers.second.map { .string($0) }),
                ]
            })
        return .object(members)
    }
}
