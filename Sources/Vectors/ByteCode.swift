import CKernels

/// One byte per component: a quantizer of rows whose estimated distances come with bounds that always hold.
///
/// 1. A row y (under cosine: the row divided by its length) becomes bytes u and two numbers, scale and offset, with
///    ŷ = scale·u + offset. They begin at the row's least and greatest component, and are then fitted to y in the least
///    squares as long as that brings them nearer. Rows of whole numbers that span at most 255 are kept exactly.
/// 2. |y - ŷ|, rounded up, is stored with the row, and |ŷ|² or, rounded up, |ŷ|.
/// 3. A query becomes 14-bit integers. Its distance to ŷ is a sum of products of integers, which has no error, and a few
///    f32 operations, whose error is bounded.
/// 4. The true distance differs from that to ŷ by what |y - ŷ| allows: the triangle inequality for l2, Cauchy-Schwarz
///    for the products. Added to it is the error that `DistanceKernel` itself may make, so the bound holds for its f32
///    distance too.
///
/// There is no rotation: components keep their places. It does not look at a data set as a whole, so a row's code
/// depends on that row alone. Per-vector scales after Aguerrebere et al., "Similarity search in the blink of an eye with
/// compressed indices" (VLDB 2023). The layout is described in `codes.h`.
package struct ByteCode: Sendable {
    /// Components per row.
    package let dimension: Int
    /// How vectors are compared.
    package let metric: Metric
    /// What the kernels are written for.
    package let instructionSet: InstructionSet
    /// Bytes from one record to the next.
    package let recordSize: Int

    /// How many components a row may have.
    package static let dimensionLimit = Int(BELFRY_CODES_DIMENSION_LIMIT)
    /// How many bytes must be readable behind the last record.
    package static let padding = Int(BELFRY_CODES_PADDING)

    private let kernels: belfry_codes_kernels

    /// The quantizer of one kind of rows.
    package init(dimension: Int, metric: Metric, instructionSet: InstructionSet = .current) {
        precondition(dimension > 0 && dimension <= Self.dimensionLimit)
        precondition(instructionSet <= .best, "this CPU does not have \(instructionSet)")
        self.dimension = dimension
        self.metric = metric
        self.instructionSet = instructionSet
        recordSize = belfry_codes_record_size(dimension)
        kernels = belfry_codes_kernels_for(instructionSet.isa)!.pointee
    }

    /// Writes the records of `count` rows without gaps, one after another. `scratch` has room for twice the dimension.
    package func encode(
        _ rows: UnsafePointer<Float>, count: Int, into records: UnsafeMutablePointer<UInt8>,
        scratch: UnsafeMutablePointer<Double>
    ) {
        for row in 0..<count {
            belfry_codes_encode(
                instructionSet.isa, metric.codes, rows + row * dimension, dimension, scratch,
                records + row * recordSize)
        }
    }

    // MARK: estimates

    /// Estimated distances, the metric's own, of `count` rows from `first` on.
    package func estimates(
        _ query: Query, _ records: UnsafePointer<UInt8>, first: Int, count: Int, into out: UnsafeMutablePointer<Float>
    ) {
        kernels.estimates(query.prepared, records, first, count, Int(BELFRY_CODES_AHEAD), out)
    }

    /// Estimated distances of the listed rows, which must be there.
    package func estimates(
        _ query: Query, _ records: UnsafePointer<UInt8>, rows: UnsafePointer<UInt32>, count: Int,
        into out: UnsafeMutablePointer<Float>
    ) {
        kernels.gathered(query.prepared, records, rows, count, out)
    }

    /// A row whose f32 distance is certain to lie between two bounds; a NaN bounds nothing. Laid out as in C.
    package struct Hit {
        /// The row's number.
        package var row: UInt32 = 0
        /// The distance is not below this.
        package var lower: Float = 0
        /// The distance is not above this.
        package var upper: Float = 0

        /// Room for a hit.
        package init() {}
    }

    /// Writes those of `count` rows from `first` on that may be as near as `limit` to `hits`, which has room for all,
    /// and returns how many there are. `cached` says that the rows are in the first cache.
    package func scan(
        _ query: Query, _ records: UnsafePointer<UInt8>, first: Int, count: Int, cached: Bool = false, limit: Float,
        into hits: UnsafeMutablePointer<Hit>
    ) -> Int {
        hits.withMemoryRebound(to: belfry_codes_hit.self, capacity: count) {
            kernels.scan(query.prepared, records, first, count, cached ? 0 : Int(BELFRY_CODES_AHEAD), limit, $0)
        }
    }

    /// The same for the listed rows, which must be there.
    package func scan(
        _ query: Query, _ records: UnsafePointer<UInt8>, rows: UnsafePointer<UInt32>, count: Int, limit: Float,
        into hits: UnsafeMutablePointer<Hit>
    ) -> Int {
        hits.withMemoryRebound(to: belfry_codes_hit.self, capacity: count) {
            kernels.scan_gathered(query.prepared, records, rows, count, limit, $0)
        }
    }

    /// An upper bound of |estimate - `DistanceKernel`'s distance| for a row with that estimate; not finite where nothing
    /// is known.
    package func errorBound(_ query: Query, _ records: UnsafePointer<UInt8>, row: Int, estimate: Float) -> Float {
        belfry_codes_bound(query.prepared, factors(records, row: row), estimate)
    }

    /// The standard deviation of the estimate's error if the residual y - ŷ points in a random direction.
    package func sigma(_ query: Query, _ records: UnsafePointer<UInt8>, row: Int, estimate: Float) -> Float {
        let reach = metric == .l2 ? 2 * max(0, estimate).squareRoot() : query.prepared.pointee.length
        return factors(records, row: row).error * reach / Float(dimension).squareRoot()
    }

    private func factors(_ records: UnsafePointer<UInt8>, row: Int) -> belfry_codes_factors {
        UnsafeRawPointer(records + row * recordSize + belfry_codes_factors_offset(dimension))
            .loadUnaligned(as: belfry_codes_factors.self)
    }
}

