import CKernels

/// The distances of a query to rows of f32 vectors, in one metric, on one instruction set.
///
/// ## Overview
/// `prepare` looks at the query once, then `distances` runs over any number of rows. Nothing is allocated and no
/// object is retained in either. Within one instruction set a row's distance is the same to the bit however many rows
/// a call has and wherever they lie. A NaN in the query or in a row gives a NaN distance.
///
/// ## Usage
/// ```swift
/// let kernel = DistanceKernel(metric: .cosine)
/// let query = kernel.prepare(pointer, dimension: 384)
/// kernel.distances(to: query, rows: first, count: 1_000, into: distances)
/// ```
public struct DistanceKernel: Sendable {
    /// How vectors are compared.
    public let metric: Metric
    /// What the kernel is written for.
    public let instructionSet: InstructionSet

    @usableFromInline typealias Rows =
        @convention(c) (
            UnsafePointer<Float>?, Float, UnsafePointer<Float>?, Int, Int, Int, UnsafeMutablePointer<Float>?
        ) -> Void
    @usableFromInline let rowsFunction: Rows

    /// The kernel of `metric`. An instruction set that this CPU does not have is a programmer's error.
    public init(metric: Metric, instructionSet: InstructionSet = .current) {
        precondition(instructionSet <= .best, "this CPU does not have \(instructionSet)")
        self.metric = metric
        self.instructionSet = instructionSet
        let kernels = belfry_distance_kernels_for(instructionSet.isa)!.pointee
        rowsFunction =
            switch metric {
            case .l1: kernels.l1
            case .l2: kernels.l2
            case .ip: kernels.ip
            case .cosine: kernels.cosine
            }
    }

    /// A query and what the metric needs to know of it. Its components must outlive it.
    public struct Query {
        /// The first component.
        public let pointer: UnsafePointer<Float>
        /// Components.
        public let dimension: Int
        /// The Euclidean length under cosine; not used by the other metrics.
        public let norm: Float
    }

    /// Looks at a query once, for any number of rows.
    public func prepare(_ query: UnsafePointer<Float>, dimension: Int) -> Query {
        guard metric == .cosine else { return Query(pointer: query, dimension: dimension, norm: 1) }
        let squares = squaredLength(query, dimension: dimension, instructionSet: instructionSet)
        return Query(pointer: query, dimension: dimension, norm: squares.squareRoot())
    }

    /// Writes the distances to `count` rows. Row `r` begins at `rows + r * stride`; without a stride, rows lie without
    /// gaps.
    @inlinable
    public func distances(
        to query: Query, rows: UnsafePointer<Float>, stride: Int? = nil, count: Int,
        into distances: UnsafeMutablePointer<Float>
    ) {
        rowsFunction(query.pointer, query.norm, rows, stride ?? query.dimension, count, query.dimension, distances)
    }

    /// The distance to one row.
    @inlinable
    public func distance(to query: Query, row: UnsafePointer<Float>) -> Float {
        var distance: Float = 0
        rowsFunction(query.pointer, query.norm, row, query.dimension, 1, query.dimension, &distance)
        return distance
    }
}

/// The sum of the squared components, in f32.
func squaredLength(
    _ vector: UnsafePointer<Float>, dimension: Int, instructionSet: InstructionSet = .current
) -> Float {
    var negative: Float = 0
    belfry_distance_kernels_for(instructionSet.isa)!.pointee.ip(vector, 1, vector, dimension, 1, dimension, &negative)
    return -negative
}
