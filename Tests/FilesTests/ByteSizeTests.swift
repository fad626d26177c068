import Files
import Foundation
import TestSupport
import Testing

@Suite struct ByteSizeTests {
    @Test(arguments: [
        ("1", 1), ("4096", 4_096), ("1K", 1_024), ("512M", 512 << 20), ("1G", 1 << 30), ("1g", 1 << 30),
        ("1.5G", 3 << 29), ("2GiB", 2 << 30), ("0.25T", 1 << 38), ("7B", 7),
    ])
    func readsASize(_ text: String, _ bytes: Int) { #expect(ByteSize(text)?.bytes == bytes) }

    @Test(arguments: [
        "", "G", "-1G", "1X", "1GB", "1 G", "0", "0.2", ".5G", "1.", "1e3", "1.2.3G", "nan", "infinity", "99999999T",
        "½G",
        "١G",
    ])
    func refusesNonsense(_ text: String) { #expect(ByteSize(text) == nil) }

    @Test func saysASizeThatIsEnough() {
        #expect(ByteSize(bytes: 1 << 30).description == "1G")
        #expect(ByteSize(bytes: (1 << 30) + 1).description == "1025M")
        #expect(ByteSize(bytes: 300 << 20).description == "300M")
        #expect(ByteSize(bytes: 1_000).description == "1000")
        var random = SeededGenerator()
        for _ in 0..<1_000 {
            let size = ByteSize(bytes: Int.random(in: 1...(1 << 45), using: &random))
            let read = ByteSize(size.description)?.bytes ?? 0
            #expect(read >= size.bytes && read < size.bytes + (1 << 20), "\(size) \(random)")
        }
    }
}

@Suite struct MemoryGuardTests {
    /// Pages of a mapped file leave the process when it comes near its limit, and come again with the same bytes.
    @Test func pagesOfFilesAreGivenBack() throws {
        try withTemporaryDirectory { folder in
            let path = folder + "/file"
            let block = [UInt8]((0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            let writer = try FileWriter(path)
            for _ in 0..<128 { try block.withUnsafeBytes { try writer.write($0) } }
            try writer.finish()
            let file = try MappedFile(path)
            func sum() -> Int {
                stride(from: 0, to: file.bytes.count, by: 4_096).reduce(0) { $0 + Int(file.bytes[$1]) }
            }
            let before = try #require(System.residentBytes)
            let first = sum()
            #expect(try #require(System.residentBytes) > before + (64 << 20))
            let memoryGuard = MemoryGuard(limit: 1 << 20)
            let deadline = Date(timeIntervalSinceNow: 60)
            func isMapped() -> Bool { (System.residentBytes ?? .max) > before + (64 << 20) }
            while isMapped(), Date() < deadline { usleep(1_000) }
            #expect(!isMapped())
            #expect(sum() == first)
            withExtendedLifetime(memoryGuard) {}
        }
    }
}
