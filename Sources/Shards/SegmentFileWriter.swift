public import Files

/// Writes a ``SegmentFile`` from its first byte to its last: `begin`, `write`…, for each section in turn, `finish`.
///
/// Memory is bounded whatever the sections' size. One owner at a time.
public final class SegmentFileWriter {
    private let file: FileWriter
    private let kind: SegmentFile.Kind
    private let version: Int
    private let names: [String]
    private var done: [SegmentFile.Section] = []
    private var open: (start: Int, crc: CRC32C, carriesOwnChecksums: Bool)?

    /// Creates the file, or empties it if it is there, with room for the sections called `names`.
    public init(_ path: String, kind: SegmentFile.Kind, version: Int, sections names: [String]) throws(BelfryError) {
        precondition(names.count <= SegmentFile.sectionLimit && Set(names).count == names.count)
        self.kind = kind
        self.version = version
        self.names = names
        file = try FileWriter(path)
        let room = [UInt8](repeating: 0, count: SegmentFile.headerSize + names.count * SegmentFile.entrySize)
        try room.withBytes { bytes throws(BelfryError) in try file.write(bytes) }
    }

    /// Where the file is.
    public var path: String { file.path }

    /// Ends the section before and begins the next of `names`.
    ///
    /// With `carriesOwnChecksums` the container keeps no checksum of it: the kind of file must cover every byte.
    public func begin(_ name: String, carriesOwnChecksums: Bool = false) throws(BelfryError) {
        precondition(done.count + (open == nil ? 0 : 1) < names.count, "no section left to begin")
        endSection()
        precondition(names[done.count] == name, "sections in the declared order")
        try file.align(to: SegmentFile.alignment)
        open = (file.count, CRC32C(), carriesOwnChecksums)
    }

    /// Appends bytes to the section that was begun.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(BelfryError) {
        precondition(open != nil, "begin a section first")
        if open?.carriesOwnChecksums == false { open?.crc.add(bytes) }
        try file.write(bytes)
    }

    /// Appends a little-endian integer to the section that was begun.
    public func write<T: FixedWidthInteger>(_ value: T) throws(BelfryError) {
        try withUnsafeBytes(of: value.littleEndian) { bytes throws(BelfryError) in try write(bytes) }
    }

    /// Ends the last section, makes the bytes survive a power cut, and only then writes and syncs the header.
    public func finish() throws(BelfryError) {
        endSection()
        precondition(done.count == names.count, "every declared section was written")
        var table: [UInt8] = SegmentFile.magic
        table += Self.padded(kind.rawValue)
        table.append(littleEndian: UInt32(version))
        table.append(littleEndian: UInt32(done.count))
        table.append(littleEndian: UInt64(file.count))
        table += [UInt8](repeating: 0, count: SegmentFile.headerSize - table.count)
        for section in done {
            table += Self.padded(section.name)
            table.append(littleEndian: UInt64(section.range.lowerBound))
            table.append(littleEndian: UInt64(section.range.count))
            table.append(littleEndian: section.crc)
            table.append(littleEndian: UInt32(section.carriesOwnChecksums ? 1 : 0))
        }
        let crc = table.withUnsafeBytes { SegmentFile.tableChecksum($0) }
        table.replace(at: 32, littleEndian: crc)
        // A header on disk before its sections would vouch for bytes that a power cut can still lose.
        try file.finish()
        try table.withBytes { bytes throws(BelfryError) in try file.overwrite(bytes, at: 0) }
        try file.finish()
    }

    private func endSection() {
        guard let section = open else { return }
        done.append(
            SegmentFile.Section(
                name: names[done.count], range: section.start..<file.count, crc: section.crc.value,
                carriesOwnChecksums: section.carriesOwnChecksums))
        open = nil
    }

    private static func padded(_ name: String) -> [UInt8] {
        let letters = Array(name.utf8)
        precondition(!letters.isEmpty && letters.count <= 8 && letters.allSatisfy { $0 > 32 && $0 < 127 })
        return letters + [UInt8](repeating: 0, count: 8 - letters.count)
    }
}
