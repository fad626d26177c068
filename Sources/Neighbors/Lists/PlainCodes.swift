import CKernels
package import Vectors

/// Distances of rows in memory, in the shape of the shared plane of codes, for lists without that plane.
package final class PlainCodes: Sendable {
    private let rows: Matrix
    private let kernel: DistanceKernel

    /// The rows in the order of the lists.
    package init(_ rows: Matrix, metric: Metric) {
        self.rows = rows
        kernel = DistanceKernel(metric: metric)
    }

    /// A query that the rows are compared with.
    package typealias Query = DistanceKernel.Query

    /// Looks at a query once. Its components must outlive it.
    package func prepare(_ query: UnsafePointer<Float>) -> Query { kernel.prepare(query, dimension: rows.columns) }

    /// Writes the distances to `count` rows, whose numbers must be below the number of rows.
    package func estimates(
        _ query: Query, rows numbers: UnsafePointer<UInt32>, count: Int, into distances: UnsafeMutablePointer<Float>
    ) {
        let (pointer, columns, bound) = (rows.pointer, rows.columns, rows.rows)
        for index in 0..<count {
            let row = Int(numbers[index])
            precondition(row < bound, "a row of the matrix")
            if index + 8 < count { belfry_prefetch(pointer + Int(numbers[index + 8]) * columns, columns * 4) }
            kernel.distances(to: query, rows: pointer + row * columns, count: 1, into: distances + index)
        }
    }
}
