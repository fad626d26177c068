import Files
import Shards
import Vectors

/// A scan by matrix products: what of the rows that it is shown may be among the k nearest of every query, for many queries
/// at once, such as all rows of a table.
///
/// 1. A run of rows is read from the shard, and multiplied with some hundreds of queries after another: the product of two
///    matrices that stay in the second cache.
/// 2. A product tells a distance up to what f32 may have lost in it, and in the distance kernel: ``slack``, by the usual bound
///    of a sum of n products (Higham, Accuracy and stability of numerical algorithms, 2002, section 3.1).
/// 3. For a query and a run, all rows that may be near enough have a product above one number; nearly all are passed over
///    by comparing sixteen at once.
///
/// What is left are candidates with bounds that hold for the kernel's distance, as those of ``CodesScan`` are: who is
/// among the nearest, the stored vectors say.
///
/// Not thread-safe: use one per thread.
struct ProductScan: ~Copyable {
    /// What may be among the k nearest, per query.
    private(set) var candidates: [Candidates]
    private let shard: ShardReader
    private let queries: Queries
    private let filter: RowFilter?
    private let rows: Matrix
    private let products: Matrix
    private let halves: Matrix
    private let scratch = ShardReader.Scratch()

    /// Rows of a run, at least.
    private static let runRows = 512
    /// Queries that are multiplied at once.
    private static let queryRows = 256

    /// The queries of a scan, which all threads share.
    struct Queries: @unchecked Sendable {
        let metric: Metric
        /// The queries; under cosine divided by their lengths.
        fileprivate let vectors: Matrix
        /// Their lengths; NaN for a query of whose distances nothing is known.
        fileprivate let lengths: [Float]

        init(_ queries: Matrix, _ metric: Metric) {
            self.metric = metric
            vectors = Matrix(rows: queries.rows, columns: queries.columns)
            vectors.pointer.update(from: queries.pointer, count: queries.rows * queries.columns)
            var lengths: [Float] = []
            for row in 0..<queries.rows {
                let length = ProductScan.square(vectors.row(row))?.squareRoot() ?? .nan
                if metric == .cosine { ProductScan.divide(vectors.row(row), by: length) }
                lengths.append(length)
            }
            self.lengths = lengths
        }
    }

    /// A scan that has seen nothing.
    /// - Parameter empty: what every query begins with.
    init(_ shard: ShardReader, _ queries: Queries, _ filter: RowFilter?, _ empty: Candidates) {
        (self.shard, self.queries, self.filter) = (shard, queries, filter)
        candidates = [Candidates](repeating: empty, count: queries.vectors.rows)
        let room = Self.blocks(ofRun: shard) * shard.rowsPerBlock
        rows = Matrix(rows: room, columns: shard.dimension)
        products = Matrix(rows: Self.queryRows, columns: room)
        halves = Matrix(rows: 1, columns: room)
    }

    /// How many blocks of the shard make a run.
    static func blocks(ofRun shard: ShardReader) -> Int { max(1, runRows / max(1, shard.rowsPerBlock)) }

    /// Looks at the rows of some blocks, no more than a run has.
    mutating func look(at blocks: Range<Int>) throws(BelfryError) {
        let first = shard.rows(ofBlock: blocks.lowerBound).lowerBound
        var count = 0
        for block in blocks {
            let left = UnsafeMutableBufferPointer(
                start: rows.pointer + count * rows.columns, count: (rows.rows - count) * rows.columns)
            count += try shard.decodeBlock(block, into: left, scratch).count
        }
        let longest = prepare(count, first)
        for start in stride(from: 0, to: candidates.count, by: Self.queryRows) {
            let range = start..<min(start + Self.queryRows, candidates.count)
            multiply(range, count)
            for query in range where !candidates[query].isFull {
                offer(products.pointer + (query - start) * rows.rows, count, first, to: query, longest)
            }
        }
    }

    /// The squared length of a vector; nil where it is so long or so short that f32 loses more of its products than their
    /// last digits.
    private static func square(_ vector: UnsafeMutableBufferPointer<Float>) -> Float? {
        let square = Space.square(vector.baseAddress!, vector.count)
        let (least, most) = (VectorCheck.lengths.lowerBound, VectorCheck.lengths.upperBound)
        if square >= least * least { return square <= most * most ? square : nil }
        return vector.allSatisfy { $0 == 0 } ? 0 : nil
    }

