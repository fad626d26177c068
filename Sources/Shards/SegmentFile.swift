public import Files
import Foundation

/// An immutable file of a segment, mapped: named sections, each on a 64-byte boundary, every byte under a checksum.
///
/// | bytes | what |
/// |---|---|
/// | 0..<8 | `BELFRYSF` |
/// | 8..<16 | the kind of file, ASCII, zero-padded: `vectors`, `ids`, … |
/// | 16..<20 | u32 format version of that kind |
/// | 20..<24 | u32 number of sections, n (at most 64) |
/// | 24..<32 | u64 length of the file |
/// | 32..<36 | u32 CRC-32C of header and section table, these four bytes taken as zero |
/// | 36..<64 | zero |
/// | 64..<64+32n | the section table |
/// | … | the sections in the table's order, each at the first multiple of 64 after the one before; zeros between |
///
/// One entry of the section table:
///
/// | bytes | what |
/// |---|---|
/// | 0..<8 | the section's name, ASCII, zero-padded |
/// | 8..<16 | u64 offset in the file |
/// | 16..<24 | u64 length |
/// | 24..<28 | u32 CRC-32C of the section, 0 if it carries its own |
/// | 28..<32 | u32 1 if the section carries its own checksums (the blocks of a shard), else 0 |
///
/// All integers are little-endian. The file ends where its last section ends. Header and table keep their shape in
/// every later version, so that any Belfry can tell damage from a file that is newer than itself.
/// While a file is being written its header is zero: an interrupted write cannot be taken for a finished one.
///
/// Opening reads the header and the table alone. ``problems()`` reads every byte.
public final class SegmentFile: Sendable {
    /// What a file holds: at most eight ASCII characters.
    public struct Kind: Hashable, Sendable, RawRepresentable, CustomStringConvertible {
        /// The name in the header.
        public let rawValue: String

        /// A kind of file by its name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The full-precision vectors: see ``ShardReader``.
        public static let vectors = Kind(rawValue: "vectors")
        /// The point ids: see ``IDsReader``.
        public static let ids = Kind(rawValue: "ids")
        /// The points' slots: see ``SlotsReader``.
        public static let slots = Kind(rawValue: "slots")
        /// Which vectors are a point's, where each has several: see ``BoundsReader``.
        public static let bounds = Kind(rawValue: "bounds")
        /// The sparse vectors: see ``SparseReader``.
        public static let sparse = Kind(rawValue: "sparse")

        /// The name.
        public var description: String { rawValue }
    }

    /// One entry of the section table.
    struct Section: Sendable {
        let name: String
        let range: Range<Int>
        let crc: UInt32
        let carriesOwnChecksums: Bool
    }

    static let magic = Array("BELFRYSF".utf8)
    static let headerSize = 64
    static let entrySize = 32
    static let alignment = 64
    static let sectionLimit = 64

    /// Where the file was when it was opened.
    public let path: String
    /// What it holds.
    public let kind: Kind
    /// The version of that kind of file.
    public let version: Int
    let file: MappedFile
    let sections: [Section]
    /// The checksum of header and section table. Since the table has the checksums of all sections (and the blocks of a
    /// shard have theirs in a section), files of different content have different ones: see ``identity(of:)``.
    public let identity: UInt32

    /// Maps the file and verifies its header and section table, not the sections.
    /// - Parameters:
    ///   - kind: the kind that it must have; nil takes any.
    ///   - newest: the newest version of that kind that the caller can read.
    /// - Throws: `notFound`, `corruptData` with the byte offset, or `unsupported` for a newer version.
    public init(_ path: String, kind wanted: Kind? = nil, newest: Int = .max) throws(BelfryError) {
        self.path = path
        file = try MappedFile(path)
        var reader = file.reader
        (kind, version, sections) = try Self.parse(&reader, length: file.bytes.count, path)
        identity = try Self.verifyTable(file.bytes, sections: sections.count, path)
        if let wanted, kind != wanted {
            throw .corrupt(
                "This is a file of kind “\(kind)”, where one of kind “\(wanted)” is needed.", at: .byte(8, of: path))
        }
        guard version >= 1 else { throw .corrupt("Format version 0 does not exist.", at: .byte(16, of: path)) }
        guard version <= newest else {
            throw BelfryError(
                .unsupported, "The file has format \(version); this Belfry reads formats up to \(newest).",
                at: .byte(16, of: path), remedy: "Use the Belfry that wrote it, or a newer one; or rebuild the segment."
            )
        }
    }

    /// The bytes of a section, not verified. Valid while this object is alive.
    public func bytes(of section: String) throws(BelfryError) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: file.bytes[try range(of: section)])
    }

    /// Where in the file a section lies.
    public func range(of section: String) throws(BelfryError) -> Range<Int> {
        guard let found = sections.first(where: { $0.name == section }) else {
            throw .corrupt("The section “\(section)” is missing.", at: .byte(Self.headerSize, of: path))
        }
        return found.range
    }

    /// The table's entry for a section whose bytes are, or are not, under the container's own checksum.
    func entry(_ name: String, carriesOwnChecksums: Bool = false) throws(BelfryError) -> Section {
        let range = try range(of: name)
        guard let found = sections.first(where: { $0.name == name && $0.carriesOwnChecksums == carriesOwnChecksums })
        else {
            throw .corrupt(
                "The section “\(name)” has the wrong kind of checksum.", at: .byte(range.lowerBound, of: path))
        }
        return found
    }

    /// The bytes of a section, after its checksum was verified: for small sections that are read at open.
    public func verifiedBytes(of section: String) throws(BelfryError) -> UnsafeRawBufferPointer {
        if let problem = problem(of: try entry(section)) { throw problem }
        return try bytes(of: section)
    }
}

