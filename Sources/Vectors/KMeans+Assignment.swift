import CKernels
package import Files
import Foundation

extension KMeans {
    /// To which centroid each row goes.
    package struct Assignment: Sendable {
        /// The centroid of each row.
        package var labels: [UInt32]
        /// The squared distance to it (with the penalty), less the row's own squared length; empty where the rows were read
        /// from a source.
        var distances: [Float]

        /// How many rows each of `count` centroids has.
        package func sizes(_ count: Int) -> [Int] {
            var sizes = [Int](repeating: 0, count: count)
            for label in labels { sizes[Int(label)] += 1 }
            return sizes
        }

        /// The mean squared distance of the rows to their centroids.
        func meanDistance(_ rows: Matrix) -> Float {
            guard rows.rows > 0 else { return 0 }
            var sum = 0.0
            for row in 0..<rows.rows {
                sum += Double(
                    distances[row] + squaredLength(rows.pointer + row * rows.columns, dimension: rows.columns))
            }
            return Float(max(0, sum / Double(rows.rows)))
        }
    }

    /// Rows, and centroids, of one matrix product: its result stays in the second cache.
    private static let tileRows = 256
    private static let tileCentroids = 512

    /// The nearest centroid of each row; the first of several at the same distance.
    ///
    /// - Parameters:
    ///   - penalty: What is added to the squared distance to each centroid.
    package func assign(_ rows: Matrix, penalty: [Float]? = nil, threads: Int) -> Assignment {
        let (k, d) = (centroids.rows, centroids.columns)
        precondition(k > 0 && rows.columns == d && (penalty == nil || penalty!.count == k))
        let addends = (0..<k).map { squaredLength(centroids.pointer + $0 * d, dimension: d) + (penalty?[$0] ?? 0) }
        var labels = [UInt32](repeating: 0, count: rows.rows)
        var distances = [Float](repeating: .infinity, count: rows.rows)
        let least = belfry_lists_kernels_for(InstructionSet.current.isa)!.pointee.least!
        let tiles = (rows.rows + Self.tileRows - 1) / Self.tileRows
        labels.withUnsafeMutableBufferPointer { labels in
            distances.withUnsafeMutableBufferPointer { distances in
                addends.withUnsafeBufferPointer { addends in
                    // Each tile writes rows of its own.
                    WorkPool(threads: threads).forEach(
                        tiles,
                        sharing: (
                            centroids: UnsafePointer(centroids.pointer), addends: addends.baseAddress!, least: least,
                            labels: labels.baseAddress!, distances: distances.baseAddress!
                        )
                    ) { tile, _, shared in
                        Self.nearest(
                            rows, tile * Self.tileRows, shared.centroids, k, shared.addends, shared.least,
                            shared.labels, shared.distances)
                    }
                }
            }
        }
        return Assignment(labels: labels, distances: distances)
    }

    /// The nearest centroid of each row of a source, which is read block by block.
    package func assign(reading rows: any VectorSource, threads: Int) throws(BelfryError) -> Assignment {
        var labels = [UInt32](repeating: 0, count: rows.rowCount)
        try labels.withSharedPointer { labels throws(BelfryError) in
            nonisolated(unsafe) let labels = labels
            try rows.forEachBlock(threads: threads) { first, block in
                for (row, label) in assign(block, threads: 1).labels.enumerated() { labels[first + row] = label }
            }
        }
        return Assignment(labels: labels, distances: [])
    }

    /// The nearest centroids of the rows of one tile.
    private static func nearest(
        _ rows: Matrix, _ first: Int, _ centroids: UnsafePointer<Float>, _ k: Int, _ addends: UnsafePointer<Float>,
        _ least:
            @convention(c) (
                UnsafePointer<Float>?, UnsafePointer<Float>?, Int, UInt32, UnsafeMutablePointer<Float>?,
                UnsafeMutablePointer<UInt32>?
            ) -> Void,
        _ labels: UnsafeMutablePointer<UInt32>, _ distances: UnsafeMutablePointer<Float>
    ) {
        let d = rows.columns
        let count = min(tileRows, rows.rows - first)
        let products = Matrix(rows: tileRows, columns: tileCentroids)
        for start in stride(from: 0, to: k, by: tileCentroids) {
            let n = min(tileCentroids, k - start)
            BLAS.multiply(
                m: count, n: n, k: d, rows.pointer + first * d, centroids + start * d, into: products.pointer,
                transposeB: true, leadingC: tileCentroids, alpha: -2)
            for row in 0..<count {
                least(
                    products.pointer + row * tileCentroids, addends + start, n, UInt32(start),
                    distances + first + row, labels + first + row)
            }
        }
    }

