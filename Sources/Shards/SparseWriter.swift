public import Files
public import Vectors

/// Writes the file `sparse` row by row. The format is described at ``SparseReader``.
///
/// Holds twelve bytes per row until `finish`. One owner at a time.
public final class SparseWriter {
    private let file: SegmentFileWriter
    private var starts: [UInt64] = [0]
    private var crcs: [UInt32] = []
    private var bytes: [UInt8] = []

    /// Creates the file, or empties it if it is there.
    public init(_ path: String) throws(BelfryError) {
        file = try SegmentFileWriter(
            path, kind: .sparse, version: SparseReader.version, sections: SparseReader.sections)
        try file.begin("rows")
    }

    /// How many rows have been appended.
    public var rowCount: Int { crcs.count }

    /// Appends the next row; an empty vector for a point that has none.
    public func append(_ vector: SparseVector) throws(BelfryError) {
        precondition(rowCount < Int(UInt32.max), "rows that 32 bits can number")
        bytes.removeAll(keepingCapacity: true)
        SparseComponents.encode(vector, into: &bytes)
        crcs.append(bytes.withUnsafeBytes { SparseReader.checksum(rowCount, $0) })
        starts.append(starts[starts.count - 1] + UInt64(bytes.count))
        try bytes.withBytes { bytes throws(BelfryError) in try file.write(bytes) }
    }

    /// Writes what is left and makes the file survive a power cut.
    public func finish() throws(BelfryError) {
        try file.begin("starts")
        for start in starts { try file.write(start) }
        try file.begin("crcs")
        for crc in crcs { try file.write(crc) }
        try file.finish()
    }
}
