import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Shards

/// Rows of all lengths, with indices of all sizes.
private func sparseRows(_ count: Int, longest: Int, _ random: inout SeededGenerator) throws -> [SparseVector] {
    try (0..<count).map { row in
        let ceiling: UInt32 = [100, 1_000, 100_000, .max][row % 4]
        let indices = Set(
            (0..<Int.random(in: 0...longest, using: &random)).map { _ in UInt32.random(in: 0...ceiling, using: &random)
            })
        return try SparseVector(indices: Array(indices).sorted(), values: random.vector(indices.count))
    }
}

private func writeSparse(_ path: String, _ rows: [SparseVector]) throws {
    let writer = try SparseWriter(path)
    for row in rows { try writer.append(row) }
    #expect(writer.rowCount == rows.count)
    try writer.finish()
}

/// Reads everything that a damaged file still gives, and returns whether all of it was right.
private func readsOnlyTruth(_ path: String, _ rows: [SparseVector]) -> Bool {
    guard let reader = try? SparseReader(path) else { return true }
    for row in 0..<min(reader.rowCount, 1_000) {
        guard let found = try? reader.row(row) else { continue }
        guard row < rows.count, found == rows[row] else { return false }
    }
    return true
}

@Suite struct SparseTests {
    @Test(arguments: [0, 1, 2, 65, 1_000]) func keepsRows(count: Int) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            var rows = try sparseRows(count, longest: 40, &random)
            if count > 2 {
                rows[1] = try SparseVector(
                    indices: [0, 1, 127, 128, 129, .max - 1, .max], values: [0, -0.0, 1, -1, 2, 3, 4])
                rows[2] = try SparseVector(indices: Array(0..<5_000), values: random.vector(5_000))
            }
            try writeSparse(folder + "/sparse", rows)
            let reader = try SparseReader(folder + "/sparse")
            #expect(reader.rowCount == count)
            let components = SparseComponents()
            for row in (0..<count).shuffled(using: &random) {
                #expect(try reader.row(row) == rows[row], "row \(row), \(random)")
                try reader.read(row, into: components)
                let values = Array(UnsafeBufferPointer(start: components.values, count: components.count))
                #expect(values.map(\.bitPattern) == rows[row].values.map(\.bitPattern))
            }
            #expect(reader.check().isEmpty && SegmentFile.check(folder + "/sparse").isEmpty)
            try writeSparse(folder + "/again", rows)
            #expect(try contents(folder + "/again") == contents(folder + "/sparse"))
            #expect(reader.fileBytes == (try contents(folder + "/sparse")).count)
        }
    }

    @Test func everyFlippedBitAndEveryTruncationIsFound() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let rows = try sparseRows(9, longest: 6, &random)
            try writeSparse(folder + "/good", rows)
            let file = try contents(folder + "/good")
            for bit in 0..<file.count * 8 {
                var bytes = file
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                try Data(bytes).writeAnew(to: folder + "/v")
                #expect(!SegmentFile.check(folder + "/v").isEmpty, "bit \(bit)")
                #expect(readsOnlyTruth(folder + "/v", rows), "bit \(bit)")
            }
            for length in 0..<file.count {
                try Data(file[..<length]).writeAnew(to: folder + "/v")
                #expect(try failure { _ = try SparseReader(folder + "/v") }?.code == .corruptData, "\(length) bytes")
            }
        }
    }

    /// Damage under checksums that match: errors, or other vectors, which are sparse vectors all the same.
    @Test func hostileRowsAreErrorsAndNeverCrash() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let rows = try sparseRows(12, longest: 8, &random)
            try writeSparse(folder + "/good", rows)
            let file = try contents(folder + "/good")
            let good = try SegmentFile(folder + "/good")
            let (bytes, starts, crcs) = (
                try good.range(of: "rows"), try good.range(of: "starts"), try good.range(of: "crcs")
            )
            var refused = 0
            for round in 0..<4_000 {
                var changed = file
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let part = [bytes, bytes, starts].randomElement(using: &random)!
                    changed[Int.random(in: part, using: &random)] =
                        [0, 1, 0x7f, 0x80, 0xff, UInt8.random(in: 0...255, using: &random)].randomElement(
                            using: &random)!
                }
                for row in rows.indices {
                    let (start, end) = (
                        Self.word(changed, starts.lowerBound + 8 * row),
                        Self.word(changed, starts.lowerBound + 8 * row + 8)
                    )
                    guard start < end, end <= UInt64(bytes.count) else { continue }
                    let row = (row, changed[bytes.lowerBound + Int(start)..<bytes.lowerBound + Int(end)])
                    changed.put(
                        row.1.withUnsafeBytes { SparseReader.checksum(row.0, $0) }, at: crcs.lowerBound + 4 * row.0)
                }
                for (index, range) in [bytes, starts, crcs].enumerated() {
                    changed.put(changed[range].withUnsafeBytes { CRC32C.of($0) }, at: 64 + 32 * index + 24)
                }
                try Data(resealed(changed)).writeAnew(to: folder + "/v")
                let reader = try SparseReader(folder + "/v")
                for row in rows.indices {
                    do {
                        let found = try reader.row(row)
                        #expect(
                            try SparseVector(indices: found.indices, values: found.values) == found,
                            "\(round), \(random)")
                    } catch let error as BelfryError {
                        #expect(error.code == .corruptData && error.location?.file == folder + "/v")
                        refused += 1
                    }
                }
                _ = reader.check()
            }
            #expect(refused > 1_000, "\(refused)")
        }
    }

    /// What has another form of the same vector, or none, is no row.
    @Test func onlyOneFormIsRead() {
        func isRow(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { SparseComponents().decode($0) } }
        let one: [UInt8] = [0, 0, 0x80, 0x3f]
        #expect(isRow([0]) && isRow([1, 5] + one) && isRow([1, 0x80, 1] + one))
        #expect(isRow([1, 0xff, 0xff, 0xff, 0xff, 0x0f] + one) && isRow([2, 3, 0] + one + one))
        for bytes: [UInt8] in [
            [], [0, 0], [1], [1, 5], [1, 5, 0, 0, 0x80], [1, 5] + one + [0], [2, 5] + one, [0x80, 0],
            [0x81, 0, 5] + one,
            [1, 0x85, 0] + one, [1, 0xff, 0xff, 0xff, 0xff, 0x1f] + one, [1, 0xff, 0xff, 0xff, 0xff, 0xff, 1] + one,
            [2, 0xff, 0xff, 0xff, 0xff, 0x0f, 0] + one + one, [1, 5, 0, 0, 0x80, 0x7f], [1, 5, 0, 0, 0xc0, 0x7f],
            [0xff, 0xff, 0xff, 0xff, 0x0f], [0xff, 0xff, 0xff, 0xff, 0x0f] + one + one,
        ] { #expect(!isRow(bytes), "\(bytes)") }
    }

    private static func word(_ bytes: [UInt8], _ place: Int) -> UInt64 {
        bytes.withUnsafeBytes { $0.loadLittle(place, as: UInt64.self) }
    }
}
