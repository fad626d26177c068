import Vectors

// The kernels may read some bytes beyond the last record that they are asked for, where the next row may be being written.
// So the last few rows of a chunk that still grows are not looked at by their codes: they are candidates.
extension CodesScan {
    /// Looks at all rows of a piece.
    mutating func look(at piece: MemtablePiece) {
        let scanned = piece.scannable
        look(at: piece.chunk.records, 0..<scanned, base: piece.first)
        for row in piece.range.dropFirst(scanned) { offerUnseen(UInt32(row)) }
    }

    /// Looks at those rows of a piece that are listed, in ascending order and by the view's numbers.
    mutating func look(at piece: MemtablePiece, listed: [UInt32]) {
        let scanned = piece.first + piece.scannable
        let here = listed[Self.place(of: piece.first, in: listed)..<Self.place(of: piece.range.upperBound, in: listed)]
        let places = here.prefix { $0 < scanned }.map { $0 - UInt32(piece.first) }
        places.withUnsafeBufferPointer { look(at: piece.chunk.records, listed: $0, base: piece.first) }
        for row in here.dropFirst(places.count) { offerUnseen(row) }
    }

    /// The place of the first listed row that is not below `row`.
    private static func place(of row: Int, in listed: [UInt32]) -> Int {
        var (low, high) = (0, listed.count)
        while low < high {
            let middle = (low + high) / 2
            if Int(listed[middle]) < row { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension MemtablePiece {
    /// How many of the rows can be looked at by their codes.
    fileprivate var scannable: Int {
        // A whole chunk has its padding.
        guard count < chunk.count else { return count }
        return max(0, count - (ByteCode.padding + chunk.recordSize - 1) / chunk.recordSize)
    }
}
