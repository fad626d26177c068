public import Files
public import Vectors

/// Reads the file `sparse` through a mapping: row → sparse vector. It is the truth from which an inverted index is made.
///
/// A ``SegmentFile`` of kind `sparse`, version 1:
///
/// | section | bytes | what |
/// |---|---|---|
/// | `rows` | | the rows, one after another without gaps |
/// | `starts` | 8 × (N + 1) | u64 where in `rows` each of the N rows begins, and the section's length |
/// | `crcs` | 4 × N | u32 CRC-32C of each row: of its number as u64, and its bytes |
///
/// A row of n components is the varint n, a varint for each index (the first one itself, then how much greater each is
/// than the one before, less 1), and n values as f32. Varints are LEB128 without needless bytes, so that a vector has
/// only one form. All integers are little-endian.
///
/// Opening verifies header and table alone. Each row carries a checksum because rows are read one by one, long after the
/// file was opened. Reading is safe from any number of threads.
public final class SparseReader: Sendable {
    static let version = 1
    static let sections = ["rows", "starts", "crcs"]

    /// How many rows there are.
    public let rowCount: Int
    private let file: SegmentFile
    private let rows: Range<Int>
    private let starts: Range<Int>
    private let crcs: Range<Int>

    /// Maps the file at `path`.
    /// - Throws: `notFound`, `corruptData` with the byte offset, or `unsupported` for a newer format.
    public init(_ path: String) throws(BelfryError) {
        file = try SegmentFile(path, kind: .sparse, newest: Self.version)
        rows = try file.entry("rows").range
        starts = try file.entry("starts").range
        crcs = try file.entry("crcs").range
        rowCount = crcs.count / 4
        guard crcs.count % 4 == 0, starts.count == 8 * (rowCount + 1), rowCount <= Int(UInt32.max) else {
            throw .corrupt(
                "\(starts.count) bytes of where rows begin do not go with \(crcs.count) of checksums.",
                at: .byte(starts.lowerBound, of: path))
        }
    }

    /// Where the file was when it was opened.
    public var path: String { file.path }
    /// Bytes of the file.
    public var fileBytes: Int { file.file.bytes.count }

    /// One row, verified.
    /// - Throws: `corruptData` with the byte offset.
    public func row(_ row: Int) throws(BelfryError) -> SparseVector {
        let components = SparseComponents()
        try read(row, into: components)
        return SparseVector(
            sorted: Array(UnsafeBufferPointer(start: components.indices, count: components.count)),
            values: Array(UnsafeBufferPointer(start: components.values, count: components.count)))
    }

    /// Reads one row, verified, into memory that is reused from row to row: nothing is allocated but for a longer row.
    package func read(_ row: Int, into components: SparseComponents) throws(BelfryError) {
        let (bytes, place) = try verifiedBytes(row)
        guard components.decode(bytes) else {
            throw .corrupt("Row \(row) is not a sparse vector.", at: .byte(place, of: path))
        }
    }

    /// The bytes of a row that match its checksum, and where in the file they are.
    private func verifiedBytes(_ row: Int) throws(BelfryError) -> (UnsafeRawBufferPointer, place: Int) {
        precondition(row >= 0 && row < rowCount, "a row of this file")
        let bytes = file.file.bytes
        let start = bytes.loadLittle(starts.lowerBound + row * 8, as: UInt64.self)
        let end = bytes.loadLittle(starts.lowerBound + row * 8 + 8, as: UInt64.self)
        guard start < end, end <= UInt64(rows.count) else {
            throw .corrupt(
                "Row \(row) is declared at \(start)..<\(end) of \(rows.count) bytes of rows.",
                at: .byte(starts.lowerBound + row * 8, of: path))
        }
        let place = rows.lowerBound + Int(start)
        let found = UnsafeRawBufferPointer(rebasing: bytes[place..<rows.lowerBound + Int(end)])
        guard Self.checksum(row, found) == bytes.loadLittle(crcs.lowerBound + row * 4, as: UInt32.self) else {
            throw .corrupt("Row \(row) does not match its checksum.", at: .byte(place, of: path))
        }
        return (found, place)
    }

    static func checksum(_ row: Int, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var crc = CRC32C()
        withUnsafeBytes(of: UInt64(row).littleEndian) { crc.add($0) }
        crc.add(bytes)
        return crc.value
    }
}

extension SparseReader {
    /// Reads every byte of the file and returns all that is wrong, each with its byte offset.
    public func check() -> [BelfryError] {
        var found = file.problems()
        let (bytes, components) = (file.file.bytes, SparseComponents())
        for (place, end) in [(0, 0), (rowCount, rows.count)] {
            let place = starts.lowerBound + place * 8
            let start = bytes.loadLittle(place, as: UInt64.self)
            if start != UInt64(end) {
                found.append(
                    .corrupt("The rows begin or end at \(start), where \(end) is right.", at: .byte(place, of: path)))
            }
        }
        for row in 0..<rowCount {
            do throws(BelfryError) {
                try read(row, into: components)
            } catch {
                found.append(error)
            }
        }
        return found
    }
}
