import Files
import Shards
import Vectors

/// Puts the neighbors about the k-th place in their true order, from the shard, where the codes cannot tell them apart.
///
/// One thread's. All others keep the codes' estimate as their distance: a row that is well inside or well outside the
/// first `k` is not read.
final class LastWord {
    private let codes: CodesReader
    private let shard: ShardReader
    private let memory: TrueDistances?
    private let kernel: DistanceKernel
    private let row: Matrix
    private let scratch = ShardReader.Scratch()
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

    /// How many more than `k` to hand to `settle`.
    static func spare(_ k: Int) -> Int { k / 4 + 4 }

    /// Cuts `best`, which is sorted by estimates, to the `k` nearest.
    /// - Returns: how many rows were read.
    func settle(
        _ best: inout [Neighbor], _ estimated: CodesReader.Query, _ query: UnsafePointer<Float>, k: Int
    ) throws(BelfryError) -> Int {
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
                if let memory {
                    best[index].distance = try memory(best[index].row)
                    continue
                }
                try shard.copyRow(Int(best[index].row), into: row.row(0), scratch)
                best[index].distance = kernel.distance(to: prepared, row: row.pointer)
            }
            best.sort()
        }
        best.removeLast(best.count - k)
        return read
    }
}
