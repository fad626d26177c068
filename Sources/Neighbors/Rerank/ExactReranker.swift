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
    /// The query that was reranked last, and its rows that were read, with their distances.
    private var current: UnsafePointer<Float>?
    private var known: [Neighbor] = []
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
        current = query
        known.removeAll(keepingCapacity: true)
        guard best.count > k else { return 0 }
        let boundary = best[k - 1].distance
        let doubt = Self.deviations * codes.sigma(estimated, row: Int(best[k - 1].row), estimate: boundary)
        if best[k].distance - boundary < doubt {
            if readsAhead {
                for neighbor in best where abs(neighbor.distance - boundary) < doubt {
                    shard.readAhead(row: Int(neighbor.row))
                }
            }
            let prepared = kernel.prepare(query, dimension: codes.dimension)
            for index in best.indices where abs(best[index].distance - boundary) < doubt {
                let number = best[index].row
                best[index].distance =
                    if let memory { try memory(number) } else { try distance(to: prepared, of: number) }
                known.append(best[index])
            }
            best.sort()
        }
        best.removeLast(best.count - k)
        return known.count
    }

    /// These rows with the distances of the stored vectors, nearest first.
    /// - Parameter query: the pointer that was reranked with last, if what was read for it is to be used.
    /// - Returns: how many rows were read, too.
    func score(
        _ found: [Neighbor], _ query: UnsafePointer<Float>
    ) throws(BelfryError) -> (rows: [Neighbor], read: Int) {
        let known = query == current ? Dictionary(known.map { ($0.row, $0.distance) }) { first, _ in first } : [:]
        let prepared = kernel.prepare(query, dimension: codes.dimension)
        var (scored, read) = (found, 0)
        for index in scored.indices {
            if let distance = known[scored[index].row] {
                scored[index].distance = distance
            } else {
                scored[index].distance = try distance(to: prepared, of: scored[index].row)
                read += 1
            }
        }
        return (scored.sorted(), read)
    }

    private func distance(to query: DistanceKernel.Query, of number: UInt32) throws(BelfryError) -> Float {
        guard Int(number) < shard.rowCount else {
            throw .corrupt(
                "The index leads to row \(number) of \(shard.rowCount).",
                at: .init(file: System.parent(of: shard.path)))
        }
        try shard.copyRow(Int(number), into: row.row(0), scratch)
        return kernel.distance(to: query, row: row.pointer)
    }
}