// MARK: the header and the table

extension SegmentFile {
    private static func parse(
        _ reader: inout ByteReader, length: Int, _ path: String
    ) throws(BelfryError) -> (Kind, Int, [Section]) {
        let start = try reader.read(bytes: magic.count, "The header")
        guard start.elementsEqual(magic) else {
            if start.allSatisfy({ $0 == 0 }) {
                throw BelfryError(
                    .corruptData, "The file was never finished: whatever wrote it was interrupted.",
                    at: .init(file: path), remedy: "Delete it and write it again.")
            }
            throw .corrupt("This is not a segment file: it does not begin with BELFRYSF.", at: .byte(0, of: path))
        }
        var fields = ByteReader(
            try reader.read(bytes: headerSize - magic.count, "The header"), file: path, base: magic.count)
        let kind = Kind(rawValue: try name(&fields, "The kind of file"))
        let version = Int(try fields.read(UInt32.self, "The version"))
        let count = Int(try fields.read(UInt32.self, "The number of sections"))
        let declared = try fields.readCount(UInt64.self, "The length of the file")
        guard declared == length else {
            throw BelfryError(
                .corruptData, "The file has \(length) bytes, but its header says \(declared).",
                at: .byte(24, of: path), remedy: length < declared ? "It was cut short: restore it." : nil)
        }
        guard count <= sectionLimit else {
            throw .corrupt("\(count) sections are declared; \(sectionLimit) is the limit.", at: .byte(20, of: path))
        }
        var sections: [Section] = []
        var end = headerSize + count * entrySize
        for index in 0..<count {
            let place = reader.location
            let name = try name(&reader, "The name of section \(index)")
            let start = try reader.readCount(UInt64.self, "The offset of section “\(name)”")
            let size = try reader.readCount(UInt64.self, "The length of section “\(name)”")
            let crc = try reader.read(UInt32.self, "The checksum of section “\(name)”")
            let flags = try reader.read(UInt32.self, "The flags of section “\(name)”")
            guard start == aligned(end), start <= length, size <= length - start else {
                throw .corrupt(
                    "Section “\(name)” is declared at byte \(start) with \(size) bytes; it must begin at byte "
                        + "\(aligned(end)) and end inside the file's \(length) bytes.", at: place)
            }
            guard flags <= 1 else { throw .corrupt("Section “\(name)” has unknown flags \(flags).", at: place) }
            end = start + size
            sections.append(Section(name: name, range: start..<end, crc: crc, carriesOwnChecksums: flags == 1))
        }
        guard end == length else {
            throw .corrupt("\(length - end) bytes follow the last section.", at: .byte(end, of: path))
        }
        return (kind, version, sections)
    }

    private static func verifyTable(
        _ file: UnsafeRawBufferPointer, sections: Int, _ path: String
    ) throws(BelfryError) -> UInt32 {
        let end = headerSize + sections * entrySize
        let stored = UInt32(littleEndian: file.loadUnaligned(fromByteOffset: 32, as: UInt32.self))
        guard tableChecksum(UnsafeRawBufferPointer(rebasing: file[..<end])) == stored else {
            throw .corrupt("Header and section table do not match their checksum.", at: .byte(0, of: path))
        }
        if let place = file[36..<headerSize].firstIndex(where: { $0 != 0 }) {
            throw .corrupt("A reserved byte of the header is not zero.", at: .byte(place, of: path))
        }
        return stored
    }

    /// The checksum of header and table, its own four bytes taken as zero.
    static func tableChecksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var crc = CRC32C()
        crc.add(UnsafeRawBufferPointer(rebasing: bytes[..<32]))
        withUnsafeBytes(of: UInt32(0)) { crc.add($0) }
        crc.add(UnsafeRawBufferPointer(rebasing: bytes[36...]))
        return crc.value
    }

    private static func name(_ reader: inout ByteReader, _ what: String) throws(BelfryError) -> String {
        let place = reader.location
        let bytes = try reader.read(bytes: 8, what)
        let letters = bytes.prefix { $0 != 0 }
        guard !letters.isEmpty, letters.allSatisfy({ $0 > 32 && $0 < 127 }),
            bytes[letters.endIndex...].allSatisfy({ $0 == 0 })
        else { throw .corrupt("\(what) is not a name.", at: place) }
        return String(decoding: letters, as: UTF8.self)
    }

    /// The first section boundary at or after `offset`.
    static func aligned(_ offset: Int) -> Int { (offset + alignment - 1) / alignment * alignment }
}
