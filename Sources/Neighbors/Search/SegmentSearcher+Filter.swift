public import Files
import Shards
public import Vectors

// Searches through a filter: of some rows that may be answered.
extension SegmentSearcher {
    /// The `k` nearest rows among those that a filter lets through, with a mean recall of `target`.
    ///
    /// If a share `s` of the rows is let through and knows nothing of the query, the nearest `k` of them are about the
    /// first `k / s` of all rows. So the index is asked for these at the effort that finds `target` of *them*; a scan of
    /// what is let through is the answer where that is cheaper. Where the filter keeps away from the query, too few are
    /// found; then the index is asked for more, unless the share of what was found says that to find enough costs as much as
    /// the scan: all in all never more than about twice the scan. Where `k / s` is beyond what was calibrated, nobody has measured the effort.
    ///
    /// - Parameters:
    ///   - query: as many finite components as the rows have.
    ///   - filter: which rows may be returned; nil for all.
    ///   - own: the query's own rows, from which a walk through a graph sets out as well. The filter leaves them out.
    public func search(
        _ query: UnsafePointer<Float>, k: Int, recall target: Double, filter: RowFilter?, own: [Int] = []
    ) throws(BelfryError) -> [Neighbor] {
        let count = segment.shard.rowCount
        precondition(filter.map { $0.rows.capacity == count } ?? true, "a filter over the segment's rows")
        verdict = .calibrated
        guard k > 0 else { return [] }
        guard let filter else {
            return try search(query, k: k, effort: segment.effort(recall: target, k: k), own: own)
        }
        let left = filter.count
        guard left > 0 else { return [] }
        let few = min(k, left)
        // Three standard deviations more than are needed on average.
        let needed = (Double(few) + 3 * Double(few).squareRoot()) * Double(count) / Double(left)
        var wanted = min(needed, Double(count))
        var budget = Self.scanCost(left, of: count)
        if let found = try searchNear(query, few, target, filter, own, instead: wanted, budget) {
            return found
        }
        while true {
            let rank = Int(wanted)
            let effort = effort(recall: target, rank: rank)
            let cost = segment.expectedEvaluations(effort, k: rank)
            guard effort != .exact, rank < count, cost < budget else {
                return try scan(query, k, filter: filter, .scanned)
            }
            // Of a filter that keeps away from the query the answers are the last of so many rows, of which more are missed
            // than of the first: they have to be within the first half.
            let within = wanted > needed ? rank / 2 : rank
            if let found = try search(query, few, rank, effort, filter, own, within: within) {
                return try lookingHow(far: query, few, rank, found, effort, filter, own)
            }
            budget -= cost
            // If one more had been kept.
            let enough = min(
                Double(few * within) / Double((graph?.keptOfFirst ?? lists?.keptOfFirst ?? 0) + 1), Double(count))
            guard expectedEvaluations(target, rank: Int(enough)) < budget else {
                return try scan(query, k, filter: filter, .scanned)
            }
            wanted = min(4 * wanted, Double(count))
        }
    }

    /// What it costs to ask the index for so many rows.
    private func expectedEvaluations(_ target: Double, rank: Int) -> Double {
        let effort = effort(recall: target, rank: rank)
        return effort == .exact ? .infinity : segment.expectedEvaluations(effort, k: rank)
    }

    /// The effort for so many rows of which a filter keeps some. Half of what may be missed is left as a margin: what was measured
    /// for all of them promises a little too much for those that are kept, and for more rows than were measured.
    private func effort(recall target: Double, rank: Int) -> SegmentIndex.Effort {
        segment.effort(recall: (1 + target) / 2, k: rank)
    }

    /// A try with few rows, where it costs little beside what is to be done otherwise: a filter that keeps what is near the
    /// query, as its own category, needs no more. Nil where too few of them may be returned.
    private func searchNear(
        _ query: UnsafePointer<Float>, _ k: Int, _ target: Double, _ filter: RowFilter, _ own: [Int],
        instead wanted: Double, _ budget: Double
    ) throws(BelfryError) -> [Neighbor]? {
        let rank = Self.nearRank * k
        guard Double(rank) < wanted else { return nil }
        let effort = effort(recall: target, rank: rank)
        let otherwise = min(budget, expectedEvaluations(target, rank: Int(wanted)))
        guard effort != .exact, Self.nearCost * segment.expectedEvaluations(effort, k: rank) < otherwise,
            let found = try search(query, k, rank, effort, filter, own)
        else { return nil }
        return try lookingHow(far: query, k, rank, found, effort, filter, own)
    }

