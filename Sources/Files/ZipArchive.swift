/// A zip archive, read through a mapping: stored and deflated members, zip64 included.
///
/// 1. The end record is found from the end of the file; it says where the central directory is.
/// 2. Every entry of the directory is read, bounded by the directory's own extent.
/// 3. Every member's extent is worked out from its local header; members may not overlap each other or the directory
///    (an archive whose members share bytes can be a bomb).
/// 4. A member's bytes are checked against the declared size and CRC-32 when it is read.
///
/// What it does not do: encryption, other compression methods, archives in several volumes or behind a prefix.
/// A member's name is only a key here: nothing is ever written under it.
///
/// Format: PKWARE APPNOTE 6.3.10.
struct ZipArchive: Sendable {
    /// One member.
    struct Member: Sendable {
        let name: String
        /// 0 is stored, 8 deflated.
        let method: UInt16
        let checksum: UInt32
        let compressedSize: Int
        let size: Int
        /// Where its local header is in the file.
        let header: Int
        /// Where its bytes are in the file.
        var data = 0
    }

    /// A member's content: in the mapping, or inflated.
    enum Content: Sendable {
        case mapped(MappedFile, Range<Int>)
        case owned(OwnedBytes)
    }

    let file: MappedFile
    /// The members, in the order of the directory.
    let members: [Member]

    /// Reads the directory of the archive at `path`.
    init(_ path: String) throws(BelfryError) {
        let file = try MappedFile(path)
        self.file = file
        let directory = try Self.findDirectory(file)
        members = try Self.locate(try Self.readDirectory(file, directory), before: directory.extent.lowerBound, file)
    }

    // MARK: the end record

    private struct Directory {
        var extent: Range<Int>
        var count: Int
    }

    private static func findDirectory(_ file: MappedFile) throws(BelfryError) -> Directory {
        let bytes = file.bytes
        let size = 22
        guard bytes.count >= size else { throw notAnArchive(file) }
        // The record ends the file, with a comment of at most 65,535 bytes behind it.
        var end = bytes.count - size
        let first = max(0, end - 65_535)
        while !(bytes.loadUnaligned(fromByteOffset: end, as: UInt32.self).littleEndian == 0x0605_4b50
            && Int(bytes.loadUnaligned(fromByteOffset: end + 20, as: UInt16.self).littleEndian)
                == bytes.count - end - size)
        {
            guard end > first else { throw notAnArchive(file) }
            end -= 1
        }
        var reader = file.reader
        try reader.seek(to: end + 4, "the end record")
        let disk = try reader.read(UInt16.self, "the volume number")
        let startDisk = try reader.read(UInt16.self, "the directory's volume")
        _ = try reader.read(UInt16.self, "the count in this volume")
        var count = Int(try reader.read(UInt16.self, "the member count"))
        var length = Int(try reader.read(UInt32.self, "the directory's size"))
        var start = Int(try reader.read(UInt32.self, "the directory's offset"))
        var limit = end
        if end >= 20, bytes.loadUnaligned(fromByteOffset: end - 20, as: UInt32.self).littleEndian == 0x0706_4b50 {
            try reader.seek(to: end - 16, "the zip64 locator")
            _ = try reader.read(UInt32.self, "the zip64 volume")
            limit = try reader.readCount(UInt64.self, "the offset of the zip64 end record")
            try reader.seek(to: limit, "the zip64 end record")
            guard try reader.read(UInt32.self, "the zip64 end record") == 0x0606_4b50, limit < end else {
                throw .corrupt("There is no zip64 end record where its locator says.", at: .byte(limit, of: file.path))
            }
            _ = try reader.read(bytes: 28, "the zip64 end record")
            count = try reader.readCount(UInt64.self, "the member count")
            length = try reader.readCount(UInt64.self, "the directory's size")
            start = try reader.readCount(UInt64.self, "the directory's offset")
        } else if disk != 0 || startDisk != 0 {
            throw BelfryError(.unsupported, "This is one volume of several.", at: .byte(end, of: file.path))
        }
        let (stop, overflow) = start.addingReportingOverflow(length)
        // The shortest entry has 46 bytes: a count that the directory cannot hold is refused before any allocation.
        guard !overflow, stop <= limit, count <= length / 46 else {
            throw .corrupt(
                "The end record promises \(count) members in \(length) bytes at byte \(start), before byte \(limit).",
                at: .byte(end, of: file.path))
        }
        return Directory(extent: start..<stop, count: count)
    }

