import Crypto

/// UUIDs made from names (version 5: RFC 9562, section 5.5): the same name always gives the same UUID.
public enum NameUUID {
    /// The name space of URLs (RFC 9562, section 6.6).
    public static let url: [UInt8] = [
        0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8,
    ]

    /// The 16 bytes of the UUID of `name` in the name space `space` (itself a UUID of 16 bytes).
    public static func make(_ name: String, space: [UInt8]) -> [UInt8] {
        var bytes = Array(Insecure.SHA1.hash(data: space + Array(name.utf8)).prefix(16))
        bytes[6] = bytes[6] & 0x0f | 0x50
        bytes[8] = bytes[8] & 0x3f | 0x80
        return bytes
    }
}
