public import Files
import Shards
public import Vectors

/// Searches a segment. Not thread-safe: use one per thread.
///
/// 1. A fixed effort is searched with as it is.
/// 2. An effort that follows the query goes on for as long as the query needs. Where a walk would cost more than a scan,
///    all rows are scanned.
/// 3. Where the nearest row that it finds is farther away than that of nearly all queries of the calibration, the search
///    may have gone wrong: it is searched with more slack, up to a limit. Where that finds nothing nearer, nobody knows
///    what such a search finds, and ``verdict`` says so; all rows are scanned if that is quick.
/// 4. Where it is farther than any query of the calibration can be, it is searched with the most slack that there is, or
///    scanned.
public final class SegmentSearcher {
    /// What is known of the answer to a query.
    public enum Verdict: Hashable, Sendable {
        /// What the calibration says of queries like this one.
        case calibrated
        /// Nobody has measured what is found among the rows that a filter lets through.
        case unmeasured
        /// All rows were looked at: nothing is missed.
        case scanned
        /// All rows were looked at, since the query is unlike all of the calibration.
        case scannedAsUnlike
        /// The query is unlike all of the calibration, and the rows are too many for a scan: nobody knows.
        case unlike

        /// Whether the query is unlike all of the calibration.
        public var isUnlike: Bool { self == .unlike || self == .scannedAsUnlike }
        /// Whether all rows were looked at.
        public var isScanned: Bool { self == .scanned || self == .scannedAsUnlike }
    }

    let segment: SegmentIndex
    private let exact: ExactSearch
    let graph: GraphSearcher?
    let lists: ListsSearcher?
    private let query: Matrix
    let reach: RecallCalibration.Reach?
    private var scanned = 0

    /// What is known of the last answer.
    public internal(set) var verdict = Verdict.scanned

    /// The most bytes of codes that are scanned for a query that is unlike all others: a tenth of a millisecond of one core.
    /// One query in a hundred of those that the calibration knows is as far, and must not cost more than all others.
    private static let unlikeScanBytes = 2 << 20
    /// What a far query is searched for again.
    private static let carefulRecall = 0.99
    /// So many times what such a search costs on average it may cost for a far query.
    static let carefulLimit = 2.0

    init(_ segment: SegmentIndex, readsAhead: Bool) {
        self.segment = segment
        exact = ExactSearch(segment.shard, codes: segment.codes, metric: segment.metric)
        graph = segment.graph.map { GraphSearcher($0, codes: segment.codes, shard: segment.shard) }
        lists = segment.lists.map { ListsSearcher($0, codes: segment.codes, shard: segment.shard) }
        query = Matrix(rows: 1, columns: segment.shard.dimension)
        reach = segment.calibration?.reach
        if readsAhead { lists?.readsAhead = true }
    }

    /// What it has looked at since it was made.
    public var trace: SearchTrace {
        let cost = graph?.cost ?? lists?.cost ?? SearchCost()
        return SearchTrace(
            evaluations: scanned + cost.rowsScanned + cost.rowsReranked, reranked: cost.rowsReranked,
            exactlyReranked: scanned > 0 ? nil : cost.rowsRerankedExactly,
            bytes: scanned * Int(segment.codes.bytesPerVector) + cost.bytes)
    }

    /// Rows that were read from the shard for the distances of answers, since it was made.
    package private(set) var scoredRows = 0

    /// Rows that its index has read from the shard since it was made; those of scans are not counted.
    package var exactlyRerankedRows: Int { (graph?.cost ?? lists?.cost)?.rowsRerankedExactly ?? 0 }

    /// The `k` nearest rows that the effort finds, nearest first. Their distances are the codes' estimates, except
    /// where `effort` is exact or the codes leave it in doubt who is among the `k`.
    /// - Parameters:
    ///   - query: as many finite components as the rows have.
    ///   - own: the query's own rows, those that it was made of. They do not tell how far the query is from the others, and
    ///     a walk through a graph sets out from them as well: so it finds what is near them where nothing else leads there.
    public func search(
        _ query: UnsafePointer<Float>, k: Int, effort: SegmentIndex.Effort, own: [Int] = []
    ) throws(BelfryError) -> [Neighbor] {
        let k = min(k, segment.shard.rowCount)
        verdict = .calibrated
        guard k > 0 else { return [] }
        guard let found = try searchIndex(query, k, effort, own) else {
            return try scan(query, k, filter: nil, .scanned)
        }
        guard case .following(let ratio) = effort, isFar(query, found, own) else { return found }
        return try searchFar(query, k, found, ratio, own)
    }

