package import Files
import Shards
package import Vectors

/// Reads the file `lists` through a mapping.
///
/// Opening reads and verifies what is small: the shape, the mean and where the lists begin. The codes are read by a
/// search, whatever they are: a code has no value that could lead a search out of the file.
package final class ListsReader: Sendable {
    /// What the file holds.
    package let format: ListsFormat
    /// The mean of the placed rows.
    let mean: [Float]
    /// The first row of each list, and behind them the number of rows.
    nonisolated(unsafe) let starts: UnsafeMutablePointer<UInt32>
    /// The first block of each list, and behind them the number of blocks.
    nonisolated(unsafe) let blockStarts: UnsafeMutablePointer<UInt32>
    private let file: SegmentFile
    nonisolated(unsafe) let cells: UnsafePointer<UInt8>
    nonisolated(unsafe) let blocks: UnsafePointer<UInt8>

    /// Maps the file at `path`.
    /// - Throws: `notFound`, `corruptData` with the byte offset, or `unsupported` for a newer format.
    package init(_ path: String) throws(BelfryError) {
        file = try SegmentFile(path, kind: ListsFormat.kind, newest: ListsFormat.version)
        format = try ListsFormat(file)
        mean = try file.verifiedBytes(of: "mean").integers(UInt32.self).map(Float.init(bitPattern:))
        let places = try file.verifiedBytes(of: "starts").integers(UInt32.self).map(Int.init)
        let place = try file.range(of: "starts").lowerBound
        guard places.first == 0, places.last == format.rowCount else {
            throw .corrupt("The lists do not hold \(format.rowCount) rows.", at: .byte(place, of: path))
        }
        var blocks = [0]
        blocks.reserveCapacity(places.count)
        for list in 0..<format.listCount {
            guard places[list] <= places[list + 1] else {
                throw .corrupt("List \(list) ends before it begins.", at: .byte(place + 4 * list, of: path))
            }
            blocks.append(blocks[list] + ListsFormat.blocks(places[list + 1] - places[list]))
        }
        try format.demand(file, "blocks", blocks.last! * format.rowBlockBytes)
        // A section without bytes is never read.
        let nothing = UnsafeRawPointer(bitPattern: 64)!
        self.cells = (try file.bytes(of: "cells").baseAddress ?? nothing).assumingMemoryBound(to: UInt8.self)
        self.blocks = (try file.bytes(of: "blocks").baseAddress ?? nothing).assumingMemoryBound(to: UInt8.self)
        (starts, blockStarts) = (.allocate(capacity: places.count), .allocate(capacity: blocks.count))
        for list in places.indices {
            starts[list] = UInt32(places[list])
            blockStarts[list] = UInt32(blocks[list])
        }
    }

    deinit {
        starts.deallocate()
        blockStarts.deallocate()
    }

    /// Where the file was when it was opened.
    package var path: String { file.path }
    /// How many rows.
    package var rowCount: Int { format.rowCount }
    /// Components of a vector.
    package var dimension: Int { format.dimension }
    /// How vectors are compared.
    package var metric: Metric { format.metric }
    /// How many lists.
    package var listCount: Int { format.listCount }

    /// The first row of a list, and the one behind its last.
    @inline(__always)
    func rows(of list: Int) -> (first: Int, end: Int) { (Int(starts[list]), Int(starts[list + 1])) }

    /// The first block of a list; that of the number of lists is the number of blocks.
    @inline(__always)
    func block(of list: Int) -> Int { Int(blockStarts[list]) }

    /// Bytes of centroids and codes per row.
    package var bytesPerVector: Double {
        guard rowCount > 0 else { return 0 }
        let cells = ListsFormat.blocks(format.listCount) * format.cellBlockBytes
        return Double(Int(blockStarts[format.listCount]) * format.rowBlockBytes + cells) / Double(rowCount)
    }

    /// Reads every byte of the file and returns all that is wrong, each with its byte offset.
    package func check() -> [BelfryError] { file.problems() }
}

extension UnsafeRawBufferPointer {
    /// The little-endian integers that the bytes are.
    fileprivate func integers<T: FixedWidthInteger>(_ type: T.Type) -> [T] {
        (0..<count / MemoryLayout<T>.size).map {
            T(littleEndian: loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.size, as: T.self))
        }
    }
}
