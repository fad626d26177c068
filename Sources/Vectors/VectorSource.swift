public import Files

/// Rows of f32 that are read as they are needed, wherever they lie: what is built of them need not hold them.
///
/// Safe to use from several threads at once.
public protocol VectorSource: Sendable {
    /// How many rows there are.
    var rowCount: Int { get }
    /// Components per row.
    var dimension: Int { get }
    /// Copies the rows with these numbers to `target`, one after another, in the order of the numbers.
    /// - Throws: `corruptData` for rows on disk that are damaged.
    func copy(
        _ numbers: UnsafeBufferPointer<UInt32>, into target: UnsafeMutablePointer<Float>
    ) throws(BelfryError)
}

extension VectorSource {
    /// How many rows are read at a time: also how matrix products are cut, so that their bits depend on nothing else.
    package static var blockRows: Int { 256 }

    /// Copies some rows that follow each other.
    package func copy(_ range: Range<Int>, into target: UnsafeMutablePointer<Float>) throws(BelfryError) {
        let numbers = range.map { UInt32($0) }
        try numbers.withPointer { numbers throws(BelfryError) in try copy(numbers, into: target) }
    }

    /// The rows with these numbers.
    package func matrix(_ numbers: [UInt32]) throws(BelfryError) -> Matrix {
        let matrix = Matrix(rows: numbers.count, columns: dimension)
        try numbers.withPointer { numbers throws(BelfryError) in try copy(numbers, into: matrix.pointer) }
        return matrix
    }

    /// Reads all rows once, block by block, on several threads: which of them gets which block is left to chance.
    /// - Parameter body: gets a block, and the number of its first row.
    package func forEachBlock(
        threads: Int, _ body: @Sendable (_ first: Int, _ rows: Matrix) -> Void
    ) throws(BelfryError) {
        let (count, size) = (rowCount, Self.blockRows)
        try WorkPool(threads: threads).run((count + size - 1) / size, "build") { worker in
            let room = Matrix(rows: min(size, count), columns: dimension)
            while worker.one({ block throws(BelfryError) in
                let range = block * size..<min((block + 1) * size, count)
                try copy(range, into: room.pointer)
                body(range.lowerBound, room.prefix(range.count))
            }) {}
        }
    }

    /// Reads all rows once, in their order.
    package func forEachRow(_ body: (_ row: Int, _ components: UnsafePointer<Float>) -> Void) throws(BelfryError) {
        let (count, size, width) = (rowCount, Self.blockRows, dimension)
        let room = Matrix(rows: min(size, count), columns: width)
        for first in stride(from: 0, to: count, by: size) {
            let range = first..<min(first + size, count)
            try copy(range, into: room.pointer)
            for row in range { body(row, room.pointer + (row - first) * width) }
        }
    }
}

extension Matrix: VectorSource {
    /// How many rows there are.
    public var rowCount: Int { rows }
    /// Components per row.
    public var dimension: Int { columns }

    /// Copies some of the rows.
    public func copy(_ numbers: UnsafeBufferPointer<UInt32>, into target: UnsafeMutablePointer<Float>) {
        for (place, number) in numbers.enumerated() {
            precondition(number < rows, "a row of this matrix")
            (target + place * columns).update(from: pointer + Int(number) * columns, count: columns)
        }
    }
}

/// Some rows of a source, in an order of their own.
package struct SelectedRows: VectorSource {
    private let source: any VectorSource
    private let numbers: [UInt32]

    /// The rows of `source` with these numbers.
    package init(_ source: any VectorSource, _ numbers: [UInt32]) { (self.source, self.numbers) = (source, numbers) }

    package var rowCount: Int { numbers.count }
    package var dimension: Int { source.dimension }

    package func copy(
        _ wanted: UnsafeBufferPointer<UInt32>, into target: UnsafeMutablePointer<Float>
    ) throws(BelfryError) {
        let found = wanted.map { numbers[Int($0)] }
        try found.withPointer { found throws(BelfryError) in try source.copy(found, into: target) }
    }
}

extension [UInt32] {
    /// The elements in place, for a body that throws our errors.
    fileprivate func withPointer(
        _ body: (UnsafeBufferPointer<UInt32>) throws(BelfryError) -> Void
    ) throws(BelfryError) {
        let failure: BelfryError? = withUnsafeBufferPointer { numbers in
            do throws(BelfryError) {
                try body(numbers)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }
}
