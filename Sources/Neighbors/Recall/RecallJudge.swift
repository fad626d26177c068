import Files
import Vectors

/// Counts which of the rows that a search has found are right: those at most as far away as the true k-th.
///
/// A row that is as near as the k-th is as good, whether or not exact search happens to name it. Not thread-safe: use one
/// per thread.
final class RecallJudge {
    private let distances: TrueDistances
    private var truth: [Neighbor] = []

    init(_ distances: TrueDistances) { self.distances = distances }

    /// Takes the next query, which must stay where it is, and its nearest rows in their order.
    func begin(_ query: UnsafePointer<Float>, truth: [Neighbor]) {
        self.truth = truth
        distances.begin(query, known: truth)
    }

    /// Whether `found` has the nearest row, or one that is as near; where there are no rows, none is missed.
    func hasNearest(_ found: ArraySlice<Neighbor>) throws(BelfryError) -> Bool {
        guard let nearest = truth.first?.distance else { return true }
        for neighbor in found {
            if try distances(neighbor.row) <= nearest { return true }
        }
        return false
    }

    /// How many of `k` neighbors are not missed by `found`. Where there are fewer rows than `k`, none beyond them is.
    func right(_ found: ArraySlice<Neighbor>, k: Int) throws(BelfryError) -> Int {
        let there = min(k, truth.count)
        guard there > 0 else { return k }
        let last = truth[there - 1].distance
        var right = 0
        for neighbor in found {
            if try distances(neighbor.row) <= last { right += 1 }
        }
        return min(right, there) + k - there
    }
}
