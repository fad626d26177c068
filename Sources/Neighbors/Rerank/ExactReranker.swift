import Files
import Shards
import Vectors

/// Exact rerank: puts the rows about the k-th place in their true order, by the vectors in the shard, where the codes
/// cannot tell them apart.
///
/// All others keep the codes' estimate as their distance: a row that is well inside or well outside the first `k` is not
/// read. What was read is remembered until the next query, so that ``score(_:_:)`` reads no row twice.
///
/// Not thread-safe: use one per thread.
final class ExactReranker {
    private let codes: CodesReader
    private let shard: ShardReader
    private let memory: TrueDistances?
    private let kernel: DistanceKernel
    private let row: Matrix
    private let scratch = ShardReader.Scratch()
    /// The query that was reranked last, and its distances that were read.
    private var current: UnsafePointer<Float>?
    private var known: [UInt32: Float] = [:]
    /// Ask the kernel for all blocks of a query before the first of them is decoded.
    var readsAhead = false

    /// How many of the estimate's standard deviations leave no doubt.
    private static let deviations: Float = 3

    /// - Parameter remembering: for a calibration, which asks for the same rows again and again.
    init(codes: CodesReader, shard: ShardReader, remembering: TrueDistances? = nil) {
        (self.codes, self.shard, memory) = (codes, shard, remembering)
        kernel = DistanceKernel(metric: codes.metric)
        row = Matrix(rows: 1, columns: codes.dimension)
    }

    /// How many more than `k` to hand to ``rerank(_:_:_:k:)``.
    static func spare(_ k: Int) -> Int { k / 4 + 4 }

    /// Cuts `best`, which is sorted by estimates, to the `k` nearest.
    /// - Returns: how many rows were read.
    func rerank(
        _ best: inout [Neighbor], _ estimated: CodesReader.Query, _ query: UnsafePointer<Float>, k: Int
    ) throws(BelfryError) -> Int {
        begin(query)
        guard best.count > k else { return 0 }
        let boundary = best[k - 1].distance
        let doubt = Self.deviations * codes.sigma(estimated, row: Int(best[k - 1].row), estimate: boundary)
        var read = 0
        if best[k].distance - boundary < doubt {
            if readsAhead {
                for neighbor in best where abs(neighbor.distance - boundary) < doubt {
                    shard.readAhead(row: Int(neighbor.row))
                }
            }
            let prepared = kernel.prepare(query, dimension: codes.dimension)
            for index in best.indices where abs(best[index].distance - boundary) < doubt {
                read += 1
                let row = best[index].row
                best[index].distance =
                    if let memory { try memory(row) } else { try distance(to: prepared, of: row) }
            }
            best.sort()
        }
        best.removeLast(best.count - k)
        return read
    }

    /// The rows that were found for the query that was reranked last, which lies where it lay, with the distances of the stored vectors, nearest first.
    func score(_ found: [Neighbor], _ query: UnsafePointer<Float>) throws(BelfryError) -> [Neighbor] {
        if query != current { begin(query) }
        let prepared = kernel.prepare(query, dimension: codes.dimension)
        var scored = found
        for index in scored.indices { scored[index].distance = try distance(to: prepared, of: scored[index].row) }
        return scored.sorted()
    }

    private func begin(_ query: UnsafePointer<Float>) {
        current = query
        known.removeAll(keepingCapacity: true)
    }

    private func distance(to query: DistanceKernel.Query, of number: UInt32) throws(BelfryError) -> Float {
        if let distance = known[number] { return distance }
        guard Int(number) < shard.rowCount else {
            throw .corrupt(
                "The index leads to row \(number) of \(shard.rowCount).", at: .init(file: System.parent(of: shard.path))
            )
        }
        try shard.copyRow(Int(number), into: row.row(0), scratch)
        let distance = kernel.distance(to: query, row: row.pointer)
        known[number] = distance
        return distance
    }
}
