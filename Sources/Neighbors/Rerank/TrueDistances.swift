import Files
import Shards
import Vectors

/// The true distances of rows from one query after another; a row is read from the shard once for each. Not thread-safe:
/// use one per thread.
///
/// A calibration asks for the same rows at every effort and for every k.
final class TrueDistances {
    private let shard: ShardReader
    private let kernel: DistanceKernel
    private let row: Matrix
    private let scratch = ShardReader.Scratch()
    private var query: UnsafePointer<Float>?
    /// NaN for a row that was not asked about.
    private let distances: UnsafeMutablePointer<Float>
    private var asked: [UInt32] = []

    init(shard: ShardReader, metric: Metric) {
        self.shard = shard
        kernel = DistanceKernel(metric: metric)
        row = Matrix(rows: 1, columns: shard.dimension)
        distances = .allocate(capacity: max(1, shard.rowCount))
        distances.initialize(repeating: .nan, count: max(1, shard.rowCount))
    }

    deinit { distances.deallocate() }

    /// Takes the next query, which must stay where it is, and what is known of it already.
    func begin(_ query: UnsafePointer<Float>, known: [Neighbor]) {
        for row in asked { distances[Int(row)] = .nan }
        asked.removeAll(keepingCapacity: true)
        self.query = query
        for neighbor in known { remember(neighbor.row, neighbor.distance) }
    }

    /// How far `number` is from the query.
    func callAsFunction(_ number: UInt32) throws(BelfryError) -> Float {
        guard distances[Int(number)].isNaN, let query else { return distances[Int(number)] }
        try shard.copyRow(Int(number), into: row.row(0), scratch)
        let distance = kernel.distance(to: kernel.prepare(query, dimension: shard.dimension), row: row.pointer)
        remember(number, distance)
        return distance
    }

    private func remember(_ number: UInt32, _ distance: Float) {
        distances[Int(number)] = distance
        asked.append(number)
    }
}
