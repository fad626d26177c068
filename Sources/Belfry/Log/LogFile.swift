import Files
import Foundation

/// One file of the write log: `log/000012`. This is its header; what follows are records (``LogRecord``).
///
/// | bytes | what |
/// |---|---|
/// | 0..<8 | `BELFRYLG` |
/// | 8..<12 | u32 format version |
/// | 12..<16 | u32 CRC-32C of the header, these four bytes taken as zero |
/// | 16..<24 | u64 number of the file, as its name says |
/// | 24..<32 | u64 LSN of the first record |
/// | 32..<48 | the file's identity: random, and part of each record's checksum |
/// | 48..<64 | zero |
/// | 64… | records, each on an 8-byte boundary |
/// | … | zeros: room that was made in advance. The first record that is not there is the end |
///
/// All integers are little-endian. The header keeps its shape in every later version.
///
/// An LSN (log sequence number) is the number of a batch: they begin with 1 and follow one another without a gap, from
/// record to record and from file to file. The identity keeps a record of another file, of which a disk block or a copy
/// may hold the bytes, from being taken for one of this.
///
/// A file is created with its header, and both it and its folder are synced before it holds any record, after all
/// records of the file before it were synced. So a last file without a whole header and with nothing behind it is a
/// **torn creation**: no record was ever in it. In all other places a bad header is damage.
struct LogFile: Equatable, Sendable {
    let path: String
    let number: Int
    let firstLSN: UInt64
    /// 16 bytes.
    let identity: [UInt8]

    static let magic = Array("BELFRYLG".utf8)
    static let version: UInt32 = 1
    static let headerSize = 64
    /// How many bytes a record's body may have: what one batch may hold.
    static let recordLimit = 32 << 20
    static let numberLimit = 999_999
    /// So that counting on from a first LSN never overflows.
    static let lsnLimit: UInt64 = 1 << 62

    /// `000012`.
    static func name(_ number: Int) -> String { NumberedName.name(number) }

    /// The number of a file by its name; nil for a name that the log does not make.
    static func number(of name: String) -> Int? {
        NumberedName.number(of: name).flatMap { $0 <= numberLimit ? $0 : nil }
    }

    /// The numbers of the files in a folder, in order; none where it is not there.
    static func numbers(in folder: String) throws(BelfryError) -> [Int] {
        guard !System.isMissing(folder) else { return [] }
        let directory = try Directory(folder)
        return try directory.names().compactMap(number(of:)).filter { directory.kind(of: name($0)) == .file }.sorted()
    }

    /// What a new file is to be.
    /// - Throws: `unsupported` where numbers have run out.
    init(new number: Int, in folder: String, firstLSN: UInt64) throws(BelfryError) {
        guard number <= Self.numberLimit, firstLSN <= Self.lsnLimit else {
            throw BelfryError(
                .unsupported,
                "The log has had \(Self.numberLimit) files, or \(Self.lsnLimit) writes: it can hold no more.",
                at: .init(file: folder), remedy: "Write the points to a new collection.")
        }
        path = "\(folder)/\(Self.name(number))"
        self.number = number
        self.firstLSN = firstLSN
        var random = SystemRandomNumberGenerator()
        identity = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    /// The header's 64 bytes.
    var header: [UInt8] {
        var bytes = Self.magic
        bytes.append(littleEndian: Self.version)
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: UInt64(number))
        bytes.append(littleEndian: firstLSN)
        bytes += identity + [UInt8](repeating: 0, count: 16)
        let crc = bytes.withBytes { Self.checksum($0) }
        bytes.replace(at: 12, littleEndian: crc)
        return bytes
    }

    private static func checksum(_ header: UnsafeRawBufferPointer) -> UInt32 {
        var crc = CRC32C()
        crc.add(UnsafeRawBufferPointer(rebasing: header[..<12]))
        withUnsafeBytes(of: UInt32(0)) { crc.add($0) }
        crc.add(UnsafeRawBufferPointer(rebasing: header[16..<headerSize]))
        return crc.value
    }
}

extension LogFile {
    /// Reads the header of a file of this name; nil if it has none and nothing else either.
    /// - Throws: `corruptData`, `unsupported` for a newer version.
    init?(_ bytes: LogBytes, number: Int) throws(BelfryError) {
        let path = bytes.path
        let header = try bytes.withBytes(at: 0, Self.headerSize) { Array($0) }
        let start = header.prefix(8)
        // What is still missing of a header is zero.
        guard zip(start, Self.magic).allSatisfy({ $0 == $1 || $0 == 0 }) else {
            throw .corrupt("This is not a file of the log: it does not begin with BELFRYLG.", at: .byte(0, of: path))
        }
        let fields: (version: UInt32, number: UInt64, lsn: UInt64)? = try header.withBytes {
            bytes throws(BelfryError) in
            guard bytes.count == Self.headerSize else { return nil }
            var reader = ByteReader(bytes, file: path)
            try reader.seek(to: 8, "The version")
            let version = try reader.read(UInt32.self, "The version")
            guard try reader.read(UInt32.self, "The checksum") == Self.checksum(bytes) else { return nil }
            return (version, try reader.read(UInt64.self, "The number"), try reader.read(UInt64.self, "The first LSN"))
        }
        guard let fields else {
            guard try bytes.firstWord(from: Self.headerSize) == nil else {
                throw .corrupt("The header does not match its checksum, and records follow it.", at: .byte(0, of: path))
            }
            return nil
        }
        guard start.elementsEqual(Self.magic) else {
            throw .corrupt("This is not a file of the log: it does not begin with BELFRYLG.", at: .byte(0, of: path))
        }
        guard fields.version >= 1 else { throw .corrupt("Format version 0 does not exist.", at: .byte(8, of: path)) }
        guard fields.version <= Self.version else {
            throw BelfryError(
                .unsupported, "The log has format \(fields.version); this belfry reads formats up to \(Self.version).",
                at: .byte(8, of: path), remedy: "Open the collection with the belfry that wrote it, or a newer one.")
        }
        guard fields.number == UInt64(number) else {
            throw .corrupt(
                "The file was written as number \(fields.number): it was renamed or copied.", at: .byte(16, of: path))
        }
        guard fields.lsn >= 1, fields.lsn <= Self.lsnLimit else {
            throw .corrupt("\(fields.lsn) is not an LSN.", at: .byte(24, of: path))
        }
        if let place = header[48...].firstIndex(where: { $0 != 0 }) {
            throw .corrupt("A reserved byte of the header is not zero.", at: .byte(place, of: path))
        }
        (self.path, self.number, firstLSN, identity) = (path, number, fields.lsn, Array(header[32..<48]))
    }
}
