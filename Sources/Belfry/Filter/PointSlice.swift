import Foundation
public import Shards

/// One of `total` parts of all points, by a hash of their ids: for scans that several share, and for samples.
///
/// The parts have no point in common and are all points together. A part of 4 lies within a part of 2. The hash is
/// SipHash-2-4 (Aumasson and Bernstein, 2012) with a key of zeros, over a number's 8 little-endian bytes or a UUID's 16:
/// the same part as Qdrant's.
public struct PointSlice: Hashable, Sendable {
    /// How many parts there are, at least 1.
    public let total: UInt32
    /// Which one it is, counted from 0.
    public let index: UInt32

    /// The part `index` of `total`; nil if there is no such part.
    public init?(total: UInt32, index: UInt32) {
        guard index < total else { return nil }
        (self.total, self.index) = (total, index)
    }

    /// Whether a point falls into this part.
    public func contains(_ id: PointID) -> Bool { Self.hash(id) % UInt64(total) == UInt64(index) }

    static func hash(_ id: PointID) -> UInt64 {
        switch id {
        case .number(let number): hash([number], count: 8)
        case .uuid(let uuid):
            withUnsafeBytes(of: uuid.uuid) { bytes in
                hash(
                    [
                        UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)),
                        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                    ], count: 16)
            }
        }
    }

    /// Of whole words: the last one of the message has nothing but its length.
    private static func hash(_ words: [UInt64], count: UInt64) -> UInt64 {
        var v: (UInt64, UInt64, UInt64, UInt64) = (
            0x736f_6d65_7073_6575, 0x646f_7261_6e64_6f6d, 0x6c79_6765_6e65_7261, 0x7465_6462_7974_6573
        )
        func turn(_ value: UInt64, by bits: UInt64) -> UInt64 { value << bits | value >> (64 - bits) }
        func round() {
            v.0 &+= v.1
            v.1 = turn(v.1, by: 13) ^ v.0
            v.0 = turn(v.0, by: 32)
            v.2 &+= v.3
            v.3 = turn(v.3, by: 16) ^ v.2
            v.0 &+= v.3
            v.3 = turn(v.3, by: 21) ^ v.0
            v.2 &+= v.1
            v.1 = turn(v.1, by: 17) ^ v.2
            v.2 = turn(v.2, by: 32)
        }
        for word in words + [count << 56] {
            v.3 ^= word
            round()
            round()
            v.0 ^= word
        }
        v.2 ^= 0xff
        for _ in 0..<4 { round() }
        return v.0 ^ v.1 ^ v.2 ^ v.3
    }
}
