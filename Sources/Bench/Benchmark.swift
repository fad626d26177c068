package import Files
import Foundation
package import Neighbors
package import Vectors

/// Recall against speed of an index on any vectors.
///
/// 1. The files are opened, and every vector is checked.
/// 2. The truth is read, and refused if its rows do not come nearest first or some queries contradict it; or it is
///    computed by looking at every row.
/// 3. The index is built, or found as an earlier run left it.
/// 4. Each effort answers all queries once without a clock: that pass is compared with the truth.
/// 5. Rounds go over all efforts in turn, so that what else the machine does hits all of them alike; the median of the
///    rounds counts, and their spread is reported. Where the clock ran on while the searching threads did not work, the
///    point is marked.
/// 6. What a search has in memory is measured in a process of its own, if there is a way to start one.
///
/// Recall is measured and never assumed: what a target promises stands beside what it gave.
package struct Benchmark: Sendable {
    /// What is measured, and how.
    package struct Options: Sendable {
        /// The file of rows to search.
        package var base: String
        /// The file of queries.
        package var queries: String
        /// The file of each query's nearest rows; nil to compute them.
        package var truth: String?
        /// How vectors are compared.
        package var metric: Metric
        /// What is built.
        package var index = IndexRequest.auto
        /// Where indexes are kept for later runs; nil for a temporary directory.
        package var save: String?
        /// How many rounds are timed.
        package var rounds = 3
        /// What the build's random numbers start from.
        package var seed: UInt64 = 1
        /// Recall targets, from above 0 to 1.
        package var targets: [Double] = []
        /// How many rows each query asks for.
        package var k = 10
        /// How many threads build.
        package var buildThreads = 1
        /// How many threads search.
        package var threads = 1
        /// Whether all queries go in one call.
        package var isBatch = false
        /// Whether every effort is measured, besides those that the targets choose.
        package var sweeps = false
        /// How many of the queries are asked; nil for all.
        package var queryLimit: Int?
        /// Measures what a search has in memory, in a process of its own (``BenchMemory``); nil to leave that out.
        package var memory: (@Sendable (BenchMemory) -> BenchMemory.Growth?)?

        /// Options; all that has a default can be set later.
        package init(base: String, queries: String, metric: Metric) {
            (self.base, self.queries, self.metric) = (base, queries, metric)
        }
    }

    private let options: Options

    /// A measurement that has not begun.
    package init(_ options: Options) { self.options = options }

    /// Measures.
    /// - Parameter progress: hears how many of how many are done, and of what.
    /// - Throws: what is wrong with the files; `invalidInput` where they do not fit each other or `k`; and what build
    ///   and search throw.
    package func run(
        progress: @escaping @Sendable (_ stage: String, _ done: Int, _ total: Int) -> Void = { _, _, _ in }
    ) throws(BelfryError) -> BenchReport {
        let base = try VectorFile(options.base)
        let queries = try queries(for: base)
        guard options.k <= base.rows else {
            throw BelfryError(
                .invalidInput, "\(options.k) rows per query are wanted; the base has \(base.rows).",
                at: .init(file: base.path), remedy: "Ask for a smaller \(.setting(.k)).")
        }
        // Opened first: a wrong truth should not come to light after a long build.
        let truthFile = try options.truth.map { path throws(BelfryError) in try VectorFile(path) }
        try base.forEachBatch(check: VectorCheck(dimension: base.columns, metric: options.metric)) { rows, _ in
            progress("checking", rows.upperBound, base.rows)
        }
        let truth =
            if let truthFile {
                try BenchTruth(
                    base, queries, options.metric, k: options.k, file: truthFile, threads: options.buildThreads)
            } else {
                try BenchTruth(
                    computing: base, queries, options.metric, k: options.k, threads: options.buildThreads
                ) { progress("exact search for the truth", $0, base.rows) }
            }
        let store = try BenchStore(
            options.index, base, save: options.save,
            BenchBuildOptions(
                metric: options.metric, seed: options.seed, threads: options.buildThreads, progress: progress))
        let (points, scan) = try measure(store.index, queries, truth, progress)
        let memory = BenchMemory(
            directory: store.path, index: options.index, metric: options.metric, queries: options.queries,
            queryLimit: queries.rows, k: options.k, target: options.targets.max() ?? 1)
        let growth = options.memory.flatMap { $0(memory) }
        return BenchReport(
            dataset: options.base, index: options.index, summary: store.index.summary, rows: base.rows,
            dimension: base.columns, queries: queries.rows, metric: options.metric, k: options.k,
            buildSeconds: store.buildSeconds, buildThreads: store.buildThreads, wasReused: store.wasReused,
            threads: options.threads, isBatch: options.isBatch, rounds: options.rounds, seed: options.seed,
            memoryBytesPerVector: Double(store.index.memoryBytes) / Double(base.rows),
            resident: growth.map { growth in
                BenchReport.Resident(
                    all: Double(growth.all) / Double(base.rows), evictable: Double(growth.files) / Double(base.rows))
            },
            diskBytesPerVector: Double(store.index.diskBytes) / Double(base.rows), points: points, scan: scan,
            processor: Self.processor, instructionSet: .current)
    }

    /// The queries, each of which could be compared with the base's rows.
    private func queries(for base: VectorFile) throws(BelfryError) -> Matrix {
        let file = try VectorFile(options.queries)
        guard file.columns == base.columns else {
            throw BelfryError(
                .invalidInput,
                "The queries have \(file.columns) components; the rows of \(base.path) have \(base.columns).",
                at: .init(file: file.path), remedy: "Take queries that the same model made.")
        }
        let queries = try file.matrix(0..<min(file.rows, options.queryLimit ?? file.rows))
        let check = VectorCheck(dimension: base.columns, metric: options.metric)
        for row in 0..<queries.rows {
            try check.check(UnsafeBufferPointer(queries.row(row)), "Query \(row)", at: .init(file: file.path))
        }
        return queries
    }
}