extension ByteCode {
    /// A query as 14-bit integers, and all that the bounds need of it.
    ///
    /// Owned by one thread; made once and prepared for query after query, without allocation.
    package final class Query {
        /// Components.
        package let dimension: Int
        /// How vectors are compared.
        package let metric: Metric
        private let isa: belfry_isa
        let prepared: UnsafeMutablePointer<belfry_codes_query>
        private let planes: UnsafeMutablePointer<Int8>
        private let plane: Int
        private let scratch: UnsafeMutablePointer<Double>

        /// Room for queries of one dimension; `prepare` comes before any use.
        package init(dimension: Int, metric: Metric, instructionSet: InstructionSet = .current) {
            precondition(dimension > 0 && dimension <= ByteCode.dimensionLimit)
            self.dimension = dimension
            self.metric = metric
            isa = instructionSet.isa
            plane = (dimension + 63) / 64 * 64
            planes = UnsafeMutableRawPointer.allocate(byteCount: 2 * plane, alignment: 64)
                .bindMemory(to: Int8.self, capacity: 2 * plane)
            planes.initialize(repeating: 0, count: 2 * plane)
            scratch = .allocate(capacity: 2 * dimension)
            prepared = .allocate(capacity: 1)
            scratch.initialize(repeating: 0, count: dimension)
            prepare(UnsafeRawPointer(scratch).assumingMemoryBound(to: Float.self))
        }

        deinit {
            planes.deallocate()
            scratch.deallocate()
            prepared.deallocate()
        }

        /// Takes another query, of `dimension` components. Under cosine its length does not matter.
        package func prepare(_ query: UnsafePointer<Float>) {
            belfry_codes_prepare(isa, metric.codes, query, dimension, scratch, planes, planes + plane, prepared)
        }
    }
}

extension Metric {
    fileprivate var codes: belfry_codes_metric {
        switch self {
        // Codes of rows under l1 are those under l2, and nothing is estimated by them.
        case .l1, .l2: BELFRY_CODES_L2
        case .ip: BELFRY_CODES_IP
        case .cosine: BELFRY_CODES_COSINE
        }
    }
}
