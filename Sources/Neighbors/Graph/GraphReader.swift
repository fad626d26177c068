import CKernels
import Files
import Shards
import Vectors

/// Reads the file `graph` through a mapping. The format is described at ``GraphFormat``.
///
/// Opening verifies what is small: parameters, center and projection. Codes and links are read by a search whatever they
/// are: every link is checked before it is followed. ``check()`` reads every byte.
final class GraphReader: Sendable {
    /// What the file holds.
    let format: GraphFormat
    let coder: RoutingCoder
    /// The sizes of the levels, from all rows upwards.
    let sizes: [Int]
    let file: SegmentFile
    nonisolated(unsafe) let records: UnsafePointer<UInt8>
    nonisolated(unsafe) let links: [UnsafePointer<UInt32>]

    /// Maps the file at `path`.
    /// - Throws: `notFound`, `corruptData` with the byte offset, or `unsupported` for a newer format.
    init(_ path: String) throws(BelfryError) {
        file = try SegmentFile(path, kind: .graph, newest: GraphFormat.version)
        format = try GraphFormat(
            parsing: file.verifiedBytes(of: "params"), file: path, base: file.range(of: "params").lowerBound)
        let (shape, placed) = (format.shape, format.space.placedDimension)
        let stride = RoutingCoder.stride(placed)
        let sizes = try Self.values(file, "sizes", format.levels, UInt64.self).map { Int(clamping: $0) }
        let center = try Self.values(file, "center", stride, UInt32.self).map { Float(bitPattern: $0) }
        let outputs = shape.projected ? shape.components : 0
        let matrix = try Self.values(file, "matrix", outputs * stride, UInt8.self).map { Int8(bitPattern: $0) }
        let steps = try Self.values(file, "steps", outputs, UInt32.self).map { Float(bitPattern: $0) }
        guard sizes[0] == format.rowCount, zip(sizes, sizes.dropFirst()).allSatisfy({ $0 >= $1 }) else {
            throw .corrupt(
                "The levels' sizes \(sizes) do not shrink from \(format.rowCount).",
                at: .byte(try file.range(of: "sizes").lowerBound, of: path))
        }
        guard center.allSatisfy(\.isFinite), steps.allSatisfy(\.isFinite) else {
            throw .corrupt(
                "The center or the projection is not finite.",
                at: .byte(try file.range(of: "center").lowerBound, of: path))
        }
        self.sizes = sizes
        coder = RoutingCoder(
            shape: shape, dimension: placed, center: center, matrix: matrix, matrixSteps: steps)
        let records = try Self.section(file, "records", format.rowCount * shape.recordBytes)
        let all = sizes.reduce(0) { $0.addingReportingOverflow($1).partialValue }
        let links = try Self.section(file, "links", all.multipliedReportingOverflow(by: format.degree * 4).partialValue)
        self.records = records.assumingMemoryBound(to: UInt8.self)
        var start = links.assumingMemoryBound(to: UInt32.self)
        var tables: [UnsafePointer<UInt32>] = []
        for size in sizes {
            tables.append(start)
            start += size * format.degree
        }
        self.links = tables
    }

    /// Where the file was when it was opened.
    var path: String { file.path }
    /// How many rows.
    var rowCount: Int { format.rowCount }
    /// Components of a vector.
    var dimension: Int { format.space.dimension }
    /// How vectors are compared.
    var metric: Metric { format.space.metric }
    /// Bytes of codes and links per row.
    var bytesPerVector: Double {
        rowCount == 0
            ? 0
            : Double(rowCount * format.shape.recordBytes + sizes.reduce(0, +) * format.degree * 4) / Double(rowCount)
    }

    /// What a walk needs. Valid while this object is alive.
    var view: GraphView {
        GraphView(
            space: format.space, coder: coder, records: records, links: links, sizes: sizes, degree: format.degree,
            storedDegree: format.degree,
            rows: rowCount)
    }

    /// Reads every byte of the file and returns all that is wrong, each with its byte offset.
    func check() -> [BelfryError] { file.problems() }

    private static func values<T: FixedWidthInteger>(
        _ file: SegmentFile, _ name: String, _ count: Int, _ type: T.Type
    ) throws(BelfryError) -> [T] {
        let bytes = try file.verifiedBytes(of: name)
        let size = MemoryLayout<T>.size
        try demand(file, name, bytes.count, count * size)
        return (0..<count).map { T(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * size, as: T.self)) }
    }

    private static func section(_ file: SegmentFile, _ name: String, _ wanted: Int) throws(BelfryError)
        -> UnsafeRawPointer
    {
        let bytes = try file.bytes(of: name)
        try demand(file, name, bytes.count, wanted)
        // A section without bytes is never read.
        return bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 64)!
    }

    private static func demand(_ file: SegmentFile, _ name: String, _ count: Int, _ wanted: Int) throws(BelfryError) {
        guard count == wanted else {
            throw .corrupt(
                "The section “\(name)” has \(count) bytes, where the parameters need \(wanted).",
                at: .byte(try file.range(of: name).lowerBound, of: file.path))
        }
    }
}

/// What a walk reads: pointers into a mapped file, or into a builder that is at work.
struct GraphView {
    let space: Space
    let coder: RoutingCoder
    let records: UnsafePointer<UInt8>
    /// For every level, `degree` links per row.
    let links: [UnsafePointer<UInt32>]
    let sizes: [Int]
    let degree: Int
    /// Links per row in the file, which a graph that is still being built may exceed.
    let storedDegree: Int
    /// How many rows are in the lowest level.
    let rows: Int
}