    /// How far the query is from the nearest row that was found, on the scale of the calibration's reach.
    private func farness(_ query: UnsafePointer<Float>, _ found: [Neighbor], _ own: [Int]) -> Float {
        guard let nearest = found.first(where: { !own.contains(Int($0.row)) }) else { return -.infinity }
        return segment.metric.farness(nearest.distance, of: query, dimension: segment.shard.dimension)
    }

    /// Whether what was found is farther than nearly everything in the calibration.
    private func isFar(_ query: UnsafePointer<Float>, _ found: [Neighbor], _ own: [Int]) -> Bool {
        guard let reach else { return false }
        return farness(query, found, own) > reach.usual
    }

    /// What the index finds; nil where it has none of that kind, or where a scan costs less.
    /// - Parameter limit: an effort that follows the query ends with what it has found when it has estimated so many rows.
    private func searchIndex(
        _ query: UnsafePointer<Float>, _ k: Int, _ effort: SegmentIndex.Effort, _ own: [Int], limit: Int = .max
    ) throws(BelfryError) -> [Neighbor]? {
        if let graph, let effort = effort.ofGraph(k: k, limit: limit), k <= GraphSearcher.limit {
            return try graph.search(query, k: k, effort: effort, from: own)
        }
        if let lists, let effort = effort.ofLists(lists.lists.listCount, k: k, limit: limit) {
            return try lists.search(query, k: k, effort: effort)
        }
        return nil
    }

    /// What is near a query of which all that was `found` with a slack of `ratio` is farther than nearly everything in the
    /// calibration.
    private func searchFar(
        _ query: UnsafePointer<Float>, _ k: Int, _ found: [Neighbor], _ ratio: Float, _ own: [Int]
    ) throws(BelfryError) -> [Neighbor] {
        guard let reach, let calibration = segment.calibration else { return found }
        var found = found
        let (careful, hardest) = farLevels(calibration, k: k)
        let carefulRatio = Slack.ratio(calibration.levels[careful])
        if carefulRatio > ratio {
            let mean = min(calibration.evaluations(careful, k: k), Double(segment.shard.rowCount))
            let limit = Int(Self.carefulLimit * mean)
            let again = try searchIndex(query, k, .following(ratio: carefulRatio), own, limit: limit)
            // The limit may have ended it before it had seen all that the first search has.
            found = try nearest(k, of: found, and: again ?? [], query)
            guard isFar(query, found, own) else { return found }
        }
        if !isScannedQuickly(segment.shard.rowCount) {
            verdict = .unlike
            guard farness(query, found, own) > reach.beyondDoubt else { return found }
            let most = SegmentIndex.Effort.following(ratio: Slack.ratio(calibration.levels[hardest]))
            if let most = try searchIndex(query, k, most, own) {
                if !isFar(query, most, own) { verdict = .calibrated }
                return most
            }
        }
        let all = try scan(query, k, filter: nil, .scanned)
        if isFar(query, all, own) { verdict = .scannedAsUnlike }
        return all
    }

    /// The levels at which a far query is searched again, and at last.
    func farLevels(_ calibration: RecallCalibration, k: Int) -> (careful: Int, hardest: Int) {
        let hardest = calibration.levels.count - 1
        return (calibration.choice(recall: Self.carefulRecall, k: k)?.level ?? hardest, hardest)
    }

    /// Whether so many rows are scanned for a query that is unlike all others.
    func isScannedQuickly(_ rows: Int) -> Bool {
        Int(segment.codes.bytesPerVector) * rows <= Self.unlikeScanBytes
    }

