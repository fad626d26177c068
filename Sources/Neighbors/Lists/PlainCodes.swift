import CKernels
package import Vectors

/// Distances of rows in memory, in the shape of the shared plane of codes: for lists without that plane.
package final class PlainCodes: Sendable {
    /// How many rows there are.
    package var rowCount: Int { rows.rows }
    private let rows: Matrix
    private let kernel: DistanceKernel

    /// The rows in the order of the lists.
    package init(_ rows: Matrix, metric: Metric) {
        self.rows = rows
        kernel = DistanceKernel(metric: metric)
    }

    /// A query that the rows are compared with, owned by one thread.
    package final class Query {
        private let kernel: DistanceKernel
        private let dimension: Int
        fileprivate private(set) var prepared: DistanceKernel.Query?

        fileprivate init(_ kernel: DistanceKernel, dimension: Int) {
            (self.kernel, self.dimension) = (kernel, dimension)
        }

        /// Looks at a query once. Its components must outlive its use.
        package func prepare(_ query: UnsafePointer<Float>) { prepared = kernel.prepare(query, dimension: dimension) }
    }

    /// A query for these rows, to be prepared.
    package func makeQuery() -> Query { Query(kernel, dimension: rows.columns) }

    /// Distances of the listed rows.
    /// - Returns: false, with nothing written, if one of `numbers` is not below `rowCount`.
    package func estimates(
        _ query: Query, rows numbers: UnsafePointer<UInt32>, count: Int, into distances: UnsafeMutablePointer<Float>
    ) -> Bool {
        let (pointer, columns, bound) = (rows.pointer, rows.columns, rows.rows)
        for index in 0..<count where Int(numbers[index]) >= bound { return false }
        guard let prepared = query.prepared else { preconditionFailure("prepare the query first") }
        for index in 0..<count {
            if index + 8 < count { belfry_prefetch(pointer + Int(numbers[index + 8]) * columns, columns * 4) }
            kernel.distances(
                to: prepared, rows: pointer + Int(numbers[index]) * columns, count: 1, into: distances + index)
        }
        return true
    }
}