    /// Moves every centroid to the mean of its rows, summed in f64 in the order of the rows; one without rows stays.
    mutating func move(to rows: Matrix, _ labels: [UInt32], threads: Int) {
        let (k, d) = (centroids.rows, centroids.columns)
        let members = Members(labels, count: k)
        let moved = Matrix(rows: k, columns: d)
        let centroids = centroids
        WorkPool(threads: threads).forEachRange(of: k, size: 16) { lists, _ in
            var sums = [Double](repeating: 0, count: d)
            for list in lists {
                let numbers = members.rows(of: list)
                let to = moved.pointer + list * d
                guard !numbers.isEmpty else {
                    to.update(from: centroids.pointer + list * d, count: d)
                    continue
                }
                sums.withUnsafeMutableBufferPointer { sums in
                    sums.update(repeating: 0)
                    for number in numbers {
                        let row = rows.pointer + Int(number) * d
                        for i in 0..<d { sums[i] += Double(row[i]) }
                    }
                    for i in 0..<d { to[i] = Float(sums[i] / Double(numbers.count)) }
                }
            }
        }
        self.centroids = moved
    }

    /// The same for the rows of a source, which is read once.
    mutating func move(reading rows: any VectorSource, _ labels: [UInt32]) throws(BelfryError) {
        let (k, d) = (centroids.rows, centroids.columns)
        var sums = [Double](repeating: 0, count: k * d)
        var sizes = [Int](repeating: 0, count: k)
        try rows.forEachRow { row, components in
            let list = Int(labels[row])
            sizes[list] += 1
            sums.withUnsafeMutableBufferPointer { sums in
                for i in 0..<d { sums[list * d + i] += Double(components[i]) }
            }
        }
        let moved = Matrix(rows: k, columns: d)
        for list in 0..<k {
            for i in 0..<d {
                moved.pointer[list * d + i] =
                    sizes[list] > 0
                    ? Float(sums[list * d + i] / Double(sizes[list])) : centroids.pointer[list * d + i]
            }
        }
        centroids = moved
    }

    /// Gives each centroid without rows half of the largest cluster: both go a little to either side of its centroid.
    mutating func refill(_ sizes: [Int]) {
        let d = centroids.columns
        let to = centroids.pointer
        var sizes = sizes
        for empty in sizes.indices where sizes[empty] == 0 {
            let largest = sizes.indices.max { (sizes[$0], $1) < (sizes[$1], $0) }!
            guard sizes[largest] > 1 else { break }
            for i in 0..<d {
                let value = to[largest * d + i]
                let step = (i % 2 == 0 ? value : -value) / 1_024
                to[empty * d + i] = value + step
                to[largest * d + i] = value - step
            }
            sizes[empty] = sizes[largest] / 2
            sizes[largest] -= sizes[empty]
        }
    }

    /// The rows of each centroid, in their order.
    package struct Members: Sendable {
        /// All rows, those of the first centroid first.
        package private(set) var order: [UInt32]
        /// Where the rows of each centroid begin in `order`, and behind them where the last ones end.
        package private(set) var starts: [Int]

        /// Sorts rows by label.
        package init(_ labels: [UInt32], count: Int) {
            starts = [Int](repeating: 0, count: count + 1)
            for label in labels { starts[Int(label) + 1] += 1 }
            for list in 0..<count { starts[list + 1] += starts[list] }
            var next = starts
            order = [UInt32](repeating: 0, count: labels.count)
            for (row, label) in labels.enumerated() {
                order[next[Int(label)]] = UInt32(row)
                next[Int(label)] += 1
            }
        }

        /// The rows of one centroid.
        package func rows(of list: Int) -> ArraySlice<UInt32> { order[starts[list]..<starts[list + 1]] }
    }
}

extension [UInt32] {
    /// The elements, to be written by several threads, each its own.
    fileprivate mutating func withSharedPointer(
        _ body: (UnsafeMutablePointer<UInt32>) throws(BelfryError) -> Void
    ) throws(BelfryError) {
        let failure: BelfryError? = withUnsafeMutableBufferPointer { elements in
            guard let first = elements.baseAddress else { return nil }
            do throws(BelfryError) {
                try body(first)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }
}