    /// The `k` nearest rows of two answers to one query, by the stored vectors: of estimates and exact distances beside
    /// each other, an estimate that is too small would win.
    func nearest(
        _ k: Int, of first: [Neighbor], and second: [Neighbor], _ query: UnsafePointer<Float>
    ) throws(BelfryError) -> [Neighbor] {
        var rows = Set(second.map(\.row))
        let both = second + first.filter { rows.insert($0.row).inserted }
        return Array(try scored(both, query).prefix(k))
    }

    /// The rows that the last search has found, with the distances of the stored vectors, nearest first. Rows that its
    /// exact rerank has read are not read again.
    /// - Parameter query: the pointer that was searched with.
    package func score(_ found: [Neighbor], _ query: UnsafePointer<Float>) throws(BelfryError) -> [Neighbor] {
        guard !verdict.isScanned else { return found }
        return try scored(found, query)
    }

    private func scored(_ found: [Neighbor], _ query: UnsafePointer<Float>) throws(BelfryError) -> [Neighbor] {
        guard let reranker = graph?.reranker ?? lists?.reranker else { return found }
        let (rows, read) = try reranker.score(found, query)
        scoredRows += read
        return rows
    }

    /// The same as the search for one query, for every row of `queries`. Lists are read once for all queries that scan them.
    public func search(_ queries: Matrix, k: Int, effort: SegmentIndex.Effort) throws(BelfryError) -> [[Neighbor]] {
        precondition(queries.columns == segment.shard.dimension, "queries of the segment's dimension")
        let k = min(k, segment.shard.rowCount)
        verdict = .calibrated
        if k > 0, let lists, let ofLists = effort.ofLists(lists.lists.listCount, k: k) {
            var answers = try lists.search(queries, k: k, effort: ofLists)
            for query in answers.indices {
                let vector = queries.pointer + query * queries.columns
                guard case .following(let ratio) = effort, isFar(vector, answers[query], []) else { continue }
                answers[query] = try searchFar(vector, k, answers[query], ratio, [])
            }
            return answers
        }
        var answers: [[Neighbor]] = []
        for query in 0..<queries.rows {
            answers.append(try search(queries.pointer + query * queries.columns, k: k, effort: effort))
        }
        return answers
    }

    func scan(
        _ query: UnsafePointer<Float>, _ k: Int, filter: RowFilter?, _ verdict: Verdict
    ) throws(BelfryError) -> [Neighbor] {
        scanned += filter?.count ?? segment.shard.rowCount
        self.verdict = verdict
        self.query.pointer.update(from: query, count: self.query.columns)
        return try exact.search(self.query, k: k, filter: filter)[0]
    }
}

extension SegmentIndex.Effort {
    /// The effort of a graph for `k` rows; nil where it is not one of a graph.
    func ofGraph(k: Int, limit: Int = .max) -> GraphEffort? {
        switch self {
        case .graph(let window): GraphEffort(window: window, k: k)
        case .following(let ratio): GraphEffort(slack: Slack(ratio: ratio, k: k, limit: limit), k: k)
        case .lists, .exact: nil
        }
    }

    /// The effort of so many lists for `k` rows; nil where it is not one of lists.
    func ofLists(_ count: Int, k: Int, limit: Int = .max) -> ListsEffort? {
        switch self {
        case .lists(let probes): ListsEffort(probes: probes, lists: count, k: k)
        case .following(let ratio): ListsEffort(slack: Slack(ratio: ratio, k: k, limit: limit), k: k)
        case .graph, .exact: nil
        }
    }
}

extension SegmentIndex {
    /// What a search costs at an effort that was chosen for `k` rows, in rows of a graph, as a mean of the most expensive
    /// kind of query. Beyond what was calibrated it grows as `k` does.
    func expectedEvaluations(_ effort: Effort, k: Int) -> Double {
        guard let calibration, case .following(let ratio) = effort else { return .infinity }
        let level = calibration.levels.lastIndex { Slack.ratio($0) <= ratio } ?? 0
        let growth = max(1, Double(k) / Double(calibration.kinds[0].curve(k: k).k))
        return calibration.evaluations(level, k: k) * growth / (kind == .hnsw ? 1 : SegmentSearcher.listedRows)
    }
}
