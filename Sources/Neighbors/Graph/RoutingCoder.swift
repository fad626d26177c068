import CKernels
import Vectors

/// Makes routing codes of rows, and planes of queries.
///
/// 1. The center of all rows is subtracted.
/// 2. If the record has no room for all components, the rest is projected onto the principal subspace. The matrix is
///    quantized to 8 bits, for rows and queries alike: the query's product is integer work over a quarter of the bytes.
/// 3. A row y becomes codes z at half-integers and one scale, with y ≈ scale · z. The scale is |y|² / ⟨z, y⟩, which
///    makes ⟨y, scale · z⟩ = |y|² (RaBitQ: Gao and Long, arXiv 2405.12497).
/// 4. A query becomes signed bytes. Then |q − x|² = |q'|² + |x'|² − 2⟨q', x'⟩, where x' is the row minus the center: the
///    squares are exact, and the product is that of the codes; what lies outside the subspace is taken as orthogonal.
final class RoutingCoder: Sendable {
    let shape: RoutingShape
    /// Components of a placed row.
    let dimension: Int
    /// The center of the rows: `stride` floats, zero beyond the dimension.
    let center: [Float]
    /// `components × stride` signed bytes, empty where nothing is projected.
    let matrix: [Int8]
    /// What one unit of a matrix row is worth.
    let matrixSteps: [Float]
    /// Σ of each matrix row, which corrects for the query's offset of 128.
    private let matrixSums: [Int32]
    /// The matrix as floats, to project rows.
    private let floats: Matrix?

    /// Bytes from one row of the matrix to the next.
    static func stride(_ dimension: Int) -> Int { (dimension + 63) / 64 * 64 }

    /// A coder from its parts, as a file holds them. Only one that `projectsRows` can be asked to: queries alone need no
    /// matrix of floats, and opening a file does not make one.
    init(
        shape: RoutingShape, dimension: Int, center: [Float], matrix: [Int8], matrixSteps: [Float],
        projectsRows: Bool = false
    ) {
        let stride = Self.stride(dimension)
        precondition(center.count == stride)
        precondition(matrix.count == (shape.projected ? shape.components * stride : 0))
        self.shape = shape
        self.dimension = dimension
        self.center = center
        self.matrix = matrix
        self.matrixSteps = matrixSteps
        matrixSums = (0..<matrix.count / stride).map { row in
            matrix[row * stride..<(row + 1) * stride].reduce(Int32(0)) { $0 + Int32($1) }
        }
        guard shape.projected, projectsRows else {
            floats = nil
            return
        }
        let floats = Matrix(rows: shape.components, columns: dimension)
        for row in 0..<shape.components {
            for column in 0..<dimension {
                floats.pointer[row * dimension + column] = Float(matrix[row * stride + column]) * matrixSteps[row]
            }
        }
        self.floats = floats
    }

    /// A coder of `shape` for rows like those of `sample`, from which `center` has been subtracted.
    convenience init(shape: RoutingShape, sample: Matrix, center: [Float], seed: UInt64) {
        let dimension = sample.columns
        let stride = Self.stride(dimension)
        let padded = center + [Float](repeating: 0, count: stride - dimension)
        var matrix: [Int8] = []
        var steps: [Float] = []
        if shape.projected {
            let basis = PrincipalSubspace.basis(of: sample, outputs: shape.components, seed: seed)
            matrix = [Int8](repeating: 0, count: shape.components * stride)
            for row in 0..<shape.components {
                let values = basis.row(row)
                let largest = values.reduce(Float(0)) { max($0, abs($1)) }
                let step = largest > 0 ? largest / 127 : 1
                steps.append(step)
                for column in 0..<dimension where values[column].isFinite {
                    matrix[row * stride + column] = Int8((values[column] / step).rounded())
                }
            }
        }
        self.init(
            shape: shape, dimension: dimension, center: padded, matrix: matrix, matrixSteps: steps, projectsRows: true)
    }
}

// MARK: rows

