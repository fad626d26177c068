import Files
import Foundation

/// `catalog.seal`: the checksum of the whole database file, as it was when its writer closed it.
///
/// The checksums of rows see every change of what SQLite returns; this also sees a flipped byte in a page's free space.
/// One line of text: `belfry-seal 1`, the database's change counter, its length, its CRC-32C, and the CRC-32C of the
/// line so far. A database that was written to since has another counter, and its seal says nothing about it.
struct CatalogueSeal: Equatable {
    var counter: UInt32
    var length: Int
    var checksum: UInt32

    static func path(of database: String) -> String { System.parent(of: database) + "/catalog.seal" }

    /// Seals the database at `path`, which no connection has open.
    static func write(_ path: String) throws(BelfryError) {
        let text = try CatalogueSeal(of: path).text
        try System.write(Data(text.utf8), to: Self.path(of: path))
    }

    /// What the seal shows to be wrong: with itself, or with the database beside it. Every writer leaves one: without it
    /// nobody knows what the free space of the database held.
    static func check(_ path: String) -> [BelfryError] {
        let place = Self.path(of: path)
        if System.isMissing(place) {
            return [.corrupt("The catalogue's seal is missing: it was removed, or not copied.", at: .init(file: place))]
        }
        do throws(BelfryError) {
            let text = try String(decoding: System.read(place, limit: 1_024), as: UTF8.self)
            guard let sealed = CatalogueSeal(text) else {
                return [.corrupt("The seal is not what was written.", at: .init(file: place))]
            }
            let found = try CatalogueSeal(of: path)
            guard found.counter != sealed.counter || found == sealed else {
                return [.corrupt("The file is not what was sealed: its checksum differs.", at: .init(file: path))]
            }
            return []
        } catch {
            return [error]
        }
    }

    /// The seal for the database as it is. (The places of the two counters: SQLite's file format, section 1.3.)
    private init(of path: String) throws(BelfryError) {
        let file = try MappedFile(path, access: .sequential)
        defer { withExtendedLifetime(file) {} }
        guard file.bytes.count >= 100 else { throw .corrupt("The database has no header.", at: .init(file: path)) }
        let counter = file.bytes.loadUnaligned(fromByteOffset: 24, as: UInt32.self).bigEndian
        guard counter == file.bytes.loadUnaligned(fromByteOffset: 92, as: UInt32.self).bigEndian else {
            throw .corrupt("The header's two change counters differ.", at: .byte(24, of: path))
        }
        self.counter = counter
        length = file.bytes.count
        checksum = CRC32C.of(file.bytes)
    }

    private init?(_ text: String) {
        let fields = text.split(separator: " ", omittingEmptySubsequences: false)
        guard fields.count == 6, let counter = UInt32(fields[2]), let length = Int(fields[3]),
            let checksum = UInt32(fields[4])
        else { return nil }
        (self.counter, self.length, self.checksum) = (counter, length, checksum)
        guard self.text == text else { return nil }
    }

    private var text: String {
        let line = "belfry-seal 1 \(counter) \(length) \(checksum) "
        return line + "\(Array(line.utf8).withBytes { CRC32C.of($0) })\n"
    }
}
