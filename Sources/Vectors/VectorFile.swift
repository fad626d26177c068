public import Files

/// Vectors, or the rows that a truth lists, in a file that its extension tells: npy, fvecs, bvecs, ivecs.
///
/// The file stays mapped; rows are copied out as f32 when they are asked for, so that a base larger than memory can be
/// streamed into an index.
public struct VectorFile: Sendable {
    private enum Content: Sendable {
        case npy(NpyArray)
        case vecs(VecsFile)
    }

    /// Where the file is.
    public let path: String
    /// How many vectors there are.
    public let rows: Int
    /// Components per vector.
    public let columns: Int
    private let content: Content

    /// Maps the file at `path`.
    /// - Throws: `notFound`, `io`; `unsupported` for another extension; `corruptData` with the byte; `invalidInput` for
    ///   an npy array that is not two-dimensional, and for a file without vectors.
    public init(_ path: String) throws(BelfryError) {
        self.path = path
        if VecsFile.Element(extensionOf: path) != nil {
            let file = try VecsFile(path)
            (rows, columns, content) = (file.rows, file.columns, .vecs(file))
        } else if path.lowercased().hasSuffix(".npy") {
            let array = try NpyArray(path)
            guard array.shape.count == 2 else {
                throw BelfryError(
                    .invalidInput, "The array's shape is \(array.shape); rows of vectors have two extents.",
                    at: .init(file: path), remedy: "Save it as np.save(path, array.reshape(rows, dimension)).")
            }
            guard array.count > 0 else {
                throw BelfryError(
                    .invalidInput, "The array's shape is \(array.shape): it has no vector.", at: .init(file: path))
            }
            (rows, columns, content) = (array.rows, array.columns, .npy(array))
        } else {
            throw BelfryError(
                .unsupported, "The extension does not say what the file holds.", at: .init(file: path),
                remedy: "Read are .npy, .fvecs, .bvecs and .ivecs.")
        }
    }

    /// Writes the vectors of `range` as f32, row after row without gaps, to where `range.count × columns` fit.
    /// - Throws: `corruptData` with the byte of a vector of another dimension.
    public func copy(_ range: Range<Int>, into target: UnsafeMutablePointer<Float>) throws(BelfryError) {
        switch content {
        case .vecs(let file): try file.copy(range, into: target)
        case .npy(let array):
            let elements = range.lowerBound * columns..<range.upperBound * columns
            if array.elementType == .f4, array.isRowMajor {
                array.withBytes { bytes in
                    UnsafeMutableRawPointer(target).copyMemory(
                        from: bytes.baseAddress! + elements.lowerBound * 4, byteCount: elements.count * 4)
                }
            } else {
                array.floats(elements).withUnsafeBufferPointer {
                    target.update(from: $0.baseAddress!, count: elements.count)
                }
            }
        }
    }

    /// The vectors of `range`, by default all of them, as f32.
    public func matrix(_ range: Range<Int>? = nil) throws(BelfryError) -> Matrix {
        let range = range ?? 0..<rows
        let matrix = Matrix(rows: range.count, columns: columns)
        if !range.isEmpty { try copy(range, into: matrix.pointer) }
        return matrix
    }

    /// The first `count` rows as whole numbers: for each query the rows that a truth lists, nearest first.
    /// - Throws: `invalidInput` for a file of floating-point numbers.
    public func integers(first count: Int) throws(BelfryError) -> [[Int]] {
        precondition(count <= rows)
        let numbers =
            switch content {
            case .vecs(let file): try file.integers(0..<count)
            case .npy(let array): try array.integers(0..<count * columns)
            }
        return (0..<count).map { Array(numbers[$0 * columns..<($0 + 1) * columns]) }
    }

    /// Calls `body` with the vectors as f32, some megabytes at a time.
    /// - Parameter check: what each vector must be; its error names the row.
    public func forEachBatch(
        check: VectorCheck? = nil, _ body: (_ rows: Range<Int>, _ vectors: Matrix) throws(BelfryError) -> Void
    ) throws(BelfryError) {
        let size = min(rows, max(1, Self.batchComponents / columns))
        let batch = Matrix(rows: size, columns: columns)
        for first in stride(from: 0, to: rows, by: size) {
            let range = first..<min(first + size, rows)
            try copy(range, into: batch.pointer)
            if let check {
                for row in range {
                    let vector = UnsafeBufferPointer(batch.row(row - first))
                    try check.check(vector, "Row \(row)", at: .init(file: path))
                }
            }
            try body(range, batch)
        }
    }

    private static let batchComponents = 1 << 20
}
