import CKernels
package import Files
package import Vectors

extension ListsSearcher {
    /// Lists that each query of a batch scans by itself, nearest first, so that few rows of the others are below its
    /// limit.
    private static let ownLists = 4
    /// Queries that share passes over the lists: their pools stay in the second cache.
    private static let abreast = 128

    /// The `k` nearest rows that were found for each query. As the search for one query, but a list is read once for all
    /// queries that scan it: they may find others of several candidates with equal estimates.
    package func search(
        _ queries: Matrix, k: Int, effort: ListsEffort
    ) throws(BelfryError) -> [[Neighbor]] {
        precondition(k >= 0)
        guard queries.columns == lists.dimension else {
            throw BelfryError(
                .invalidInput,
                "The queries have \(queries.columns) components; the lists' rows have \(lists.dimension).",
                at: .init(file: lists.path), remedy: "Use the model that filled the collection.")
        }
        guard k > 0, lists.rowCount > 0 else { return [[Neighbor]](repeating: [], count: queries.rows) }
        var answers: [[Neighbor]] = []
        answers.reserveCapacity(queries.rows)
        let keep = min(max(effort.rerank, k), lists.rowCount)
        let probes = min(effort.slack == nil ? effort.probes : Self.ranked, lists.listCount)
        var wanted = [Int](repeating: 0, count: min(Self.abreast, queries.rows))
        let states = (0..<min(Self.abreast, queries.rows)).map { _ in ListsQuery(lists, kernels) }
        for first in stride(from: 0, to: queries.rows, by: Self.abreast) {
            let count = min(Self.abreast, queries.rows - first)
            for index in 0..<count {
                let query = queries.pointer + (first + index) * queries.columns
                states[index].start(query, keep: keep, wanted: probes, scratch)
                let own = min(Self.ownLists, states[index].found)
                probe(states[index], 0..<own)
                // How many lists a query wants is decided by what it has found in its own.
                wanted[index] =
                    effort.slack.map { states[index].listsWithin($0, beyond: own, scratch) } ?? states[index].found
            }
            share(states, wanted[..<count])
            for index in 0..<count {
                states[index].finish()
                let (pool, query) = (states[index].pool, queries.pointer + (first + index) * queries.columns)
                answers.append(try rerank(states[index], pool.pointee.rows, pool.pointee.count, query, k))
            }
        }
        return answers
    }

    /// Scans the rest of all queries' lists, list by list.
    /// - Parameter wanted: how many lists each query scans in all.
    private func share(_ states: [ListsQuery], _ wanted: ArraySlice<Int>) {
        // Sorted by list: the queries of list l are at starts[l]..<starts[l + 1].
        var starts = [Int](repeating: 0, count: lists.listCount + 1)
        for (state, wanted) in zip(states, wanted) {
            for place in min(Self.ownLists, wanted)..<wanted { starts[Int(state.order[place]) + 1] += 1 }
        }
        for list in 0..<lists.listCount { starts[list + 1] += starts[list] }
        var next = starts
        var queries = [UInt32](repeating: 0, count: starts.last!)
        for (index, (state, wanted)) in zip(states, wanted).enumerated() {
            for place in min(Self.ownLists, wanted)..<wanted {
                let list = Int(state.order[place])
                queries[next[list]] = UInt32(index)
                next[list] += 1
            }
        }
        var (probed, rows, blocks) = (0, 0, 0)
        for list in 0..<lists.listCount where starts[list] < starts[list + 1] {
            for place in starts[list]..<starts[list + 1] { states[Int(queries[place])].scan(list, next: nil) }
            let (first, end) = lists.rows(of: list)
            probed += starts[list + 1] - starts[list]
            rows += (end - first) * (starts[list + 1] - starts[list])
            blocks += ListsFormat.blocks(end - first)
        }
        charge(lists: probed, rows: rows, blocks: blocks, cells: 0)
    }
}
