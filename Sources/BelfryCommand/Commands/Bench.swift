public import ArgumentParser
import Bench
import Files
import Foundation
package import Neighbors
public import Vectors

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure recall against speed of an index on any vectors.",
        discussion: """
            belfry bench --base base.npy --query queries.npy --metric cosine --sweep --plot curves.html

            Files are .npy, .fvecs, .bvecs or .ivecs. A result counts as right if its true distance is at most that of \
            the true k-th nearest row; a truth that an answer contradicts is an error. Rounds go over all efforts in turn; \
            the median counts, and the spread is shown. Resident is what a process of its own grows by when it opens the \
            index and searches; the evictable part of it is pages of files.
            """)

    @Option(help: "The vectors to search.") var base: String
    @Option(help: "The vectors to search for.") var query: String
    @Option(help: "The numbers of each query's nearest rows, nearest first (default: computed by exact search).")
    var truth: String?
    @Option(help: "l2, ip or cosine.") var metric: Metric
    @Option(help: "auto, hnsw, ivf or exact.") var index = IndexRequest.auto
    @Option(help: "Keep the index in this directory, and use one that was built there from the same before.")
    var save: String?
    @Option(help: "Rounds that are timed.") var `repeat` = 3
    @Option(help: "What the build's random numbers start from.") var seed: UInt64 = 1
    @Option(help: "Recall targets; each chooses an effort.") var recall = "0.90,0.95,0.99"
    @Option(help: "How many rows each query asks for.") var k = 10
    @Option(help: "How many threads build.") var buildThreads = ProcessInfo.processInfo.activeProcessorCount
    @Option(help: "How many threads search, each for queries of its own.") var threads = 1
    @Flag(help: "Ask all queries in one call.") var batch = false
    @Flag(help: "Measure every effort, too, from cheapest to most expensive, and what looking at every row takes.")
    var sweep = false
    @Option(help: "Ask only this many of the queries.") var limitQueries: Int?
    @Option(help: "Write the curves to this page (.html) or drawing (.svg).") var plot: String?
    @OptionGroup var output: OutputOptions

    func validate() throws {
        _ = try targets()
        for (name, value) in [("build-threads", buildThreads), ("threads", threads)] {
            guard (1...1024).contains(value) else { throw ValidationError("--\(name) must be between 1 and 1024.") }
        }
        for (name, value) in [("k", k), ("repeat", `repeat`), ("limit-queries", limitQueries ?? 1)] where value < 1 {
            throw ValidationError("--\(name) must be at least 1.")
        }
        if let plot, !Self.isPage(plot), !Self.isDrawing(plot) {
            throw ValidationError("--plot takes a file that ends in .html or .svg, not “\(plot)”.")
        }
        guard `repeat` <= 10_000 else { throw ValidationError("--repeat must be at most 10,000.") }
    }

    private static func isPage(_ path: String) -> Bool { path.lowercased().hasSuffix(".html") }

    private static func isDrawing(_ path: String) -> Bool { path.lowercased().hasSuffix(".svg") }

    func run() throws {
        // Before the work, not after it.
        if let plot, !System.isDirectory(System.parent(of: plot)) {
            throw BelfryError(.notFound, "There is no such directory.", at: .init(file: System.parent(of: plot)))
        }
        var options = Benchmark.Options(base: base, queries: query, metric: metric)
        (options.truth, options.index, options.save, options.seed) = (truth, index, save, seed)
        (options.rounds, options.k, options.targets) = (`repeat`, k, try targets())
        (options.buildThreads, options.threads) = (buildThreads, threads)
        (options.isBatch, options.sweeps, options.queryLimit) = (batch, sweep, limitQueries)

        options.memory = { BenchProbe.run($0) }

        let progress = StageProgress()
        defer { progress.finish(failed: true) }
        let report = try Benchmark(options).run { progress.show($0, $1, of: $2, .items) }
        progress.finish(failed: false)

        if let plot {
            let curves = BenchPlot(
                title: Self.title(report), subtitle: Self.conditions(report), series: [report.series])
            let text = Self.isPage(plot) ? curves.html : curves.svg
            Terminal.noteRemoved(try System.write(Data(text.utf8), to: plot))
        }
        if output.json {
            Terminal.print(report.json.text())
        } else {
            Self.lines(report).forEach(Terminal.print)
            if let plot { Terminal.note("The curves are in \(plot).") }
        }
    }

    /// The numbers of `--recall`.
    private func targets() throws -> [Double] {
        try recall.split(separator: ",").map { text in
            guard let target = Double(text.filter { !$0.isWhitespace }), target > 0, target <= 1 else {
                throw ValidationError("--recall takes numbers above 0 and up to 1, as 0.90,0.95,0.99; not “\(text)”.")
            }
            return target
        }
    }

    // MARK: for people

    private static func title(_ report: BenchReport) -> String {
        "\(report.dataset): \(Human.count(report.rows)) × \(report.dimension), \(report.metric), k = \(report.k)"
    }

    private static func conditions(_ report: BenchReport) -> String {
        let threads = Human.count(report.threads, "thread")
        let way = report.isBatch ? "\(Human.count(report.queries)) at once" : "one at a time"
        return "\(Human.count(report.queries, "query", "queries")), \(way), \(threads), "
            + "\(Human.count(report.rounds, "round")); \(report.processor), \(report.instructionSet)"
    }

    private static func lines(_ report: BenchReport) -> [String] {
        let made = report.wasReused ? "built before in" : "built in"
        let build = "\(made) \(Human.duration(.seconds(report.buildSeconds)))"
        func bytes(_ value: Double) -> String { Human.count(value) }
        let memory =
            report.resident.map { "\(bytes($0.all)) bytes resident (\(bytes($0.evictable)) of them evictable)" }
            ?? "\(bytes(report.memoryBytesPerVector)) bytes of codes and index"
        let disk = Human.count(report.diskBytesPerVector)
        var table = Table([
            .init(title: "target", alignment: .right), .init(title: "effort", shrinks: true),
            .init(title: "recall", alignment: .right), .init(title: "queries/s", alignment: .right),
            .init(title: "slowest–fastest", alignment: .right), .init(title: "p50 µs", alignment: .right),
            .init(title: "p95 µs", alignment: .right), .init(title: "p99 µs", alignment: .right),
            .init(title: "distances", alignment: .right),
        ])
        for point in report.points + [report.scan].compactMap({ $0 }) {
            let times = [point.latency?.p50, point.latency?.p95, point.latency?.p99]
            table.add(
                [
                    point.target.map { String(format: "%g", $0) } ?? "", point.parameter,
                    String(format: "%.4f", point.recall), figure(point.qps) + (point.isDisturbed ? "*" : ""),
                    "\(figure(point.slowestQPS))–\(figure(point.fastestQPS))",
                ] + times.map { $0.map(figure) ?? "–" } + [point.evaluations.map(figure) ?? "–"])
        }
        return [
            title(report), conditions(report),
            "\(report.summary): \(build) by \(Human.count(report.buildThreads, "thread")); per vector \(memory), "
                + "\(disk) on disk", "",
        ] + table.lines(width: Terminal.width) + disturbance(report)
    }

    /// What the stars in the table mean.
    private static func disturbance(_ report: BenchReport) -> [String] {
        let waits = (report.points + [report.scan].compactMap { $0 }).filter(\.isDisturbed).compactMap(\.wait)
        guard let worst = waits.max() else { return [] }
        return [
            "",
            "* The clock ran up to \(String(format: "%.1f", worst)) times as long as the searching threads worked: the machine "
                + "was busy, or the index came from disk. Measure again when it is at rest.",
        ]
    }

    private static func figure(_ value: Double) -> String {
        value >= 100 ? Human.count(value) : String(format: "%.3g", value)
    }
}

extension Metric: ExpressibleByArgument {}

extension IndexRequest: ExpressibleByArgument {}