    /// The rank of such a try, for each answer that is wanted.
    private static let nearRank = 3
    /// So many times what it costs is to be saved.
    private static let nearCost = 3.0

    /// What was found with a filter; where the query is far, what a more careful search finds.
    private func lookingHow(
        far query: UnsafePointer<Float>, _ k: Int, _ rank: Int, _ found: [Neighbor], _ effort: SegmentIndex.Effort,
        _ filter: RowFilter, _ own: [Int]
    ) throws(BelfryError) -> [Neighbor] {
        verdict = .unmeasured
        guard case .following(let ratio) = effort, isFarFromAll(query) else { return found }
        return try searchFar(query, k, rank, found, ratio, filter, own)
    }

    /// Whether the nearest row that the last search with a filter has met, kept or not, is farther than nearly everything in
    /// the calibration.
    private func isFarFromAll(_ query: UnsafePointer<Float>) -> Bool {
        guard let reach else { return false }
        return farnessFromAll(query) > reach.usual
    }

    private func farnessFromAll(_ query: UnsafePointer<Float>) -> Float {
        let nearest = graph?.nearestOfAll ?? lists?.nearestOfAll ?? .infinity
        return segment.metric.farness(nearest, of: query, dimension: segment.shard.dimension)
    }

    /// As the search for a far query without a filter: with more slack, and then with the most that there is.
    private func searchFar(
        _ query: UnsafePointer<Float>, _ k: Int, _ rank: Int, _ found: [Neighbor], _ ratio: Float, _ filter: RowFilter,
        _ own: [Int]
    ) throws(BelfryError) -> [Neighbor] {
        guard let reach, let calibration = segment.calibration else { return found }
        var found = found
        let (careful, hardest) = farLevels(calibration, k: rank)
        let carefulRatio = Slack.ratio(calibration.levels[careful])
        if carefulRatio > ratio {
            let effort = SegmentIndex.Effort.following(ratio: carefulRatio)
            let limit = Int(min(Self.carefulLimit * segment.expectedEvaluations(effort, k: rank), 1e9))
            let again = try search(query, k, rank, effort, filter, own, limit: limit)
            found = try nearest(k, of: found, and: again ?? [], query)
            guard isFarFromAll(query) else { return found }
        }
        if isScannedQuickly(filter.count) {
            return try scan(query, k, filter: filter, .scannedAsUnlike)
        }
        verdict = .unlike
        guard farnessFromAll(query) > reach.beyondDoubt else { return found }
        let most = SegmentIndex.Effort.following(ratio: Slack.ratio(calibration.levels[hardest]))
        guard let last = try search(query, k, rank, most, filter, own) else { return found }
        if !isFarFromAll(query) { verdict = .unmeasured }
        return last
    }

    /// What the index finds if it is asked for `rank` rows; nil where too few of the first `within` of them may be returned.
    private func search(
        _ query: UnsafePointer<Float>, _ k: Int, _ rank: Int, _ effort: SegmentIndex.Effort, _ filter: RowFilter,
        _ own: [Int], within: Int? = nil, limit: Int = .max
    ) throws(BelfryError) -> [Neighbor]? {
        if let graph, let effort = effort.ofGraph(k: rank, limit: limit) {
            return try graph.search(
                query, k: k, among: rank, within: within ?? rank, effort: effort, filter: filter, from: own)
        }
        if let lists, let effort = effort.ofLists(lists.lists.listCount, k: rank, limit: limit) {
            return try lists.search(
                query, k: k, among: rank, within: within ?? rank, effort: effort, filter: filter)
        }
        return nil
    }

    /// Rows of a list that are scanned in the time that one row of a graph takes.
    static let listedRows = 6.0

    /// What it costs to look at the codes of all `left` rows, in rows of a graph: they are gathered one by one if they
    /// are few, and passed through in order if they are many. (Measured on 100,000 and 1,000,000 rows of 384 components.)
    private static func scanCost(_ left: Int, of count: Int) -> Double {
        left <= count / 4 ? 0.7 * Double(left) : Double(count) / 3
    }
}
