/// Text that is being written: UTF-8 bytes whose memory grows and is then kept.
final class TextBuffer {
    private(set) var base: UnsafeMutablePointer<UInt8>
    private(set) var count = 0
    private var capacity: Int

    init(capacity: Int = 256) {
        self.capacity = capacity
        base = .allocate(capacity: capacity)
    }

    deinit { base.deallocate() }

    /// What was written; valid until the next change.
    var text: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: base, count: count) }

    func clear() { count = 0 }

    /// Cuts the text to its first `count` bytes.
    func truncate(to count: Int) { self.count = min(self.count, max(count, 0)) }

    /// Makes room for `more` bytes after those that are there.
    @inline(__always)
    func reserve(_ more: Int) {
        if capacity - count < more { grow(more) }
    }

    @inline(never)
    private func grow(_ more: Int) {
        capacity = max(2 * capacity, count + more)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: base, count: count)
        base.deallocate()
        base = larger
    }

    @inline(__always)
    func append(_ byte: UInt8) {
        reserve(1)
        base[count] = byte
        count &+= 1
    }

    @inline(__always)
    func append(_ bytes: UnsafePointer<UInt8>, _ more: Int) {
        reserve(more)
        (base + count).update(from: bytes, count: more)
        count &+= more
    }

    @inline(__always)
    func append(_ text: UnsafeBufferPointer<UInt8>) {
        if let start = text.baseAddress { append(start, text.count) }
    }

    func append(_ bytes: [UInt8]) { bytes.withUnsafeBufferPointer { append($0) } }

    /// Appends a scalar that is not a surrogate.
    @inline(__always)
    func append(scalar: UInt32) {
        reserve(4)
        count &+= UTF8Text.write(scalar, to: base + count)
    }
}

/// Scalars in UTF-8 that is known to be valid.
enum UTF8Text {
    /// The scalar at `place`, which moves past it.
    @inline(__always)
    static func scalar(_ text: UnsafePointer<UInt8>, _ place: inout Int) -> UInt32 {
        let first = UInt32(text[place])
        if first < 0x80 {
            place &+= 1
            return first
        }
        let second = UInt32(text[place &+ 1]) & 0x3f
        if first < 0xe0 {
            place &+= 2
            return (first & 0x1f) << 6 | second
        }
        let third = UInt32(text[place &+ 2]) & 0x3f
        if first < 0xf0 {
            place &+= 3
            return (first & 0x0f) << 12 | second << 6 | third
        }
        let fourth = UInt32(text[place &+ 3]) & 0x3f
        place &+= 4
        return (first & 0x07) << 18 | second << 12 | third << 6 | fourth
    }

    /// Bytes of the scalar that begins with `first`.
    @inline(__always)
    static func length(_ first: UInt8) -> Int { first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4 }

    /// Where the scalar before `place` begins; `place` is not 0.
    @inline(__always)
    static func previous(_ text: UnsafePointer<UInt8>, _ place: Int) -> Int {
        var begin = place &- 1
        while begin > 0, text[begin] & 0xc0 == 0x80 { begin &-= 1 }
        return begin
    }

    /// Writes a scalar, at most four bytes, and says how many.
    @inline(__always)
    static func write(_ scalar: UInt32, to target: UnsafeMutablePointer<UInt8>) -> Int {
        if scalar < 0x80 {
            target[0] = UInt8(truncatingIfNeeded: scalar)
            return 1
        }
        if scalar < 0x800 {
            target[0] = UInt8(truncatingIfNeeded: 0xc0 | scalar >> 6)
            target[1] = UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3f)
            return 2
        }
        if scalar < 0x10000 {
            target[0] = UInt8(truncatingIfNeeded: 0xe0 | scalar >> 12)
            target[1] = UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3f)
            target[2] = UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3f)
            return 3
        }
        target[0] = UInt8(truncatingIfNeeded: 0xf0 | scalar >> 18)
        target[1] = UInt8(truncatingIfNeeded: 0x80 | scalar >> 12 & 0x3f)
        target[2] = UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3f)
        target[3] = UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3f)
        return 4
    }

    /// The scalars of `bytes`, which are valid UTF-8.
    static func scalars(_ bytes: [UInt8]) -> [UInt32] {
        String(decoding: bytes, as: UTF8.self).unicodeScalars.map(\.value)
    }

    /// The bytes of one scalar.
    static func bytes(_ scalar: UInt32) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 4) { bytes, count in count = write(scalar, to: bytes.baseAddress!) }
    }

    /// Whether every byte is ASCII.
    @inline(__always)
    static func isASCII(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var place = 0
        let raw = UnsafeRawBufferPointer(text)
        while place &+ 8 <= text.count {
            if raw.loadUnaligned(fromByteOffset: place, as: UInt64.self) & 0x8080_8080_8080_8080 != 0 { return false }
            place &+= 8
        }
        while place < text.count {
            if text[place] >= 0x80 { return false }
            place &+= 1
        }
        return true
    }
}
