import Files
import Foundation
import Vectors

/// Rows that are equal to the bit, each group in the order of its rows.
///
/// A graph links only the first of a group: to choose links among equal rows would fill a row with ways to nowhere else.
/// The others hang on the first like a chain, and a walk that comes to the first expands them one after another.
struct Twins: Sendable {
    /// The first of the rows that equal a row; nil if no row equals another.
    private let first: [UInt32]?

    /// Looks for equal rows in `rows`.
    init(_ rows: any VectorSource, threads: Int) throws(BelfryError) {
        let count = rows.rowCount
        let keys = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: count)
        defer { keys.deallocate() }
        nonisolated(unsafe) let target = keys
        try rows.forEachBlock(threads: threads) { first, block in
            for row in 0..<block.rows {
                target[first + row] = Self.hash(block.pointer + row * block.columns, block.columns)
            }
        }
        let bytes = rows.dimension * MemoryLayout<Float>.stride
        let pair = Matrix(rows: 2, columns: rows.dimension)
        var first: [UInt32]?
        // The first row of every hash. A row of the same hash that is not equal, which next to never happens, is linked
        // like any other.
        var seen = [UInt64: UInt32](minimumCapacity: count)
        for row in 0..<count {
            let known = seen[keys[row]]
            guard let known else {
                seen[keys[row]] = UInt32(row)
                continue
            }
            try rows.copy(Int(known)..<Int(known) + 1, into: pair.pointer)
            try rows.copy(row..<row + 1, into: pair.pointer + pair.columns)
            guard memcmp(pair.pointer, pair.pointer + pair.columns, bytes) == 0 else { continue }
            if first == nil { first = (0..<UInt32(count)).map { $0 } }
            first![row] = known
        }
        self.first = first
    }

    /// Whether an earlier row equals this one.
    @inline(__always)
    func isLater(_ row: Int) -> Bool { first.map { $0[row] != UInt32(row) } ?? false }

    /// The rows below `count` that equal an earlier one, with that one, the last first.
    func later(below count: Int) -> [(row: Int, first: Int)] {
        guard let first else { return [] }
        return (0..<count).reversed().compactMap { first[$0] == UInt32($0) ? nil : ($0, Int(first[$0])) }
    }

    private static func hash(_ row: UnsafePointer<Float>, _ count: Int) -> UInt64 {
        var hash = UInt64(count)
        for index in 0..<count {
            hash = (hash ^ UInt64(row[index].bitPattern)) &* 0x9e37_79b9_7f4a_7c15
            hash ^= hash >> 32
        }
        return hash
    }
}