    private static func notAnArchive(_ file: MappedFile) -> BelfryError {
        BelfryError(
            .corruptData, "This is not a zip archive, or its end is missing.", at: .init(file: file.path),
            remedy: "If it was downloaded or copied, compare its size with the original.")
    }

    // MARK: the directory

    private static func readDirectory(_ file: MappedFile, _ directory: Directory) throws(BelfryError) -> [Member] {
        let extent = directory.extent
        var reader = ByteReader(
            UnsafeRawBufferPointer(rebasing: file.bytes[extent]), file: file.path, base: extent.lowerBound)
        var members: [Member] = []
        var names: Set<UTF8Key> = []
        for index in 0..<directory.count {
            let member = try readEntry(&reader, index: index)
            guard names.insert(UTF8Key(member.name)).inserted else {
                throw .corrupt("Member '\(member.name)' is listed twice.", at: reader.location)
            }
            members.append(member)
        }
        return members
    }

    private static func readEntry(_ reader: inout ByteReader, index: Int) throws(BelfryError) -> Member {
        let place = reader.location
        guard try reader.read(UInt32.self, "directory entry \(index)") == 0x0201_4b50 else {
            throw .corrupt("Directory entry \(index) does not begin as one.", at: place)
        }
        _ = try reader.read(bytes: 4, "the versions")
        let flags = try reader.read(UInt16.self, "the flags")
        let method = try reader.read(UInt16.self, "the compression method")
        _ = try reader.read(bytes: 4, "the time")
        let checksum = try reader.read(UInt32.self, "the checksum")
        let compressed = try reader.read(UInt32.self, "the compressed size")
        let size = try reader.read(UInt32.self, "the size")
        let nameLength = Int(try reader.read(UInt16.self, "the name's length"))
        let extraLength = Int(try reader.read(UInt16.self, "the extra field's length"))
        let commentLength = Int(try reader.read(UInt16.self, "the comment's length"))
        _ = try reader.read(bytes: 8, "the attributes")
        let header = try reader.read(UInt32.self, "the offset")
        let name = String(decoding: try reader.read(bytes: nameLength, "a member's name"), as: UTF8.self)
        let extra = try reader.read(bytes: extraLength, "the extra field of member '\(name)'")
        _ = try reader.read(bytes: commentLength, "the comment of member '\(name)'")
        let wide = try wideFields(
            [size, compressed, header], ByteReader(extra, file: place.file, base: 0), member: name, at: place)
        guard flags & 1 == 0 else {
            throw BelfryError(.unsupported, "Member '\(name)' is encrypted.", at: place)
        }
        guard method == 0 || method == 8 else {
            throw BelfryError(
                .unsupported, "Member '\(name)' is compressed by method \(method); stored and deflated are read.",
                at: place, remedy: "Write the archive with np.savez or np.savez_compressed.")
        }
        guard method == 8 || wide[0] == wide[1] else {
            throw .corrupt(
                "Member '\(name)' is stored, but \(wide[0]) bytes are to be \(wide[1]) bytes.", at: place)
        }
        return Member(
            name: name, method: method, checksum: checksum, compressedSize: wide[1], size: wide[0], header: wide[2])
    }

    /// The fields, with those that are all ones taken from the zip64 part of the extra field, in its fixed order.
    private static func wideFields(
        _ fields: [UInt32], _ extra: ByteReader, member: String, at place: BelfryError.Location
    ) throws(BelfryError) -> [Int] {
        guard fields.contains(.max) else { return fields.map { Int($0) } }
        var extra = extra
        while extra.remaining >= 4 {
            let id = try extra.read(UInt16.self, "an extra field")
            let length = Int(try extra.read(UInt16.self, "an extra field's length"))
            guard length <= extra.remaining else { break }
            var part = ByteReader(try extra.read(bytes: length, "an extra field"), file: place.file)
            guard id == 1 else { continue }
            var wide: [Int] = []
            for field in fields {
                let bytes = field == .max ? 8 : 0
                guard bytes <= part.remaining else { break }
                wide.append(bytes == 0 ? Int(field) : try part.readCount(UInt64.self, "a zip64 size"))
            }
            if wide.count == fields.count { return wide }
        }
        throw .corrupt("Member '\(member)' needs zip64 sizes, but its extra field holds none.", at: place)
    }

    // MARK: the members