extension RoutingCoder {
    /// The codes' components of `count` placed rows: centered, and projected if the shape says so. `target` has
    /// `count × components` floats, `scratch` `count × dimension`; `squares[i]` is the row's squared distance from the
    /// center.
    func project(
        _ rows: UnsafePointer<Float>, count: Int, into target: UnsafeMutablePointer<Float>,
        squares: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
    ) {
        precondition(!shape.projected || floats != nil, "a coder that projects rows")
        let dimension = dimension
        let centered = shape.projected ? scratch : target
        center.withUnsafeBufferPointer { center in
            for row in 0..<count {
                let (from, to) = (rows + row * dimension, centered + row * dimension)
                var square: Float = 0
                for index in 0..<dimension {
                    let value = from[index] - center[index]
                    to[index] = value
                    square += value * value
                }
                squares[row] = square
            }
        }
        if let floats {
            BLAS.multiply(
                m: count, n: shape.components, k: dimension, scratch, floats.pointer, into: target, transposeB: true)
        }
    }

    /// Writes a row's record from its projected components.
    func encode(
        _ components: UnsafePointer<Float>, square: Float, into record: UnsafeMutablePointer<UInt8>
    ) {
        let count = shape.components
        var largest: Float = 0
        var length: Float = 0
        for index in 0..<count {
            largest = max(largest, abs(components[index]))
            length += components[index] * components[index]
        }
        record.update(repeating: 0, count: shape.recordBytes)
        guard square.isFinite, length.isFinite else {
            // Farther from everything than a float can say.
            UnsafeMutableRawPointer(record).storeBytes(of: .greatestFiniteMagnitude, toByteOffset: 4, as: Float.self)
            return
        }
        let half = Float(1 << (shape.bits - 1))
        // With few levels it pays to clip the largest components: the one of some ranges that keeps the direction best.
        var best: (quality: Float, step: Float, product: Float) = (-1, 1, 1)
        let ranges: Int = shape.bits == 4 ? 8 : 1
        for range in 0..<ranges {
            let step = max(largest * (1 - 0.08 * Float(range)) / half, .leastNormalMagnitude)
            let (product, squares) = Self.fit(components, count, 1 / step, half)
            let quality = product * product / squares
            if quality > best.quality { best = (quality, step, product) }
        }
        let inverse = 1 / best.step
        for index in 0..<count {
            let code = UInt8(Self.level(components[index], inverse, half) + half - 0.5)
            let place = shape.place(index)
            record[place.byte] |= place.high ? code << 4 : code
        }
        let scale = best.product > 0 ? length / best.product : 0
        UnsafeMutableRawPointer(record).storeBytes(of: scale, as: Float.self)
        UnsafeMutableRawPointer(record).storeBytes(of: square, toByteOffset: 4, as: Float.self)
    }

    /// Added to a small float and taken away again, it leaves the next integer: without it, that is a call.
    private static let rounding: Float = 12_582_912

    /// The half-integer next to `value`, within the code's range.
    @inline(__always)
    private static func level(_ value: Float, _ inverse: Float, _ half: Float) -> Float {
        (min(max(value * inverse - 0.5, -half), half - 1) + rounding) - rounding + 0.5
    }

    /// The products of the levels with the components, and with themselves.
    private static func fit(
        _ components: UnsafePointer<Float>, _ count: Int, _ inverse: Float, _ half: Float
    ) -> (product: Float, squares: Float) {
        var (products, squares) = (SIMD8<Float>(), SIMD8<Float>())
        let (low, high) = (SIMD8<Float>(repeating: -half), SIMD8<Float>(repeating: half - 1))
        var index = 0
        while index + 8 <= count {
            let values = UnsafeRawPointer(components + index).loadUnaligned(as: SIMD8<Float>.self)
            let levels =
                ((values * inverse - 0.5).clamped(lowerBound: low, upperBound: high) + rounding) - rounding + 0.5
            products += levels * values
            squares += levels * levels
            index += 8
        }
        var (product, square) = (products.sum(), squares.sum())
        while index < count {
            let level = level(components[index], inverse, half)
            product += level * components[index]
            square += level * level
            index += 1
        }
        return (product, square)
    }
}

// MARK: queries

