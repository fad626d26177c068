/// The hashes that put a value into a bucket: the same on every machine, for ever.
enum FeatureHash: String, Hashable, Sendable, CaseIterable {
    /// Fowler, Noll and Vo's 64-bit hash, variant 1a.
    case fnv1a64
    /// The CRC-32 of zlib and Python's `zlib.crc32` (polynomial 0xEDB88320).
    case crc32
    /// Austin Appleby's MurmurHash3, 32 bits, seed 0.
    case murmur3 = "murmur3_32"

    /// The hash of a value's UTF-8 bytes.
    func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        switch self {
        case .fnv1a64: Self.fnv1a64(bytes)
        case .crc32: UInt64(Self.crc32(bytes))
        case .murmur3: UInt64(Self.murmur3(bytes))
        }
    }

    static func fnv1a64(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }

    /// Bit by bit: values are short.
    private static func crc32(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
        var hash = ~UInt32(0)
        for byte in bytes {
            hash ^= UInt32(byte)
            for _ in 0..<8 { hash = hash >> 1 ^ (hash & 1 == 1 ? 0xedb8_8320 : 0) }
        }
        return ~hash
    }

    private static func murmur3(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
        func rotated(_ value: UInt32, _ bits: UInt32) -> UInt32 { value << bits | value >> (32 - bits) }
        func mixed(_ block: UInt32) -> UInt32 { rotated(block &* 0xcc9e_2d51, 15) &* 0x1b87_3593 }
        let raw = UnsafeRawBufferPointer(bytes)
        let whole = raw.count & ~3
        var hash: UInt32 = 0
        for place in stride(from: 0, to: whole, by: 4) {
            let block = UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: place, as: UInt32.self))
            hash = rotated(hash ^ mixed(block), 13) &* 5 &+ 0xe654_6b64
        }
        var tail: UInt32 = 0
        for place in whole..<raw.count { tail |= UInt32(raw[place]) << (8 * UInt32(place - whole)) }
        hash ^= mixed(tail)
        hash ^= UInt32(truncatingIfNeeded: raw.count)
        hash = (hash ^ hash >> 16) &* 0x85eb_ca6b
        hash = (hash ^ hash >> 13) &* 0xc2b2_ae35
        return hash ^ hash >> 16
    }
}
