public import Files
import Shards
public import Vectors

/// What one search of a segment looked at.
public struct SearchTrace: Hashable, Sendable {
    /// Distances estimated or computed.
    public var evaluations = 0
    /// Rows of these that were estimated again on the codes of all components.
    public var reranked = 0
    /// Rows read from the shard because the codes left it in doubt who is among the nearest; nil after a scan, which does
    /// not count them.
    public var settled: Int?
}

extension Segment {
    /// Searches as ``SegmentSearcher`` does without a filter, with a searcher of its own, to see what it looks at.
    public func trace(
        _ query: UnsafePointer<Float>, k: Int, effort: Effort
    ) throws(BelfryError) -> (found: [Neighbor], trace: SearchTrace) {
        var found: [Neighbor] = []
        var cost = SearchCost()
        let k = min(k, shard.rowCount)
        guard k > 0 else { return ([], SearchTrace()) }
        if case .graph(let window) = effort, let graph, k <= GraphSearcher.limit {
            let searcher = GraphSearcher(graph, codes: codes, shard: shard)
            found = try searcher.search(query, k: k, effort: GraphEffort(window: window, k: k))
            cost = searcher.cost
        } else if case .lists(let probes) = effort, let lists {
            let searcher = ListsSearcher(lists, codes: codes, shard: shard)
            found = try searcher.search(query, k: k, effort: ListsEffort(probes: probes, lists: lists.listCount, k: k))
            cost = searcher.cost
        } else {
            found = try makeSearcher().search(query, k: k, effort: .exact)
            return (found, SearchTrace(evaluations: shard.rowCount, reranked: 0, settled: nil))
        }
        let trace = SearchTrace(
            evaluations: cost.rowsScanned + cost.rowsReranked, reranked: cost.rowsReranked, settled: cost.rowsSettled)
        return (found, trace)
    }
}
