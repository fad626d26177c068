import CKernels
import Crypto
public import Foundation

/// CRC-32C (Castagnoli, RFC 3720): the checksum of blocks, sections and catalogue rows.
public struct CRC32C: Hashable, Sendable {
    /// The checksum of what was added so far.
    public private(set) var value: UInt32 = 0

    /// The checksum of nothing.
    public init() {}

    /// Adds bytes.
    public mutating func add(_ bytes: UnsafeRawBufferPointer) {
        value = belfry_crc32c(value, bytes.baseAddress, bytes.count)
    }

    /// The checksum of `bytes`.
    public static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        belfry_crc32c(0, bytes.baseAddress, bytes.count)
    }
}

/// SHA-256 (FIPS 180-4), as lowercase hexadecimal: the identity of towers and recipes.
public enum Digest {
    /// The digest of `data`.
    public static func sha256(_ data: some DataProtocol) -> String {
        hexadecimal(SHA256.hash(data: data))
    }

    /// The digest of a file, read through a mapping.
    public static func sha256(file path: String) throws(BelfryError) -> String {
        let file = try MappedFile(path, access: .sequential)
        return withExtendedLifetime(file) {
            var hash = SHA256()
            hash.update(bufferPointer: file.bytes)
            return hexadecimal(hash.finalize())
        }
    }

    private static func hexadecimal(_ digest: SHA256.Digest) -> String {
        digest.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}
