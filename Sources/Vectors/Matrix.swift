import Foundation

/// Rows of f32 components, owned, 64-byte aligned at the first row, row after row without gaps.
public final class Matrix: @unchecked Sendable {
    /// How many rows.
    public let rows: Int
    /// Components per row.
    public let columns: Int
    /// The first component. Valid while this object is alive.
    public let pointer: UnsafeMutablePointer<Float>
    /// Whose memory it is, if not its own.
    private let owner: Matrix?

    /// A matrix of zeros.
    public init(rows: Int, columns: Int) {
        precondition(rows >= 0 && columns >= 0)
        self.rows = rows
        self.columns = columns
        let bytes = max(rows * columns * MemoryLayout<Float>.stride, 64)
        let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        raw.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        pointer = raw.assumingMemoryBound(to: Float.self)
        owner = nil
    }

    /// A copy of `rows`, which must all have the same length.
    public convenience init(_ rows: [[Float]]) {
        self.init(rows: rows.count, columns: rows.first?.count ?? 0)
        for (index, row) in rows.enumerated() {
            precondition(row.count == columns, "rows of one length")
            row.withUnsafeBufferPointer { (pointer + index * columns).update(from: $0.baseAddress!, count: columns) }
        }
    }

    /// Some rows of another matrix, which stays alive with this one.
    private init(_ range: Range<Int>, of owner: Matrix) {
        precondition(range.lowerBound >= 0 && range.upperBound <= owner.rows)
        (rows, columns) = (range.count, owner.columns)
        pointer = owner.pointer + range.lowerBound * owner.columns
        self.owner = owner
    }

    /// The first `count` rows, without a copy.
    package func prefix(_ count: Int) -> Matrix { Matrix(0..<count, of: self) }

    /// The last `count` rows, without a copy. The first of them is aligned as rows are.
    package func suffix(_ count: Int) -> Matrix { Matrix(rows - count..<rows, of: self) }

    deinit { if owner == nil { UnsafeMutableRawPointer(pointer).deallocate() } }

    /// The components of one row.
    public func row(_ index: Int) -> UnsafeMutableBufferPointer<Float> {
        precondition(index >= 0 && index < rows)
        return UnsafeMutableBufferPointer(start: pointer + index * columns, count: columns)
    }

    /// One row as an array.
    public subscript(index: Int) -> [Float] { Array(row(index)) }
}
