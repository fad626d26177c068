import CKernels
import Files
import Testing

@Suite struct ChecksumTests {
    @Test func matchesThePublishedVectors() {
        // RFC 3720, appendix B.4.
        let ascending = (0..<32).map { UInt8($0) }
        #expect(ascending.withUnsafeBytes { CRC32C.of($0) } == 0x46dd_794e)
        #expect([UInt8](repeating: 0, count: 32).withUnsafeBytes { CRC32C.of($0) } == 0x8a91_36aa)
        #expect(Array("123456789".utf8).withUnsafeBytes { CRC32C.of($0) } == 0xe306_9283)
    }

    @Test func tableAndInstructionAgreeAtEveryLengthAndSplit() {
        let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
        bytes.withUnsafeBytes { all in
            for length in Array(0...200) + [1023, 3071, 3072, 3073, 6144, 9_999] {
                let start = all.baseAddress! + length % 9
                let count = min(length, all.count - 9)
                let table = belfry_crc32c_isa(BELFRY_SCALAR, 0, start, count)
                #expect(table == belfry_crc32c_isa(belfry_best_isa(), 0, start, count), "length \(length)")
                let half = belfry_crc32c(0, start, count / 2)
                #expect(table == belfry_crc32c(half, start + count / 2, count - count / 2))
            }
        }
    }
}
