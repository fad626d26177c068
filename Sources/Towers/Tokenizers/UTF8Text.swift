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
