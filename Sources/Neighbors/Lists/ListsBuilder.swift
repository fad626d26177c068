package import Files
package import Vectors

/// Divides the rows of a segment into lists of near ones: the inverted file.
///
/// 1. The rows are placed, so that squared Euclidean distance orders them as the metric does.
/// 2. k-means over a sample finds the centroids; every row goes to its nearest one; sizes are evened out.
/// 3. The plan says in which order the segment's rows are to be stored: list after list. The codes of the rows, the
///    shard and the ids are written in that order, and `lists` by ``ListsPlan/write(to:threads:)``.
///
/// Jégou, Douze, Schmid, 2011, "Product quantization for nearest neighbor search" (the inverted file with residuals).
package enum ListsBuilder {
    /// How many lists `rows` rows are divided into.
    package static func listCount(rows: Int) -> Int {
        max(1, min(rows / 16, Int((4 * Double(rows).squareRoot()).rounded())))
    }

    /// Divides `rows` into lists. The same rows, metric, seed and number of lists give the same plan for any number of
    /// threads.
    ///
    /// - Parameters:
    ///   - held: Rows that the centroids are not to learn from; they are given to lists like the others.
    ///   - lists: How many lists to aim at; nil leaves it to the number of rows.
    ///   - progress: Told how many of how many steps are done.
    /// - Throws: `unsupported` for more rows than `UInt32` counts, and `cancelled`.
    package static func build(
        rows: Matrix, held: [UInt32] = [], metric: Metric, lists: Int? = nil, seed: UInt64, threads: Int,
        settings: KMeans.Settings = .init(), progress: ((_ done: Int, _ total: Int) -> Void)? = nil
    ) throws(BelfryError) -> ListsPlan {
        precondition(threads > 0 && rows.columns > 0)
        guard rows.rows <= Int(UInt32.max) else {
            throw BelfryError(
                .unsupported, "\(rows.rows) rows are more than lists can number (\(UInt32.max)).",
                remedy: "Split them into several segments.")
        }
        let space = Space(metric: metric, of: rows)
        let originals = HeldRows.last(held, of: Array(0..<UInt32(rows.rows)))
        let placed = space.place(rows, order: originals, threads: threads)
        let mean = center(placed, dimension: rows.columns)
        var positions: [UInt32] = []
        var starts = [0]
        var centroids = Matrix(rows: 0, columns: placed.columns)
        if rows.rows > 0 {
            let steps = settings.rounds + 2
            let seen = held.isEmpty ? placed : placed.prefix(rows.rows - held.count)
            var means = try KMeans.train(
                seen, count: lists ?? listCount(rows: rows.rows), seed: seed, threads: threads, settings: settings,
                progress: progress.map { tell in { done, _ in tell(done, steps) } })
            var assignment = means.assign(seen, threads: threads)
            progress?(steps - 1, steps)
            try means.balance(seen, &assignment, seed: seed, threads: threads)
            if !held.isEmpty {
                assignment.labels += means.assign(placed.suffix(held.count), threads: threads).labels
            }
            progress?(steps, steps)
            let members = KMeans.Members(assignment.labels, count: means.centroids.rows)
            (positions, starts, centroids) = (members.order, members.starts, means.centroids)
        }
        return ListsPlan(
            metric: metric, dimension: rows.columns, largestSquare: space.largestSquare,
            order: positions.map { originals[Int($0)] }, positions: positions, starts: starts, placed: placed,
            mean: mean, centroids: centroids)
    }

    /// Takes the mean off the placed rows. The component that ip adds stays as it is.
    private static func center(_ placed: Matrix, dimension: Int) -> [Float] {
        var sums = [Double](repeating: 0, count: dimension)
        for row in 0..<placed.rows {
            let components = placed.pointer + row * placed.columns
            for index in 0..<dimension { sums[index] += Double(components[index]) }
        }
        let mean = sums.map { Float($0 / Double(max(placed.rows, 1))) }
        for row in 0..<placed.rows {
            let components = placed.pointer + row * placed.columns
            for index in 0..<dimension { components[index] -= mean[index] }
        }
        return mean
    }
}

/// Which rows go into which list.
package struct ListsPlan: Sendable {
    /// How vectors are compared.
    package let metric: Metric
    /// Components of a vector.
    package let dimension: Int
    /// The squared length of the longest row, under `ip`.
    let largestSquare: Float
    /// `order[new]` is the row, as it was given to the builder, that is to be stored as row `new`.
    package let order: [UInt32]
    /// `positions[new]` is where it stands in `placed`.
    let positions: [UInt32]
    /// The first new row of each list, and behind them the number of rows.
    package let starts: [Int]
    let placed: Matrix
    let mean: [Float]
    let centroids: Matrix

    /// How many lists there are.
    package var listCount: Int { starts.count - 1 }
}
