import Synchronization
import Vectors

/// How far a mean over queries could be from the one that other queries of the same kind would give.
///
/// The percentile bootstrap (Efron and Tibshirani, An introduction to the bootstrap, 1993, chapter 13): as many queries
/// as there are, drawn with replacement, have a mean; the middle 95 % of 1,000 such means are the interval. All columns
/// share their draws, so that systems are compared on the same queries. Each resample has a generator of its own: the
/// intervals depend on the seed alone, and not on the number of threads.
package struct Bootstrap {
    /// Draws.
    var resamples = 1_000
    /// The share of means inside the interval.
    var level = 0.95
    /// What the draws start from.
    package var seed: UInt64

    /// Intervals that hold 95 % of 1,000 means.
    package init(seed: UInt64) { self.seed = seed }

    /// The intervals of the means of all columns.
    /// - Parameter values: row after row, one per query, of `columns` values each.
    package func intervals(_ values: [Double], columns: Int, threads: Int) -> [ClosedRange<Double>] {
        guard columns > 0, !values.isEmpty else { return [] }
        let rows = values.count / columns
        let means = Mutex([[Double]](repeating: [], count: resamples))
        WorkPool(threads: threads).forEach(resamples) { resample, _ in
            let counts = draw(rows, resample)
            var sums = [Double](repeating: 0, count: columns)
            values.withUnsafeBufferPointer { values in
                sums.withUnsafeMutableBufferPointer { sums in
                    for row in 0..<rows where counts[row] > 0 {
                        let (count, start) = (Double(counts[row]), values.baseAddress! + row * columns)
                        for column in 0..<columns { sums[column] += count * start[column] }
                    }
                }
            }
            let own = sums.map { $0 / Double(rows) }
            means.withLock { $0[resample] = own }
        }
        let all = means.withLock { $0 }
        return (0..<columns).map { column in
            let sorted = all.map { $0[column] }.sorted()
            // No figure is NaN; if one were, its interval would be no reason to lose all others.
            return ClosedRange(
                uncheckedBounds: (
                    Self.quantile((1 - level) / 2, of: sorted), Self.quantile((1 + level) / 2, of: sorted)
                ))
        }
    }

    /// How often each of `rows` is drawn.
    private func draw(_ rows: Int, _ resample: Int) -> [UInt32] {
        var start = SplitMix64(seed: seed)
        var generator = SplitMix64(seed: start.next() ^ UInt64(resample) &* 0x9e37_79b9_7f4a_7c15)
        var counts = [UInt32](repeating: 0, count: rows)
        for _ in 0..<rows { counts[Int(generator.next().multipliedFullWidth(by: UInt64(rows)).high)] += 1 }
        return counts
    }

    /// Between the two nearest values, in a straight line.
    private static func quantile(_ share: Double, of sorted: [Double]) -> Double {
        let place = share * Double(sorted.count - 1)
        let below = Int(place)
        let above = min(below + 1, sorted.count - 1)
        return sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
    }
}
