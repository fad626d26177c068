public import Files

/// Writes the file `ids`, which says which point each row is. The format is described at ``IDsReader``.
///
/// Holds five bytes per row until `finish`. One owner at a time.
public final class IDsWriter {
    private let file: SegmentFileWriter
    private var kinds: [UInt8] = []
    private var crcs: [UInt32] = []

    /// Creates the file, or empties it if it is there.
    public init(_ path: String) throws(BelfryError) {
        file = try SegmentFileWriter(
            path, kind: .ids, version: IDsReader.version, sections: ["values", "kinds", "crcs"])
        try file.begin("values")
    }

    /// How many rows have been appended.
    public var count: Int { kinds.count }

    /// Appends the id of the next row.
    public func append(_ id: PointID) throws(BelfryError) {
        let (kind, value) = IDsReader.encode(id)
        try withUnsafeBytes(of: value) { bytes throws(BelfryError) in try file.write(bytes) }
        kinds.append(kind)
        crcs.append(IDsReader.checksum(kind, value))
    }

    /// Writes what is left and makes the file survive a power cut.
    public func finish() throws(BelfryError) {
        try file.begin("kinds")
        try kinds.withBytes { bytes throws(BelfryError) in try file.write(bytes) }
        try file.begin("crcs")
        for crc in crcs { try file.write(crc) }
        try file.finish()
    }
}
