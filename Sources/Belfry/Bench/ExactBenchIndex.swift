import Files
import Neighbors
import Shards
import Vectors

/// Exact search over a shard, as something to measure.
struct ExactBenchIndex: BenchIndex {
    private let search: ExactSearch
    private static let effort = BenchEffort("exact", EffortLevel([]))

    static func build(
        _ base: VectorFile, in directory: String, _ options: BenchBuildOptions
    ) throws(BelfryError) -> Self {
        let writer = try ShardWriter(
            path(directory), dimension: base.columns, elementType: .f32, threads: options.threads)
        try base.forEachBatch { rows, vectors throws(BelfryError) in
            try writer.append(
                components: UnsafeBufferPointer(start: vectors.pointer, count: rows.count * base.columns))
            options.progress("compressing", rows.upperBound, base.rows)
        }
        try writer.finish()
        return try open(directory, options)
    }

    static func open(_ directory: String, _ options: BenchBuildOptions) throws(BelfryError) -> Self {
        Self(search: ExactSearch(try ShardReader(path(directory)), metric: options.metric))
    }

    private static func path(_ directory: String) -> String { directory + "/vectors.shard" }

    var summary: String { "exact" }
    var memoryBytes: Int { search.shard.fileBytes }
    var diskBytes: Int { search.shard.fileBytes }

    func efforts(k: Int) -> [BenchEffort] { [Self.effort] }

    func effort(recall target: Double, k: Int) -> BenchEffort { Self.effort }

    func makeSearcher(k: Int, effort: BenchEffort) -> any BenchSearcher { Searcher(search, k) }

    func searchBatch(
        _ queries: Matrix, k: Int, effort: BenchEffort, threads: Int, into rows: UnsafeMutablePointer<UInt32>
    ) throws(BelfryError) -> BenchCost? {
        for (query, found) in try search.search(queries, k: k, threads: threads).enumerated() {
            for index in 0..<k { rows[query * k + index] = index < found.count ? found[index].row : Self.noRow }
        }
        return cost(of: queries.rows)
    }

    private func cost(of queries: Int) -> BenchCost {
        BenchCost(
            evaluations: UInt64(queries * search.shard.rowCount), bytes: UInt64(queries * search.shard.fileBytes))
    }

    private final class Searcher: BenchSearcher {
        private let search: ExactSearch
        private let k: Int
        private let query: Matrix
        private var searches = 0

        init(_ search: ExactSearch, _ k: Int) {
            (self.search, self.k) = (search, k)
            query = Matrix(rows: 1, columns: search.shard.dimension)
        }

        func search(
            _ query: UnsafePointer<Float>, into rows: UnsafeMutablePointer<UInt32>
        ) throws(BelfryError) -> Int {
            self.query.pointer.update(from: query, count: self.query.columns)
            let found = try search.search(self.query, k: k)[0]
            for (index, neighbor) in found.enumerated() { rows[index] = neighbor.row }
            searches += 1
            return found.count
        }

        var cost: BenchCost { ExactBenchIndex(search: search).cost(of: searches) }
    }
}