extension RoutingCoder {
    /// A query's planes and what belongs to them. Not thread-safe: use one per thread.
    final class Query {
        /// Two planes of a record's bytes, 64-byte aligned.
        let planes: UnsafeMutablePointer<Int8>
        var slope: Float = 0
        var offset: Float = 0
        var constant: Float = 0
        fileprivate let centered: UnsafeMutablePointer<Float>
        fileprivate let bytes: UnsafeMutablePointer<Int8>
        fileprivate let products: UnsafeMutablePointer<Int32>
        fileprivate let components: UnsafeMutablePointer<Float>

        init(_ coder: RoutingCoder) {
            let stride = RoutingCoder.stride(coder.dimension)
            planes = Self.aligned(2 * coder.shape.recordBytes)
            centered = Self.aligned(stride)
            bytes = Self.aligned(stride)
            products = Self.aligned(coder.shape.components)
            components = Self.aligned(max(coder.shape.components, stride))
            planes.initialize(repeating: 0, count: 2 * coder.shape.recordBytes)
            // The matrix is zero beyond the dimension, whatever the query's bytes are.
            bytes.initialize(repeating: 0, count: stride)
            centered.initialize(repeating: 0, count: stride)
        }

        deinit {
            planes.deallocate()
            centered.deallocate()
            bytes.deallocate()
            products.deallocate()
            components.deallocate()
        }

        private static func aligned<T>(_ count: Int) -> UnsafeMutablePointer<T> {
            UnsafeMutableRawPointer.allocate(byteCount: count * MemoryLayout<T>.stride, alignment: 64)
                .bindMemory(to: T.self, capacity: count)
        }
    }

    /// Looks at a placed query once, for any number of records.
    func prepare(_ query: UnsafePointer<Float>, into target: Query) {
        let kernels = belfry_rounding_kernels_for(InstructionSet.current.isa)!.pointee
        let extent = kernels.center(query, center, dimension, target.centered)
        target.constant = extent.square
        guard extent.square.isFinite else { return clear(target) }
        guard shape.projected else { return quantize(target.centered, largest: extent.largest, into: target) }

        let step = extent.largest > 0 ? extent.largest / 127 : 1
        _ = kernels.round(target.centered, 1 / step, 0x80, dimension, target.bytes)
        target.bytes.withMemoryRebound(to: UInt8.self, capacity: Self.stride(dimension)) { bytes in
            belfry_routing_kernels_for(InstructionSet.current.isa)!.pointee.project(
                matrix, Self.stride(dimension), shape.components, bytes, target.products)
        }
        let projected = kernels.scale(
            target.products, matrixSums, matrixSteps, step, shape.components, target.components)
        quantize(target.components, largest: projected.largest, into: target)
    }

    /// The same for components that are already centered and projected: a row of a build's batch.
    func prepare(projected: UnsafePointer<Float>, square: Float, into target: Query) {
        var largest: Float = 0
        for index in 0..<shape.components { largest = max(largest, abs(projected[index])) }
        target.constant = square
        guard square.isFinite else { return clear(target) }
        quantize(projected, largest: largest, into: target)
    }

    /// A query that is too long to be computed with: it finds rows, but no particular ones.
    private func clear(_ target: Query) {
        target.planes.update(repeating: 0, count: 2 * shape.recordBytes)
        (target.slope, target.offset) = (0, 0)
    }

    private func quantize(_ components: UnsafePointer<Float>, largest: Float, into target: Query) {
        let step = largest > 0 ? largest / 127 : 1
        let inverse = 1 / step
        let low = target.planes + RoutingShape.factorBytes
        let high = target.planes + shape.recordBytes + RoutingShape.factorBytes
        let split = shape.bits == 8 ? shape.components : min(shape.components, shape.codeBytes)
        let round = belfry_rounding_kernels_for(InstructionSet.current.isa)!.pointee.round!
        let sum =
            round(components, inverse, 0, split, low)
            + round(components + split, inverse, 0, shape.components - split, high)
        target.slope = -2 * step
        target.offset = 2 * step * (Float(1 << (shape.bits - 1)) - 0.5) * Float(sum)
    }
}
