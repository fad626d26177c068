import Dispatch
import Files
import Vectors

/// What is right: for each query the true distance of its k-th nearest row.
///
/// A row counts as found if its true distance, in f64 over the base's own components, is at most that one, with a
/// relative slack of 1e-6: among rows at the same distance any will do. A row that is returned twice counts once.
///
/// A truth from a file is not believed. Its rows must come nearest first; a few queries are asked by looking at every row
/// of the base, before anything is built; and every answer that is measured is held against it. A row that is nearer
/// than the k-th of the truth, and not in it, shows that the truth is not of this base, these queries or this metric.
struct BenchTruth: Sendable {
    let base: VectorFile
    let queries: Matrix
    let metric: Metric
    let k: Int
    /// For each query the true distance of the k-th nearest row, and the largest that counts.
    private(set) var limits: [(distance: Double, counted: Double)] = []
    /// The rows that a file lists for each query, and its path; nil for a truth that was computed.
    private(set) var claims: (lists: [Set<Int>], file: String)?
    private static let slack = 1e-6

    /// The truth of a file, which lists for each query at least its `k` nearest rows.
    /// - Throws: `invalidInput` where it is too short, lists a row that the base does not have or one row twice, does not
    ///   come nearest first, or is contradicted by one of the queries that are computed.
    init(
        _ base: VectorFile, _ queries: Matrix, _ metric: Metric, k: Int, file: VectorFile, threads: Int = 1
    ) throws(BelfryError) {
        (self.base, self.queries, self.metric, self.k) = (base, queries, metric, k)
        let place = BelfryError.Location(file: file.path)
        guard file.rows >= queries.rows else {
            throw BelfryError(
                .invalidInput, "The truth is of \(file.rows) queries; there are \(queries.rows).", at: place,
                remedy:
                    "Leave out \(.setting(.truth)) to have it computed, or take fewer queries with \(.setting(.queryLimit))."
            )
        }
        guard file.columns >= k else {
            throw BelfryError(
                .invalidInput, "The truth lists \(file.columns) rows per query; recall at \(k) needs \(k).", at: place,
                remedy: "Leave out \(.setting(.truth)) to have it computed, or ask for a smaller \(.setting(.k)).")
        }
        let lists = try file.integers(first: queries.rows)
        for (query, list) in lists.enumerated() {
            guard let bad = list.prefix(k).first(where: { $0 < 0 || $0 >= base.rows }) else { continue }
            throw BelfryError(
                .invalidInput, "The truth of query \(query) lists row \(bad); the base has \(base.rows).", at: place,
                remedy: Self.remedy)
        }
        try requireOrder(lists, file.path)
        try setLimits(lists)
        claims = (lists.map { Set($0.prefix(k)) }, file.path)
        try probe(threads)
    }

    /// The truth by looking at every row of the base, in f32.
    init(
        computing base: VectorFile, _ queries: Matrix, _ metric: Metric, k: Int, threads: Int,
        progress: (_ done: Int) -> Void
    ) throws(BelfryError) {
        (self.base, self.queries, self.metric, self.k) = (base, queries, metric, k)
        try setLimits(Self.nearest(base, queries, metric, k: k, threads: threads, progress: progress))
    }

    /// The share of the `k` nearest rows that were found, over the first `count` queries, by default all of them.
    /// - Parameter found: `k` row numbers per query; one that the base does not have is wrong.
    /// - Throws: `invalidInput` with query, row and distances where an answer shows that the truth of a file is wrong.
    func recall(_ found: UnsafePointer<UInt32>, queries count: Int? = nil) throws(BelfryError) -> Double {
        let row = Matrix(rows: 1, columns: base.columns)
        let count = count ?? queries.rows
        var right = 0
        for query in 0..<count {
            let rows = Set(UnsafeBufferPointer(start: found + query * k, count: k))
            for number in rows where Int(number) < base.rows {
                let (distance, scale) = try distance(query, Int(number), row)
                if distance <= limits[query].counted { right += 1 }
                try requireNoContradiction(query, Int(number), distance, scale)
            }
        }
        return Double(right) / Double(count * k)
    }

