import Files
import Foundation
import TestSupport
import Testing

/// The bytes of a vecs file of `vectors`, each with its own dimension.
private func vecs<T: FixedWidthInteger>(_ vectors: [[T]]) -> Data {
    var data = Data()
    for vector in vectors {
        withUnsafeBytes(of: Int32(vector.count).littleEndian) { data.append(contentsOf: $0) }
        for component in vector { withUnsafeBytes(of: component.littleEndian) { data.append(contentsOf: $0) } }
    }
    return data
}

private func floats(_ file: VecsFile, _ range: Range<Int>? = nil) throws -> [Float] {
    let range = range ?? 0..<file.rows
    var floats = [Float](repeating: 0, count: range.count * file.columns)
    try floats.withUnsafeMutableBufferPointer { try file.copy(range, into: $0.baseAddress!) }
    return floats
}

@Suite struct VecsFileTests {
    @Test func readsFloatsBytesAndIntegers() throws {
        try withTemporaryDirectory { folder in
            let numbers: [[Float]] = [[1.5, -2, 0], [3e38, -0.25, .infinity]]
            try vecs(numbers.map { $0.map(\.bitPattern) }).writeAnew(to: folder + "/a.fvecs")
            let f = try VecsFile(folder + "/a.fvecs")
            #expect(f.element == .fvecs && f.rows == 2 && f.columns == 3)
            #expect(try floats(f) == numbers.flatMap { $0 })
            #expect(try floats(f, 1..<2) == numbers[1])
            let refused = #expect(throws: BelfryError.self) { try f.integers(0..<1) }
            #expect(refused?.remedy?.contains(".ivecs") == true)

            try vecs([[0, 255, 7], [1, 2, 3]] as [[UInt8]]).writeAnew(to: folder + "/b.BVECS")
            let b = try VecsFile(folder + "/b.BVECS")
            #expect(b.rows == 2 && b.columns == 3)
            #expect(try floats(b) == [0, 255, 7, 1, 2, 3])
            #expect(try b.integers(1..<2) == [1, 2, 3])

            try vecs([[0, -1], [.max, 5], [1 << 24, .min]] as [[Int32]])
                .writeAnew(to: folder + "/c.ivecs")
            let i = try VecsFile(folder + "/c.ivecs")
            #expect(i.rows == 3 && i.columns == 2)
            #expect(try i.integers(0..<3) == [0, -1, Int(Int32.max), 5, 1 << 24, Int(Int32.min)])
            #expect(try floats(i, 2..<3) == [16_777_216, -2_147_483_648])
        }
    }

    @Test func refusesHostileFiles() throws {
        let good = vecs([[1, 2, 3], [4, 5, 6]] as [[Int32]])
        func dimension(_ value: Int32) -> Data { withUnsafeBytes(of: value.littleEndian) { Data($0) } }
        let hostile: [(Data, says: String, place: String?)] = [
            (Data(), "no vector", nil),
            (Data([1, 0]), "needs 4 bytes", "byte 0"),
            (dimension(0), "0 components", "byte 0"),
            (dimension(-1) + good, "-1 components", "byte 0"),
            (dimension(.min) + good, "components", "byte 0"),
            (dimension(.max) + good, "components", "byte 0"),
            (dimension(1 << 20) + good, "cut short", "byte 0"),
            (good.dropLast(1), "Vector 1 is cut short: 15 bytes are left of 16", "byte 16"),
            (good.dropLast(13), "cut short", "byte 16"),
            (good + [3], "Vector 2 is cut short", "byte 32"),
            (vecs([[1, 2, 3], [4, 5], [6, 7, 8]] as [[Int32]]), "Vector 1 has 2 components", "byte 16"),
        ]
        try withTemporaryDirectory { folder in
            let path = folder + "/x.ivecs"
            for (data, words, place) in hostile {
                try data.writeAnew(to: path)
                let error = #expect(throws: BelfryError.self, "\(words)") { try VecsFile(path) }
                #expect(error?.message.contains(words) == true, "\(words): \(error!)")
                #expect(error?.location == BelfryError.Location(file: path, place: place), "\(words): \(error!)")
            }
            // The lengths fit by chance: the vector is refused when it is read, and the one before it is not.
            let chance = vecs([[1, 2, 3]] as [[Int32]]) + vecs([[4], [5]] as [[Int32]])
            try chance.writeAnew(to: path)
            let file = try VecsFile(path)
            #expect(file.rows == 2)
            #expect(try file.integers(0..<1) == [1, 2, 3])
            let error = #expect(throws: BelfryError.self) { try file.integers(0..<2) }
            #expect(error?.code == .corruptData && error?.location == .byte(16, of: path))

            #expect(#expect(throws: BelfryError.self) { try VecsFile("/nowhere.fvecs") }?.code == .notFound)
            #expect(#expect(throws: BelfryError.self) { try VecsFile(path + ".txt") }?.code == .unsupported)
        }
    }

    @Test func survivesAnyMutation() throws {
        var random = SeededGenerator()
        let original = vecs((0..<6).map { row in (0..<4).map { Int32(row * 4 + $0) } })
        try withTemporaryDirectory { folder in
            for round in 0..<1_000 {
                let path = folder + "/mutated." + ["fvecs", "bvecs", "ivecs"][round % 3]
                try original.mutated(using: &random).writeAnew(to: path)
                guard let file = try? VecsFile(path) else { continue }
                #expect(file.rows > 0 && file.columns > 0, "\(random)")
                _ = try? floats(file)
                _ = try? file.integers(0..<file.rows)
            }
        }
    }
}