    private static func locate(
        _ members: [Member], before limit: Int, _ file: MappedFile
    ) throws(BelfryError) -> [Member] {
        var located = members
        var reader = file.reader
        for index in located.indices {
            let member = located[index]
            let place = BelfryError.Location(file: file.path, place: "member '\(member.name)', byte \(member.header)")
            guard member.header >= 0, member.header <= limit - 30 else {
                throw .corrupt("The local header would lie outside the members' part of the file.", at: place)
            }
            try reader.seek(to: member.header, "a local header")
            guard try reader.read(UInt32.self, "a local header") == 0x0403_4b50 else {
                throw .corrupt("There is no local header.", at: place)
            }
            try reader.seek(to: member.header + 26, "a local header")
            let nameLength = Int(try reader.read(UInt16.self, "the name's length"))
            let extraLength = Int(try reader.read(UInt16.self, "the extra field's length"))
            let data = member.header + 30 + nameLength + extraLength
            guard data <= limit, member.compressedSize <= limit - data else {
                throw .corrupt(
                    "Its \(member.compressedSize) bytes would run into the directory at byte \(limit).", at: place)
            }
            located[index].data = data
        }
        let order = located.indices.sorted { located[$0].header < located[$1].header }
        for (earlier, later) in zip(order, order.dropFirst()) {
            let (first, second) = (located[earlier], located[later])
            guard first.data + first.compressedSize <= second.header else {
                throw .corrupt(
                    "Members '\(first.name)' and '\(second.name)' overlap.", at: .byte(second.header, of: file.path))
            }
        }
        return located
    }

    /// The content of `member`, verified against its size and checksum.
    /// - Parameter limit: the largest size that is inflated, in bytes. A stored member is mapped, and has no limit.
    func content(of member: Member, limit: Int) throws(BelfryError) -> Content {
        let place = BelfryError.Location(file: file.path, place: "member '\(member.name)', byte \(member.data)")
        let range = member.data..<member.data + member.compressedSize
        let stored = UnsafeRawBufferPointer(rebasing: file.bytes[range])
        if member.method == 0 {
            try verify(stored, of: member, at: place)
            return .mapped(file, range)
        }
        // Deflate cannot make more than 1,032 bytes of one: a larger size is a lie, told to make us allocate it.
        guard member.size / 1032 <= member.compressedSize else {
            throw .corrupt(
                "It would inflate \(member.compressedSize) bytes to \(member.size), more than deflate can.", at: place)
        }
        guard member.size <= limit else {
            throw BelfryError(
                .unsupported, "It would inflate to \(member.size) bytes; at most \(limit) are inflated.", at: place,
                remedy: "Save the array uncompressed (np.save or np.savez): then it is mapped, whatever its size.")
        }
        let owned = try inflate(stored, of: member, at: place)
        try verify(UnsafeRawBufferPointer(owned.bytes), of: member, at: place)
        return .owned(owned)
    }

    private func inflate(
        _ stored: UnsafeRawBufferPointer, of member: Member, at place: BelfryError.Location
    ) throws(BelfryError) -> OwnedBytes {
        let owned = try OwnedBytes(count: member.size, at: place)
        let stream = try InflateStream(.raw)
        // One spare byte tells a member that is longer than declared from one that fits.
        var spare: UInt8 = 0
        var (read, written) = (0, 0)
        while true {
            let input = UnsafeRawBufferPointer(rebasing: stored[read...])
            let full = written == member.size
            let step =
                full
                ? withUnsafeMutableBytes(of: &spare) { stream.step(input, into: $0) }
                : stream.step(input, into: UnsafeMutableRawBufferPointer(rebasing: owned.bytes[written...]))
            read += step.read
            let location = BelfryError.Location(
                file: place.file, place: "member '\(member.name)', byte \(member.data + read)")
            guard !(full && step.written > 0) else {
                throw .corrupt("It inflates to more than the declared \(member.size) bytes.", at: location)
            }
            written += step.written
            switch step.outcome {
            case .corrupt(let reason): throw .corrupt("It cannot be inflated: \(reason).", at: location)
            case .end:
                guard written == member.size, read == stored.count else {
                    throw .corrupt(
                        "\(read) of \(stored.count) bytes inflated to \(written) instead of \(member.size).",
                        at: location)
                }
                return owned
            case .more:
                guard step.read > 0 || step.written > 0 else {
                    throw .corrupt("It ends after \(written) of \(member.size) bytes.", at: location)
                }
            }
        }
    }

    private func verify(
        _ bytes: UnsafeRawBufferPointer, of member: Member, at place: BelfryError.Location
    ) throws(BelfryError) {
        let actual = CRC32.of(bytes)
        guard actual == member.checksum else {
            throw .corrupt(
                "Its CRC-32 is \(String(actual, radix: 16)), but the archive says "
                    + "\(String(member.checksum, radix: 16)).", at: place)
        }
    }
}
