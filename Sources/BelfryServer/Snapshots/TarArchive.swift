import Belfry
import Files
import Foundation

/// Tape archives of regular files (POSIX ustar): what a snapshot is when it travels.
///
/// Written are paths of at most 255 bytes and sizes up to 8 GiB in octal, larger ones in base 256 as GNU's tar does. Read
/// are regular files and folders alone: a link, a device or a path that leads elsewhere is an error, and so is more data
/// than the archive has.
enum TarArchive {
    /// A file that goes into an archive.
    struct Entry {
        /// Its path in the archive.
        let name: String
        /// Where it lies.
        let path: String
    }

    private static let block = 512

    // MARK: writing

    /// The regular files below a folder, by their paths from there on.
    static func entries(below folder: String, as prefix: String) throws(BelfryError) -> [Entry] {
        var entries: [Entry] = []
        for name in try System.list(folder) {
            let path = "\(folder)/\(name)"
            if System.isDirectory(path) {
                entries += try self.entries(below: path, as: "\(prefix)/\(name)")
            } else {
                entries.append(Entry(name: "\(prefix)/\(name)", path: path))
            }
        }
        return entries
    }

    /// - Parameter progress: hears how many of how many entries are written; what it throws ends it.
    static func write(
        _ entries: [Entry], to path: String,
        progress: CollectionCopy.Progress = { (_, _) throws(BelfryError) in }
    ) throws(BelfryError) {
        let writer = try FileWriter(path, isNew: true)
        for (place, entry) in entries.enumerated() {
            try progress(place, entries.count)
            let file = try MappedFile(entry.path, access: .sequential)
            defer { withExtendedLifetime(file) {} }
            try header(entry.name, size: file.bytes.count).withBytes { bytes throws(BelfryError) in
                try writer.write(bytes)
            }
            try writer.write(file.bytes)
            try writer.align(to: block)
        }
        try [UInt8](repeating: 0, count: 2 * block).withBytes { bytes throws(BelfryError) in try writer.write(bytes) }
        try writer.finish()
    }

    private static func header(_ name: String, size: Int) throws(BelfryError) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: block)
        func put(_ text: some Sequence<UInt8>, at start: Int) {
            for (place, byte) in text.enumerated() { header[start + place] = byte }
        }
        func octal(_ value: Int, digits: Int) -> [UInt8] {
            let text = String(value, radix: 8)
            return Array((String(repeating: "0", count: max(0, digits - text.count)) + text).utf8)
        }
        var (path, prefix) = (Array(name.utf8), [UInt8]())
        if path.count > 100 {
            let cut = path.indices.first { path[$0] == UInt8(ascii: "/") && path.count - $0 - 1 <= 100 && $0 <= 155 }
            guard let cut else {
                throw BelfryError(.unsupported, "The path \(name) is too long for an archive.")
            }
            (prefix, path) = (Array(path[..<cut]), Array(path[(cut + 1)...]))
        }
        put(path, at: 0)
        put(octal(0o644, digits: 7), at: 100)
        put(octal(0, digits: 7), at: 108)
        put(octal(0, digits: 7), at: 116)
        if size < 1 << 33 {
            put(octal(size, digits: 11), at: 124)
        } else {
            header[124] = 0x80
            for place in 0..<8 { header[128 + place] = UInt8(truncatingIfNeeded: size >> (8 * (7 - place))) }
        }
        put(octal(0, digits: 11), at: 136)
        put(repeatElement(UInt8(ascii: " "), count: 8), at: 148)
        header[156] = UInt8(ascii: "0")
        put("ustar\u{0}00".utf8, at: 257)
        put(prefix, at: 345)
        let sum = header.reduce(0) { $0 + Int($1) }
        put(octal(sum, digits: 6) + [0, UInt8(ascii: " ")], at: 148)
        return header
    }

    // MARK: reading

    /// Takes an archive apart into a folder that is made for it.
    static func extract(_ archive: String, to folder: String) throws(BelfryError) {
        let file = try MappedFile(archive, access: .sequential)
        defer { withExtendedLifetime(file) {} }
        let bytes = file.bytes
        var offset = 0
        var names: Set<String> = []
        try System.createDirectory(folder)
        while offset + block <= bytes.count {
            let header = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + block])
            guard header.contains(where: { $0 != 0 }) else { break }
            let mistake = { (what: String) in BelfryError(.invalidInput, what, at: .byte(offset, of: archive)) }
            guard let size = number(header[124..<136]), size >= 0, size <= bytes.count - offset - block else {
                throw mistake("The archive is cut short, or none.")
            }
            let sum = header.indices.reduce(0) { $0 + (148..<156 ~= $1 ? 32 : Int(header[$1])) }
            guard number(header[148..<156]) == sum else { throw mistake("A header of the archive is damaged.") }
            let (prefix, path) = (text(header[345..<500]), text(header[0..<100]))
            guard let prefix, let path else { throw mistake("A path in the archive is no UTF-8.") }
            let name = prefix.isEmpty ? path : "\(prefix)/\(path)"
            offset += block
            switch header[156] {
            case UInt8(ascii: "5"): break
            case UInt8(ascii: "0"), 0:
                let parts = name.split(separator: "/", omittingEmptySubsequences: false)
                guard parts.allSatisfy({ !["", ".", ".."].contains($0) }), names.insert(name).inserted else {
                    throw mistake(
                        "The path \(name.debugDescription) of the archive leads elsewhere, or is there twice.")
                }
                let target = "\(folder)/\(name)"
                try System.createDirectory(System.parent(of: target))
                let writer = try FileWriter(target, isNew: true)
                try writer.write(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + size]))
                try writer.finish()
            default:
                throw mistake("The archive has a link, or something else that is no file: \(name.debugDescription).")
            }
            offset += (size + block - 1) / block * block
        }
        guard !names.isEmpty else {
            throw BelfryError(.invalidInput, "The file is no archive of a snapshot.", at: .init(file: archive))
        }
    }

    private static func number(_ field: Slice<UnsafeRawBufferPointer>) -> Int? {
        if field.first == 0x80 {
            // What is beyond 63 bits is none.
            guard field.dropLast(8).dropFirst().allSatisfy({ $0 == 0 }) else { return nil }
            let value = field.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return Int(exactly: value)
        }
        let digits = field.drop { $0 == 32 }.prefix { $0 != 0 && $0 != 32 }
        return digits.isEmpty ? 0 : Int(String(decoding: digits, as: UTF8.self), radix: 8)
    }

    private static func text(_ field: Slice<UnsafeRawBufferPointer>) -> String? {
        String(validating: Array(field.prefix { $0 != 0 }), as: UTF8.self)
    }
}
