import CKernels
public import Files
public import Vectors

extension ShardReader {
    /// Copies row `index`, as the element type, into `target`, which has `rowBytes` bytes.
    public func copyRow(
        _ index: Int, into target: UnsafeMutableRawBufferPointer, _ scratch: Scratch
    ) throws(BelfryError) {
        precondition(index >= 0 && index < rowCount, "a row of this shard")
        precondition(target.count == rowBytes, "room for one row")
        let place = index % rowsPerBlock * rowBytes
        if let stored = try load(index / rowsPerBlock, upTo: place + rowBytes, scratch) {
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: stored[place..<place + rowBytes]))
        } else {
            belfry_bits_join(
                isa, elementType.size, 1, dimension, scratch.planes.baseAddress! + place, target.baseAddress)
        }
    }

    /// Copies row `index`, widened to f32, into `target`, which has `dimension` components.
    public func copyRow(
        _ index: Int, into target: UnsafeMutableBufferPointer<Float>, _ scratch: Scratch
    ) throws(BelfryError) {
        guard elementType != .f32 else {
            return try copyRow(index, into: UnsafeMutableRawBufferPointer(target), scratch)
        }
        precondition(target.count == dimension, "room for one row")
        scratch.reserve(format.blockBytes)
        try copyRow(index, into: UnsafeMutableRawBufferPointer(rebasing: scratch.rows[..<rowBytes]), scratch)
        elementType.widen(UnsafeRawPointer(scratch.rows.baseAddress!), to: target.baseAddress!, count: dimension)
    }

    /// Row `index`, widened to f32.
    public func row(_ index: Int) throws(BelfryError) -> [Float] {
        try rows(index..<index + 1)[0]
    }

    /// The bytes of row `index`, as the element type.
    public func rawRow(_ index: Int) throws(BelfryError) -> [UInt8] {
        let scratch = Scratch()
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: rowBytes, alignment: 64)
        defer { copy.deallocate() }
        try copyRow(index, into: copy, scratch)
        return Array(copy)
    }

    /// The rows of `range`, widened to f32.
    public func rows(_ range: Range<Int>) throws(BelfryError) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= rowCount, "rows of this shard")
        let matrix = Matrix(rows: range.count, columns: dimension)
        let scratch = Scratch()
        var row = range.lowerBound
        while row < range.upperBound {
            let whole = rows(ofBlock: row / rowsPerBlock)
            if whole.lowerBound == row && whole.upperBound <= range.upperBound {
                let target = UnsafeMutableBufferPointer(
                    start: matrix.pointer + (row - range.lowerBound) * dimension, count: whole.count * dimension)
                try decodeBlock(row / rowsPerBlock, into: target, scratch)
                row = whole.upperBound
            } else {
                try copyRow(row, into: matrix.row(row - range.lowerBound), scratch)
                row += 1
            }
        }
        return matrix
    }
}
