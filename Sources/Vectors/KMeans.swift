package import Files
import Foundation

/// Lloyd's k-means by matrix products. The rows may be anywhere: what it holds in memory is a sample of them.
///
/// 1. A sample of the rows is drawn, and of the sample the first centroids.
/// 2. In each round every row of the sample goes to its nearest centroid, and every centroid to the mean of its rows. A
///    centroid without rows takes half of the largest cluster. In the last rounds a centroid is farther away by how
///    many rows it had, which evens the sizes out.
/// 3. `assign` then finds the nearest centroid of any rows, and `balance` splits what is still too large and gives the
///    rows of what is too small to their neighbors.
///
/// The work is cut into tiles that do not depend on the number of threads, and what is added up is added up in the order
/// of the rows: the same rows and seed give the same bits for any number of threads, with one BLAS core.
///
/// Lloyd, 1982, "Least squares quantization in PCM".
package struct KMeans {
    /// A centroid per row.
    package var centroids: Matrix

    /// How the sample is taken and how long it is worked on.
    package struct Settings: Sendable {
        /// At most so many rows of the sample per centroid.
        package var rowsPerCentroid = 96
        /// Lloyd rounds.
        package var rounds = 10
        /// In how many of the last rounds the sizes count.
        package var balancedRounds = 4
        /// How much they count: what a doubled size adds to the squared distance, in mean squared distances.
        package var balance: Float = 0.03

        /// The defaults.
        package init() {}

        /// How many of `rows` rows are held in memory to find `count` centroids.
        package func sampleRows(of rows: Int, count: Int) -> Int { min(rows, count * rowsPerCentroid) }
    }

    /// Centroids of `rows`, at most `count` and at most as many as there are rows.
    ///
    /// - Parameters:
    ///   - progress: Told how many of how many rounds are done.
    /// - Throws: `cancelled`, and what reading rows throws.
    package static func train(
        _ rows: any VectorSource, count: Int, seed: UInt64, threads: Int, settings: Settings = Settings(),
        progress: ((_ done: Int, _ total: Int) -> Void)? = nil
    ) throws(BelfryError) -> KMeans {
        precondition(count > 0 && threads > 0)
        var generator = Generator(seed: seed)
        let chosen = choose(settings.sampleRows(of: rows.rowCount, count: count), of: rows.rowCount, &generator)
        let sample = try rows.matrix(chosen.map { UInt32($0) })
        let first = choose(count, of: sample.rows, &generator)
        var means = KMeans(centroids: gather(sample, first))
        guard means.centroids.rows < sample.rows else { return means }

        var penalty = [Float](repeating: 0, count: means.centroids.rows)
        for round in 0..<settings.rounds {
            try WorkEnd.check("clustering")
            let assignment = means.assign(sample, penalty: penalty, threads: threads)
            let sizes = assignment.sizes(penalty.count)
            means.move(to: sample, assignment.labels, threads: threads)
            if round + 1 < settings.rounds { means.refill(sizes) }
            if round + 1 >= settings.rounds - settings.balancedRounds {
                let spread = assignment.meanDistance(sample)
                let mean = Float(sample.rows) / Float(penalty.count)
                for (list, size) in sizes.enumerated() {
                    penalty[list] = settings.balance * spread * log2f(max(Float(size), 1) / mean)
                }
            }
            progress?(round + 1, settings.rounds)
        }
        return means
    }

    /// Sorted numbers below `total`, at most `wanted`, each set of them as likely as any other.
    static func choose(_ wanted: Int, of total: Int, _ generator: inout Generator) -> [Int] {
        guard wanted < total else { return Array(0..<total) }
        var chosen: [Int] = []
        chosen.reserveCapacity(wanted)
        for number in 0..<total where Int.random(in: 0..<total - number, using: &generator) < wanted - chosen.count {
            chosen.append(number)
        }
        return chosen
    }

    /// The rows with these numbers.
    static func gather(_ rows: Matrix, _ numbers: [Int]) -> Matrix {
        let gathered = Matrix(rows: numbers.count, columns: rows.columns)
        for (index, number) in numbers.enumerated() {
            (gathered.pointer + index * rows.columns).update(
                from: rows.pointer + number * rows.columns, count: rows.columns)
        }
        return gathered
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014).
    struct Generator: RandomNumberGenerator {
        private var state: UInt64

        init(seed: UInt64) { state = seed }

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var z = state
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
    }
}