    /// Makes the rows of a run ready for products, and returns the length of the longest. A row of whose distances nothing is
    /// known becomes a candidate of every query, and zeros.
    private mutating func prepare(_ count: Int, _ first: Int) -> Float {
        var longest: Float = 0
        for row in 0..<count {
            let vector = rows.row(row)
            let known = Self.square(vector)
            if known == nil {
                vector.update(repeating: 0)
                offerUnseen(UInt32(first + row))
            }
            let square = known ?? 0
            if queries.metric == .cosine { Self.divide(vector, by: square.squareRoot()) }
            halves.pointer[row] = square / 2
            longest = max(longest, square.squareRoot())
        }
        return longest
    }

    private mutating func offerUnseen(_ row: UInt32) {
        var hit = ByteCode.Hit()
        (hit.row, hit.lower, hit.upper) = (row, .nan, .nan)
        withUnsafePointer(to: hit) { hit in
            for index in candidates.indices where !candidates[index].isFull {
                candidates[index].offer(UnsafeBufferPointer(start: hit, count: 1), filter)
            }
        }
    }

    fileprivate static func divide(_ vector: UnsafeMutableBufferPointer<Float>, by length: Float) {
        guard length > 0 else { return }
        for index in vector.indices { vector[index] /= length }
    }

    /// The products of some queries with the run's rows; under l2 less half of each row's square.
    private func multiply(_ range: Range<Int>, _ count: Int) {
        let isSquared = queries.metric == .l2
        if isSquared {
            for place in 0..<range.count {
                let target = products.pointer + place * rows.rows
                for row in 0..<count { target[row] = -halves.pointer[row] }
            }
        }
        BLAS.multiply(
            m: range.count, n: count, k: rows.columns, queries.vectors.pointer + range.lowerBound * rows.columns,
            rows.pointer, into: products.pointer, transposeB: true, leadingC: rows.rows, beta: isSquared ? 1 : 0)
    }

    /// How far a distance that a product tells may be from the kernel's, at most.
    private func slack(of query: Int, _ longest: Float) -> Float {
        // Twice the bound of a sum of products, once for each way to compute it, and a little for lengths and the rest.
        let share = Float(4 * rows.columns + 64) * 0x1p-24
        switch queries.metric {
        case .cosine: return share
        case .ip: return share * queries.lengths[query] * longest
        case .l1, .l2:
            let both = queries.lengths[query] + longest
            return share * both * both
        }
    }

    /// Offers the rows whose products are above what is near enough.
    private mutating func offer(
        _ products: UnsafePointer<Float>, _ count: Int, _ first: Int, to query: Int, _ longest: Float
    ) {
        let slack = slack(of: query, longest)
        let square = queries.metric == .l2 ? queries.lengths[query] * queries.lengths[query] : 0
        let factor: Float = queries.metric == .l2 ? 2 : 1
        guard slack.isFinite, queries.lengths[query].isFinite else { return offerAll(count, first, to: query) }
        // distance = square − factor · product
        var least = (square - slack - candidates[query].limit) / factor
        var hit = ByteCode.Hit()
        var row = 0
        while row < count {
            if row + 16 <= count {
                let group = UnsafeRawPointer(products + row).loadUnaligned(as: SIMD16<Float>.self)
                if !any(group .>= least) {
                    row += 16
                    continue
                }
            }
            for place in row..<min(row + 16, count) where products[place] >= least {
                let distance = square - factor * products[place]
                hit.row = UInt32(first + place)
                (hit.lower, hit.upper) = (distance - slack, distance + slack)
                withUnsafePointer(to: hit) { candidates[query].offer(UnsafeBufferPointer(start: $0, count: 1), filter) }
            }
            least = (square - slack - candidates[query].limit) / factor
            row += 16
        }
    }

    /// Of a query of whose distances nothing is known, every row is a candidate.
    private mutating func offerAll(_ count: Int, _ first: Int, to query: Int) {
        var hit = ByteCode.Hit()
        (hit.lower, hit.upper) = (.nan, .nan)
        for place in 0..<count where !candidates[query].isFull {
            hit.row = UInt32(first + place)
            withUnsafePointer(to: hit) { candidates[query].offer(UnsafeBufferPointer(start: $0, count: 1), filter) }
        }
    }
}