// MARK: measuring

extension Benchmark {
    private func measure(
        _ index: any BenchIndex, _ queries: Matrix, _ truth: BenchTruth,
        _ progress: (_ stage: String, _ done: Int, _ total: Int) -> Void
    ) throws(BelfryError) -> (points: [BenchReport.Point], scan: BenchReport.Point?) {
        var wanted: [(target: Double?, effort: BenchEffort)] = []
        for target in options.targets { wanted.append((target, try index.effort(recall: target, k: options.k))) }
        if options.sweeps { wanted += index.efforts(k: options.k).map { (nil, $0) } }

        // Several targets may choose one effort: it is measured once.
        var runners: [(runner: BenchRunner, recall: Double)] = []
        var places: [BenchEffort: Int] = [:]
        for (_, effort) in wanted where places[effort] == nil {
            let runner = try BenchRunner(
                index, queries, k: options.k, effort: effort, threads: options.threads,
                mode: options.isBatch ? .batch : .single)
            try runner.warmUp()
            places[effort] = runners.count
            runners.append((runner, try truth.recall(runner.rows.baseAddress!)))
        }
        // Beside a ladder, what looking at every row takes: as long for any query.
        if options.sweeps, let effort = index.scan {
            let few = Matrix((0..<min(queries.rows, Self.scanned)).map { queries[$0] })
            let runner = try BenchRunner(
                index, few, k: options.k, effort: effort, threads: options.threads,
                mode: options.isBatch ? .batch : .single)
            try runner.warmUp()
            runners.append((runner, try truth.recall(runner.rows.baseAddress!, queries: few.rows)))
        }
        for round in 0..<options.rounds {
            for (place, (runner, _)) in runners.enumerated() {
                try runner.round()
                progress("measuring", round * runners.count + place + 1, options.rounds * runners.count)
            }
        }
        let points = runners.map { Self.point($0.runner, recall: $0.recall) }
        let asked = wanted.map { target, effort in
            var point = points[places[effort]!]
            point.target = target
            return point
        }
        return (asked, points.count > places.count ? points.last : nil)
    }

    /// How many queries a scan beside a ladder answers.
    private static let scanned = 50

    private static func point(_ runner: BenchRunner, recall: Double) -> BenchReport.Point {
        let queries = Double(runner.queries.rows)
        let rates = runner.rates.sorted()
        let times = runner.latencies.sorted()
        func microseconds(_ share: Double) -> Double {
            Double(times[min(times.count - 1, Int(share * Double(times.count)))]) / 1000
        }
        return BenchReport.Point(
            target: nil, parameter: runner.effort.label, recall: recall, qps: median(rates), slowestQPS: rates[0],
            fastestQPS: rates[rates.count - 1],
            latency: times.isEmpty
                ? nil
                : BenchReport.Latency(p50: microseconds(0.50), p95: microseconds(0.95), p99: microseconds(0.99)),
            evaluations: runner.cost.map { Double($0.evaluations) / queries },
            bytes: runner.cost.map { Double($0.bytes) / queries },
            wait: runner.waits.isEmpty ? nil : median(runner.waits.sorted()))
    }

    /// The middle one of sorted numbers, or the mean of the two in the middle.
    private static func median(_ sorted: [Double]) -> Double {
        (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    /// The processor's name, as the kernel knows it.
    private static var processor: String {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
    }
}
