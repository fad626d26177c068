public import Files
import Shards
public import Vectors

/// One thread's searches of a segment.
public final class SegmentSearcher {
    let segment: Segment
    private let exact: ExactSearch
    private let graph: GraphSearcher?
    private let lists: ListsSearcher?
    private let query: Matrix
    private var scanned = 0

    init(_ segment: Segment, readsAhead: Bool) {
        self.segment = segment
        exact = ExactSearch(segment.shard, codes: segment.codes, metric: segment.metric)
        graph = segment.graph.map { GraphSearcher($0, codes: segment.codes, shard: segment.shard) }
        lists = segment.lists.map { ListsSearcher($0, codes: segment.codes, shard: segment.shard) }
        query = Matrix(rows: 1, columns: segment.shard.dimension)
        if readsAhead { lists?.readsAhead = true }
    }

    /// What it has looked at since it was made.
    public var trace: SearchTrace {
        let cost = graph?.cost ?? lists?.cost ?? SearchCost()
        return SearchTrace(
            evaluations: scanned + cost.rowsScanned + cost.rowsReranked, reranked: cost.rowsReranked,
            settled: scanned > 0 ? nil : cost.rowsSettled,
            bytes: scanned * Int(segment.codes.bytesPerVector) + cost.bytes)
    }

    /// The `k` nearest rows that the effort finds, nearest first. Their distances are the codes' estimates, except
    /// where `effort` is exact or the codes leave it in doubt who is among the `k`.
    /// - Parameter query: as many finite components as the rows have.
    public func search(
        _ query: UnsafePointer<Float>, k: Int, effort: Segment.Effort
    ) throws(BelfryError) -> [Neighbor] {
        let k = min(k, segment.shard.rowCount)
        guard k > 0 else { return [] }
        if case .graph(let window) = effort, let graph, k <= GraphSearcher.limit {
            return try graph.search(query, k: k, effort: GraphEffort(window: window, k: k))
        }
        if case .lists(let probes) = effort, let lists, let count = segment.lists?.listCount {
            return try lists.search(query, k: k, effort: ListsEffort(probes: probes, lists: count, k: k))
        }
        return try scan(query, k, leftOut: nil)
    }

    /// The same for every row of `queries`. Lists are read once for all queries that scan them.
    public func search(_ queries: Matrix, k: Int, effort: Segment.Effort) throws(BelfryError) -> [[Neighbor]] {
        precondition(queries.columns == segment.shard.dimension, "queries of the segment's dimension")
        if case .lists(let probes) = effort, let lists, let count = segment.lists?.listCount, k > 0 {
            let k = min(k, segment.shard.rowCount)
            return try lists.search(queries, k: k, effort: ListsEffort(probes: probes, lists: count, k: k))
        }
        var answers: [[Neighbor]] = []
        for query in 0..<queries.rows {
            answers.append(try search(queries.pointer + query * queries.columns, k: k, effort: effort))
        }
        return answers
    }

    /// The `k` nearest rows among those that a filter lets through, with a mean recall of `target`.
    ///
    /// If a share `s` of the rows is let through and knows nothing of the query, the nearest `k` of them are about the
    /// first `k / s` of all rows. So the index is asked for these at the effort that finds `target` of *them*; a scan of
    /// what is let through is the answer where that is cheaper. Where the filter keeps away from the query, too few are
    /// found; then the index is asked for more, until it would have cost as much as the scan: all in all never more than
    /// about twice the scan. Where `k / s` is beyond what was calibrated, the effort is extrapolated.
    ///
    /// - Parameters:
    ///   - query: as many finite components as the rows have.
    ///   - keeping: only these rows are returned, as a filter has found them.
    ///   - excluding: these rows are not returned: those that were deleted.
    public func search(
        _ query: UnsafePointer<Float>, k: Int, recall target: Double, keeping: RowSet? = nil, excluding: RowSet? = nil
    ) throws(BelfryError) -> [Neighbor] {
        let count = segment.shard.rowCount
        guard k > 0 else { return [] }
        guard let leftOut = RowSet.leftOut(of: count, excluding: excluded(excluding), keeping: keeping) else {
            return try search(query, k: k, effort: segment.effort(recall: target, k: k))
        }
        let left = count - leftOut.count
        guard left > 0 else { return [] }
        let few = min(k, left)
        // Three standard deviations more than are needed on average.
        let needed = (Double(few) + 3 * Double(few).squareRoot()) * Double(count) / Double(left)
        var wanted = min(needed, Double(count))
        var budget = Self.scanCost(left, of: count)
        while true {
            let rank = Int(wanted)
            let effort = segment.effort(recall: target, k: rank)
            let cost = segment.expectedEvaluations(effort, k: rank)
            guard effort != .exact, rank < count, cost < budget else { return try scan(query, k, leftOut: leftOut) }
            if let found = try search(query, few, rank, effort, leftOut) { return found }
            budget -= cost
            wanted = min(4 * wanted, Double(count))
        }
    }

    /// What the index finds if it is asked for `rank` rows; nil where too few of them may be returned.
    private func search(
        _ query: UnsafePointer<Float>, _ k: Int, _ rank: Int, _ effort: Segment.Effort, _ leftOut: RowSet
    ) throws(BelfryError) -> [Neighbor]? {
        if case .graph(let window) = effort, let graph {
            return try graph.search(
                query, k: k, among: rank, effort: GraphEffort(window: window, k: rank), leftOut: leftOut)
        }
        if case .lists(let probes) = effort, let lists, let count = segment.lists?.listCount {
            return try lists.search(
                query, k: k, among: rank, effort: ListsEffort(probes: probes, lists: count, k: rank), leftOut: leftOut)
        }
        return nil
    }

    /// Rows of a list that are scanned in the time that one row of a graph takes.
    static let listedRows = 6.0

    /// What it costs to look at the codes of all `left` rows, in rows of a graph: they are gathered one by one if they
    /// are few, and passed through in order if they are many.
    private static func scanCost(_ left: Int, of count: Int) -> Double {
        left <= count / 4 ? Double(left) : Double(count) / 3
    }

    private func excluded(_ rows: RowSet?) -> RowSet? { rows?.count == 0 ? nil : rows }

    private func scan(_ query: UnsafePointer<Float>, _ k: Int, leftOut: RowSet?) throws(BelfryError) -> [Neighbor] {
        scanned += segment.shard.rowCount - (leftOut?.count ?? 0)
        self.query.pointer.update(from: query, count: self.query.columns)
        return try exact.search(self.query, k: k, excluding: leftOut)[0]
    }
}

extension Segment {
    /// What a search costs at an effort that was chosen for `k` rows, in rows of a graph.
    func expectedEvaluations(_ effort: Effort, k: Int) -> Double {
        guard let calibration else { return .infinity }
        let size: Int
        let unit: Double
        switch effort {
        case .exact: return .infinity
        case .graph(let window): (size, unit) = (window, 1)
        case .lists(let probes): (size, unit) = (probes, 1 / SegmentSearcher.listedRows)
        }
        let curve = calibration.curve(k: k)
        let level = calibration.levels.lastIndex { Int($0.parameters[0]) <= size } ?? 0
        // Beyond the last level the cost grows as the size does.
        let growth = Double(size) / Double(max(1, calibration.levels[level].parameters[0]))
        return curve.evaluations(level) * growth * unit
    }
}
