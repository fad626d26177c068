import Files
import Shards
import Vectors

/// Counts which of the rows that a search has found are right: those at most as far away as the true k-th.
///
/// A row that is as near as the k-th is as good, whether or not exact search happens to name it. One thread's.
final class RecallJudge {
    private let shard: ShardReader
    private let kernel: DistanceKernel
    private let row: Matrix
    private let scratch = ShardReader.Scratch()
    private var query: UnsafePointer<Float>?
    private var truth: [Neighbor] = []
    /// The distances of the rows that were asked about.
    private var distances: [UInt32: Float] = [:]

    init(shard: ShardReader, metric: Metric) {
        self.shard = shard
        kernel = DistanceKernel(metric: metric)
        row = Matrix(rows: 1, columns: shard.dimension)
    }

    /// Takes the next query, which must stay where it is, and its nearest rows in their order.
    func begin(_ query: UnsafePointer<Float>, truth: [Neighbor]) {
        (self.query, self.truth) = (query, truth)
        distances.removeAll(keepingCapacity: true)
        for neighbor in truth { distances[neighbor.row] = neighbor.distance }
    }

    /// How many of `k` neighbours are not missed by `found`. Where there are fewer rows than `k`, none beyond them is.
    func right(_ found: ArraySlice<Neighbor>, k: Int) throws(BelfryError) -> Int {
        let there = min(k, truth.count)
        guard there > 0 else { return k }
        let last = truth[there - 1].distance
        var right = 0
        for neighbor in found {
            if try distance(neighbor.row) <= last { right += 1 }
        }
        return min(right, there) + k - there
    }

    private func distance(_ number: UInt32) throws(BelfryError) -> Float {
        if let known = distances[number] { return known }
        guard let query else { return .infinity }
        try shard.copyRow(Int(number), into: row.row(0), scratch)
        let distance = kernel.distance(to: kernel.prepare(query, dimension: shard.dimension), row: row.pointer)
        distances[number] = distance
        return distance
    }
}
