public import Files
public import Shards
public import Vectors

/// The nearest rows of a shard, without approximation: the truth that every index is measured against.
///
/// 1. The queries are checked against the shard's dimension, and the shard's rows are counted.
/// 2. With codes, one pass over them leaves the few rows of each query that its bounds cannot tell apart, and those are
///    compared in f32 on the shard: `ExactSearch+Codes.swift`.
/// 3. Without codes, or where the bounds leave too many, every block of the shard is decoded and compared:
///    `ExactSearch+Blocks.swift`.
/// 4. Where a filter leaves few rows, only those are looked at, in either way.
///
/// All ways give the same answer: within one instruction set the distances are, to the bit, those of `DistanceKernel`
/// over the rows as they are stored, and of two rows at the same distance the smaller one comes first. So the answer
/// does not depend on the number of threads, nor on whether there are codes. A row with a NaN has no distance and is
/// never returned. Nothing is read that no checksum vouches for: the codes are verified as a whole by the first search
/// that scans them, once for an open file, and each block of the shard when it is read. Damage is an error, and not
/// skipped.
///
/// It does not look at the queries' components (`VectorCheck` does), and knows neither ids nor segments.
public struct ExactSearch: Sendable {
    /// Where the rows are.
    public let shard: ShardReader
    /// How vectors are compared.
    public var metric: Metric { kernel.metric }
    /// The rows' codes, if there are any.
    package let codes: CodesReader?
    let kernel: DistanceKernel

    /// A search over `shard`.
    public init(_ shard: ShardReader, metric: Metric, instructionSet: InstructionSet = .current) {
        self.init(shard, codes: nil, metric: metric, instructionSet: instructionSet)
    }

    /// A search over `shard` by its codes, which must be of its rows and of the same metric.
    package init(
        _ shard: ShardReader, codes: CodesReader?, metric: Metric, instructionSet: InstructionSet = .current
    ) {
        self.shard = shard
        self.codes = metric.isIndexed ? codes : nil
        kernel = DistanceKernel(metric: metric, instructionSet: instructionSet)
    }

    /// The `k` nearest rows to one query, nearest first, fewer if there are fewer.
    ///
    /// - Parameters:
    ///   - filter: Which rows may be returned; nil for all.
    ///   - threads: How many threads share the work.
    /// - Throws: `invalidInput` for a query of another dimension, `corruptData` with the place of damaged codes or of a
    ///   damaged block, and `cancelled`.
    public func search(
        _ query: [Float], k: Int, filter: RowFilter? = nil, threads: Int = 1
    ) throws(BelfryError) -> [Neighbor] {
        try search(Matrix([query]), k: k, filter: filter, threads: threads)[0]
    }

    /// The `k` nearest rows to each query, nearest first, fewer if there are fewer. All queries share one pass.
    ///
    /// - Parameters:
    ///   - queries: A query per row.
    ///   - filter: Which rows may be returned; nil for all.
    ///   - ownRows: For each query the row that it was taken from, which it must not find; nil for a query from
    ///     elsewhere.
    ///   - threads: How many threads share the work.
    /// - Throws: As the search for one query.
    public func search(
        _ queries: Matrix, k: Int, filter: RowFilter? = nil, ownRows: [Int?]? = nil, threads: Int = 1
    ) throws(BelfryError) -> [[Neighbor]] {
        precondition(k >= 0 && threads > 0)
        precondition(filter.map { $0.rows.capacity == shard.rowCount } ?? true, "a filter over the shard's rows")
        precondition(ownRows == nil || ownRows!.count == queries.rows, "an own row per query")
        guard queries.rows > 0 else { return [] }
        try check(dimension: queries.columns)
        // An own row takes at most one place of one more.
        let wanted = min(k, shard.rowCount) + (ownRows == nil ? 0 : 1)
        var answers = try nearest(queries, wanted, filter, threads).map(\.sorted)
        if let ownRows {
            for (index, own) in ownRows.enumerated() {
                if let own { answers[index].removeAll { Int($0.row) == own } }
                answers[index] = Array(answers[index].prefix(k))
            }
        }
        return answers
    }

    /// Chooses the way.
    private func nearest(
        _ queries: Matrix, _ k: Int, _ filter: RowFilter?, _ threads: Int
    ) throws(BelfryError) -> [TopK] {
        let count = shard.rowCount
        let left = filter?.count ?? count
        guard k > 0, left > 0 else { return [TopK](repeating: TopK(k), count: queries.rows) }
        // One row by itself costs some ten times its share of a whole block, and a listed code four times its share. Of few
        // rows the bounds leave no fewer than the k nearest.
        let areFew = left <= count / 16
        if areFew, codes == nil || left / Self.rowsForCodes <= k {
            return try compare(queries, k, .rows(filter?.listed ?? []), threads)
        }
        guard let codes, areFew || k <= left / 16 else { return try compare(queries, k, .blocks(filter), threads) }
        try codes.verify()
        let listed = left <= count / 4 ? filter?.listed : nil
        return try nearestByCodes(queries, k, codes, listed: listed, filter, threads)
    }

    /// So many rows are to be looked at for each that is wanted, before their codes are looked at first.
    private static let rowsForCodes = 3

    private func check(dimension: Int) throws(BelfryError) {
        guard dimension == shard.dimension else {
            throw BelfryError(
                .invalidInput, "The query has \(dimension) components; the shard's rows have \(shard.dimension).",
                at: .init(file: shard.path), remedy: "Use the model that filled the shard.")
        }
        guard shard.rowCount <= Int(UInt32.max) else {
            throw BelfryError(
                .unsupported, "The shard has \(shard.rowCount) rows; a search numbers them up to \(UInt32.max).",
                at: .init(file: shard.path), remedy: "Split it into several segments.")
        }
        guard let codes else { return }
        guard codes.rowCount == shard.rowCount, codes.dimension == shard.dimension, codes.metric == metric else {
            throw BelfryError(
                .corruptData,
                "These are codes of \(codes.rowCount) × \(codes.dimension) by \(codes.metric); the shard has "
                    + "\(shard.rowCount) × \(shard.dimension), to be compared by \(metric).",
                at: .init(file: codes.path), remedy: "Write the codes again from the shard.")
        }
    }
}
