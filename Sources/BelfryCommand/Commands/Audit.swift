import ArgumentParser
import Belfry
import Files
import Foundation
import Neighbors
import Recipes
import Towers
import Vectors

struct Audit: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure what the index finds for queries of yours, beside exact search.",
        discussion: """
            belfry audit Indexes/products --queries Indexes/products/queries.txt
            belfry audit Indexes/products --queries vectors.npy --recall 0.9,0.95,0.99 -k 10
            belfry audit Indexes/products --queries Indexes/products/queries.txt --filter "price < 20"

            Queries are lines of a text file, a field of .csv, .tsv or .jsonl rows, or vectors (.npy, .fvecs). The worst \
            of them are listed, so that somebody can look at what they ask for.
            """)

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Option(help: "The file of queries.") var queries: String
    @Option(help: "The field of the texts in .csv, .tsv or .jsonl rows.") var field = "text"
    @Option(help: "Ask at most so many of them, drawn by a seed.") var limit: Int?
    @Option(help: "What the drawing starts from.") var seed: UInt64 = 1
    @Option(help: "Recalls with commas between them (default: the collection's own).") var recall: String?
    @Option(name: [.short, .customLong("k")], help: "How many answers.") var k = 10
    @Option(help: "How many of the worst queries to list.") var worst = 5
    @OptionGroup var filter: FilterOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...10_000).contains(k) else { throw ValidationError("-k must be between 1 and 10,000.") }
        if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
        if worst < 0 { throw ValidationError("--worst must be at least 0.") }
        _ = try targets()
    }

    private func targets() throws -> [Double]? {
        try recall?.split(separator: ",").map { part in
            guard let target = Double(part), target > 0, target <= 1 else {
                throw ValidationError("--recall takes numbers above 0 and up to 1, as 0.9,0.95, not \(part).")
            }
            return target
        }
    }

    func run() throws {
        let collection = try VectorCollection(at: collection)
        let (vectors, texts) = try read(for: collection)
        let progress = StageProgress()
        let audits = try collection.audit(
            vectors, k: k, targets: targets() ?? [collection.configuration.recall],
            styles: texts.isEmpty ? nil : QueryStyle.texts, where: filter.filter(for: [collection]),
            threads: threads.threads
        ) { progress.show("searching", $0, of: $1, .items) }
        progress.finish(failed: false)
        if output.json {
            Terminal.print(JSON.array(audits.map(\.json)).text())
            return
        }
        var table = Table(
            [
                "recall asked", "found", "below it", "below by 0.15", "5th percentile", "nearest missed", "distances",
                "scanned", "unlike", "effort",
            ].map { .init(title: $0, alignment: $0 == "effort" ? .left : .right) })
        for audit in audits {
            table.add([
                Human.share(audit.target), String(format: "%.4f", audit.recall), Human.percent(audit.shareBelowTarget),
                Human.percent(audit.shareLow), Human.share(audit.fifthPercentile),
                Human.percent(audit.shareMissingNearest), Human.count(Int(audit.evaluations.rounded())),
                Human.percent(audit.shareScanned), Human.percent(audit.shareUnlike), audit.effort,
            ])
        }
        Terminal.print("\(Human.count(vectors.rows, "query", "queries")) for \(k) answers:")
        table.lines(width: Terminal.width).forEach(Terminal.print)
        list(audits, texts)
    }

    /// The worst queries of the lowest recall that was asked for.
    private func list(_ audits: [VectorCollection.Audit], _ texts: [String]) {
        guard let audit = audits.min(by: { $0.target < $1.target }) else { return }
        let order = audit.recalls.indices.sorted { (audit.recalls[$0], $0) < (audit.recalls[$1], $1) }
        let lines = order.prefix(worst).filter { audit.recalls[$0] < 1 }
        guard !lines.isEmpty else { return }
        Terminal.print("\nThe worst at \(Human.share(audit.target)):")
        for place in lines {
            let name = texts.isEmpty ? "query \(place)" : texts[place]
            Terminal.print("  \(String(format: "%.2f", audit.recalls[place]))  \(name)")
        }
    }

    /// The queries as vectors, and their texts where they are texts.
    private func read(for collection: VectorCollection) throws -> (Matrix, [String]) {
        if ["npy", "fvecs", "bvecs"].contains((queries as NSString).pathExtension.lowercased()) {
            let file = try VectorFile(queries)
            guard file.columns == collection.configuration.main.dimension else {
                throw BelfryError(
                    .invalidInput,
                    "The queries have \(file.columns) components; the collection's vectors have "
                        + "\(collection.configuration.main.dimension).", at: .init(file: queries),
                    remedy: "Take queries that the collection's tower made.")
            }
            let all = try file.matrix(0..<file.rows)
            return (Matrix(chosen(of: all.rows).map { all[$0] }), [])
        }
        let all = try TextReader.queries(queries, field: field)
        let texts = chosen(of: all.count).map { all[$0] }
        let space = try collection.configuration.place(ofSpace: "")
        return (try collection.ask(texts.map { .text($0) }, in: space, threads: threads.threads).vectors, texts)
    }

    /// Which of so many queries are asked, in their order.
    private func chosen(of count: Int) -> [Int] {
        var random = SplitMix64(seed: seed)
        return random.sample(limit ?? count, of: count)
    }
}