    private mutating func setLimits(_ lists: [[Int]]) throws(BelfryError) {
        let row = Matrix(rows: 1, columns: base.columns)
        for (query, list) in lists.enumerated() {
            var limit = (distance: -Double.infinity, counted: -Double.infinity)
            for number in list.prefix(k) {
                let (distance, scale) = try distance(query, number, row)
                limit.distance = max(limit.distance, distance)
                limit.counted = max(limit.counted, distance + Self.slack * scale.counted)
            }
            limits.append(limit)
        }
    }

    /// What differences between distances are held against.
    struct Scale {
        /// A distance that is farther by 1e-6 of this counts as equal.
        var counted: Double
        /// By how much a truth that somebody computed in f32, perhaps as |q|² + |x|² − 2qx, may be off.
        var rounding: Double
    }

    /// The distance in f64, and what a difference between two such distances is relative to.
    func distance(
        _ query: Int, _ number: Int, _ row: Matrix
    ) throws(BelfryError) -> (distance: Double, scale: Scale) {
        try base.copy(number..<number + 1, into: row.pointer)
        let (q, x) = (queries.pointer + query * queries.columns, row.pointer)
        var (product, sum, squares, qq, xx) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for index in 0..<base.columns {
            let (a, b) = (Double(q[index]), Double(x[index]))
            product += a * b
            sum += abs(a - b)
            squares += (a - b) * (a - b)
            qq += a * a
            xx += b * b
        }
        let lengths = (qq * xx).squareRoot()
        switch metric {
        case .l1: return (sum, Scale(counted: sum, rounding: 4e-6 * (sum + (qq + xx).squareRoot())))
        case .l2: return (squares, Scale(counted: squares, rounding: 1e-5 * squares + 1e-6 * (qq + xx)))
        case .ip: return (-product, Scale(counted: lengths, rounding: 4e-6 * lengths))
        case .cosine: return (lengths == 0 ? 0 : -product / lengths, Scale(counted: 1, rounding: 4e-6))
        }
    }
}

// MARK: looking at every row

extension BenchTruth {
    /// The `k` nearest rows to each query, in f32.
    static func nearest(
        _ base: VectorFile, _ queries: Matrix, _ metric: Metric, k: Int, threads: Int, progress: (_ done: Int) -> Void
    ) throws(BelfryError) -> [[Int]] {
        let kernel = DistanceKernel(metric: metric)
        let share = (queries.rows + threads - 1) / threads
        var workers = (0..<threads).map { thread in
            Worker(kernel, queries, min(thread * share, queries.rows)..<min((thread + 1) * share, queries.rows), k)
        }
        try base.forEachBatch { rows, vectors in
            workers.withUnsafeMutableBufferPointer { workers in
                nonisolated(unsafe) let workers = workers
                DispatchQueue.concurrentPerform(iterations: workers.count) { workers[$0].scan(rows, vectors) }
            }
            progress(rows.upperBound)
        }
        return workers.flatMap { $0.tops.map { top in top.sorted.map { Int($0.row) } } }
    }

    /// One thread's share of the queries.
    private struct Worker {
        let kernel: DistanceKernel
        let queries: [DistanceKernel.Query]
        var tops: [TopK]

        init(_ kernel: DistanceKernel, _ queries: Matrix, _ share: Range<Int>, _ k: Int) {
            self.kernel = kernel
            self.queries = share.map {
                kernel.prepare(queries.pointer + $0 * queries.columns, dimension: queries.columns)
            }
            tops = [TopK](repeating: TopK(k), count: share.count)
        }

        /// Offers rows to every query of the share, in runs that stay in the first cache meanwhile.
        mutating func scan(_ rows: Range<Int>, _ vectors: Matrix) {
            let run = max(1, (1 << 13) / vectors.columns)
            withUnsafeTemporaryAllocation(of: Float.self, capacity: run) { distances in
                for first in stride(from: 0, to: rows.count, by: run) {
                    let count = min(run, rows.count - first)
                    for index in queries.indices {
                        kernel.distances(
                            to: queries[index], rows: vectors.pointer + first * vectors.columns, count: count,
                            into: distances.baseAddress!)
                        tops[index].offer(
                            distances.baseAddress!, count: count, firstRow: UInt32(rows.lowerBound + first))
                    }
                }
            }
        }
    }
}
