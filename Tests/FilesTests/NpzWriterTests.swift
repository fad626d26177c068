import Foundation
import TestSupport
import Testing

@testable import Files

@Suite struct NpzWriterTests {
    private static func write(_ path: String) throws {
        let writer = try NpzWriter(path)
        try writer.begin("ids", .uint64, [3])
        try [UInt64(1), 2, .max >> 1].withBytes { bytes throws(BelfryError) in try writer.append(bytes) }
        try writer.begin("neighbors", .int32, [3, 2])
        // In parts, as they come.
        try [Int32(5), -1].withBytes { bytes throws(BelfryError) in try writer.append(bytes) }
        try [Int32(0), 7, 8, 9].withBytes { bytes throws(BelfryError) in try writer.append(bytes) }
        try writer.begin("none", .float32, [0, 4])
        try writer.finish()
    }

    @Test func isReadBack() throws {
        try withTemporaryDirectory { folder in
            let path = "\(folder)/a.npz"
            try Self.write(path)
            let npz = try Npz(path)
            #expect(npz.names == ["ids", "neighbors", "none"])
            #expect(try npz["ids"].integers() == [1, 2, Int.max] && npz["ids"].shape == [3])
            #expect(try npz["neighbors"].integers() == [5, -1, 0, 7, 8, 9] && npz["neighbors"].shape == [3, 2])
            #expect(try npz["none"].shape == [0, 4])
            // What is there is not written over, and the same arrays are the same bytes.
            #expect(throws: BelfryError.self) { try NpzWriter(path) }
            try Self.write("\(folder)/b.npz")
            #expect(
                try Data(contentsOf: URL(fileURLWithPath: path))
                    == Data(contentsOf: URL(fileURLWithPath: "\(folder)/b.npz")))
        }
    }

    /// Every byte of an array is covered by its checksum.
    @Test func damageIsSeen() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let path = "\(folder)/a.npz"
            try Self.write(path)
            let whole = try Data(contentsOf: URL(fileURLWithPath: path))
            let first = try #require(whole.firstRange(of: Data([5, 0, 0, 0, 255, 255, 255, 255]))).lowerBound
            for place in first..<first + 24 {
                var damaged = whole
                damaged[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                try damaged.writeAnew(to: path)
                #expect(throws: BelfryError.self, "byte \(place), \(random)") { try Npz(path)["neighbors"] }
            }
        }
    }
}
