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
        rows: any VectorSource, held: [UInt32] = [], metric: Metric, lists: Int? = nil, seed: UInt64, threads: Int,
        settings: KMeans.Settings = .init(), progress: ((_ done: Int, _ total: Int) -> Void)? = nil
    ) throws(BelfryError) -> ListsPlan {
        precondition(threads > 0 && rows.dimension > 0)
        let count = rows.rowCount
        guard count <= Int(UInt32.max) else {
            throw BelfryError(
                .unsupported, "\(count) rows are more than lists can number (\(UInt32.max)).",
                remedy: "Split them into several segments.")
        }
        let space = try Space(metric: metric, of: rows)
        let originals = HeldRows.last(held, of: Array(0..<UInt32(count)))
        let mean = Array(try PlacedRows(SelectedRows(rows, originals), space).mean().prefix(rows.dimension))
        func placed(_ numbers: ArraySlice<UInt32>) -> PlacedRows {
            PlacedRows(SelectedRows(rows, Array(numbers)), space, center: mean)
        }
        var order: [UInt32] = []
        var starts = [0]
        var centroids = Matrix(rows: 0, columns: space.placedDimension)
        if count > 0 {
            let steps = settings.rounds + 2
            let seen = placed(originals.dropLast(held.count))
            var means = try KMeans.train(
                seen, count: lists ?? listCount(rows: count), seed: seed, threads: threads, settings: settings,
                progress: progress.map { tell in { done, _ in tell(done, steps) } })
            var assignment = try means.assign(reading: seen, threads: threads)
            progress?(steps - 1, steps)
            try means.balance(seen, &assignment, seed: seed, threads: threads)
            if !held.isEmpty {
                assignment.labels += try means.assign(
                    reading: placed(originals.suffix(held.count)), threads: threads
                ).labels
            }
            progress?(steps, steps)
            let members = KMeans.Members(assignment.labels, count: means.centroids.rows)
            (order, starts, centroids) = (members.order.map { originals[Int($0)] }, members.starts, means.centroids)
        }
        return ListsPlan(space: space, source: rows, order: order, starts: starts, mean: mean, centroids: centroids)
    }
}

/// Which rows go into which list.
package struct ListsPlan: Sendable {
    let space: Space
    /// The rows as they were given to the builder.
    let source: any VectorSource
    /// `order[new]` is the row, as it was given to the builder, that is to be stored as row `new`.
    package let order: [UInt32]
    /// The first new row of each list, and behind them the number of rows.
    package let starts: [Int]
    let mean: [Float]
    let centroids: Matrix

    /// How many lists there are.
    package var listCount: Int { starts.count - 1 }
}
