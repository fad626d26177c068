import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Shards

/// A small shard with compressed and stored blocks, and the rows that it holds.
private func sample(_ path: String, _ random: inout SeededGenerator) throws -> (file: [UInt8], rows: [UInt8]) {
    let noise = (0..<3 * 80).map { _ in UInt8.random(in: 0...255, using: &random) }
    let rows = gaussianRows(8, dimension: 20, .f32, &random) + noise + [UInt8](repeating: 0, count: 80)
    try writeShard(path, rows, dimension: 20, .f32, rowsPerBlock: 2)
    return (try contents(path), rows)
}

/// Reads everything that a damaged file still gives, and returns whether all of it was right.
private func readsOnlyTruth(_ path: String, _ rows: [UInt8]) throws -> Bool {
    let opened: ShardReader
    do { opened = try ShardReader(path) } catch { return true }
    let size = opened.rowBytes
    for row in 0..<min(opened.rowCount, 1000) {
        let found: [UInt8]
        do { found = try opened.rawRow(row) } catch { continue }
        guard (row + 1) * size <= rows.count, found.elementsEqual(rows[row * size..<(row + 1) * size]) else {
            return false
        }
    }
    return true
}

@Suite struct DamageTests {
    @Test func everyFlippedByteOfASmallShardIsFoundAndNeverRead() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let (file, rows) = try sample(folder + "/good", &random)
            for offset in file.indices {
                // Every bit of header and table; of what follows, one bit of every byte.
                for bit in offset < 192 ? 0..<8 : offset % 8..<offset % 8 + 1 {
                    var bytes = file
                    bytes[offset] ^= 1 << UInt8(bit)
                    try replace(folder + "/v", bytes)
                    let problems = SegmentFile.check(folder + "/v")
                    #expect(!problems.isEmpty, "byte \(offset), bit \(bit)")
                    #expect(problems.allSatisfy { $0.location?.file == folder + "/v" })
                    #expect(try readsOnlyTruth(folder + "/v", rows), "byte \(offset), bit \(bit)")
                }
            }
        }
    }

    @Test(arguments: ElementType.allCases) func flipsInEveryPartOfALargerShardAreFound(type: ElementType) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let rows = gaussianRows(200, dimension: 384, type, &random)
            try writeShard(folder + "/good", rows, dimension: 384, type)
            let file = try contents(folder + "/good")
            let good = try SegmentFile(folder + "/good")
            var parts = [0..<64, 64..<192] + good.sections.map(\.range)
            for (a, b) in zip(good.sections, good.sections.dropFirst()) {
                parts.append(a.range.upperBound..<b.range.lowerBound)
            }
            for part in parts where !part.isEmpty {
                for _ in 0..<30 {
                    let offset = Int.random(in: part, using: &random)
                    var bytes = file
                    bytes[offset] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                    try replace(folder + "/v", bytes)
                    #expect(!SegmentFile.check(folder + "/v").isEmpty, "byte \(offset), \(random)")
                    #expect(try readsOnlyTruth(folder + "/v", rows), "byte \(offset), \(random)")
                }
            }
        }
    }

    @Test func aDamagedBlockIsNamedAndTheOthersStayReadable() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let rows = gaussianRows(100, dimension: 384, .f32, &random)
            try writeShard(folder + "/v", rows, dimension: 384, .f32)
            var bytes = try contents(folder + "/v")
            let start = try SegmentFile(folder + "/v").range(of: "blocks").lowerBound
            bytes[start + 10] ^= 4
            try replace(folder + "/v", bytes)
            let reader = try ShardReader(folder + "/v")
            let error = try failure { _ = try reader.row(1) }
            #expect(error?.code == .corruptData && error?.location == .byte(start, of: folder + "/v"))
            #expect(try reader.rawRow(2).elementsEqual(rows[2 * 1536..<3 * 1536]))
            #expect(reader.check().count == 1)
        }
    }

    @Test func everyTruncationIsAClearError() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let (file, _) = try sample(folder + "/good", &random)
            for length in 0..<file.count {
                try replace(folder + "/v", Array(file[..<length]))
                #expect(try failure { _ = try ShardReader(folder + "/v") }?.code == .corruptData, "\(length) bytes")
                #expect(!SegmentFile.check(folder + "/v").isEmpty)
            }
            try replace(folder + "/v", file + [0])
            #expect(try failure { _ = try ShardReader(folder + "/v") }?.code == .corruptData)
        }
    }

    /// Mutations that go on to fix the header's checksum, so that what lies behind it is reached.
    @Test func randomMutationsNeverCrash() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let (file, rows) = try sample(folder + "/good", &random)
            let parameters = try SegmentFile(folder + "/good").range(of: "params")
            for round in 0..<5000 {
                var bytes = file
                for _ in 0..<Int.random(in: 1...8, using: &random) {
                    // Half of the damage goes to header, table and parameters, where the lengths are.
                    let part = [0..<192, parameters, 0..<bytes.count, 0..<bytes.count].randomElement(using: &random)!
                    let offset = Int.random(in: part, using: &random)
                    bytes[offset] = [0, 1, 0x7f, 0x80, 0xff, UInt8.random(in: 0...255, using: &random)]
                        .randomElement(using: &random)!
                }
                if Bool.random(using: &random) {
                    let crc = bytes[parameters].withUnsafeBytes { CRC32C.of($0) }
                    bytes.put(crc, at: 64 + 3 * 32 + 24)
                    bytes = resealed(bytes)
                    try replace(folder + "/v", bytes)
                    // Parameters that were resealed may describe other rows: only survival is asked for.
                    _ = try readsOnlyTruth(folder + "/v", rows)
                    _ = SegmentFile.check(folder + "/v")
                } else {
                    try replace(folder + "/v", bytes)
                    #expect(bytes == file || !SegmentFile.check(folder + "/v").isEmpty, "round \(round), \(random)")
                    #expect(try readsOnlyTruth(folder + "/v", rows), "round \(round), \(random)")
                }
            }
        }
    }

    @Test func hostileHeadersAreClearErrors() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let (file, _) = try sample(folder + "/good", &random)
            let parameters = try SegmentFile(folder + "/good").range(of: "params").lowerBound
            func entry(_ index: Int, _ field: Int) -> Int { 64 + 32 * index + field }
            func expectCorrupt(
                _ what: String, _ code: BelfryError.Code = .corruptData, says words: String = "",
                _ change: (inout [UInt8]) -> Void
            ) throws {
                var bytes = file
                change(&bytes)
                let crc = bytes[parameters...].withUnsafeBytes { CRC32C.of($0) }
                bytes.put(crc, at: entry(3, 24))
                try replace(folder + "/v", resealed(bytes))
                let error = try failure { _ = try ShardReader(folder + "/v") }
                #expect(error?.code == code && error?.location?.place != nil, "\(what)")
                #expect(
                    words.isEmpty || error?.description.contains(words) == true, "\(what): \(error?.description ?? "")")
                #expect(!SegmentFile.check(folder + "/v").isEmpty, "\(what)")
            }
            try expectCorrupt("newer", .unsupported, says: "newer one") { $0.put(UInt32(2), at: 16) }
            try expectCorrupt("version 0") { $0.put(UInt32(0), at: 16) }
            try expectCorrupt("no sections") { $0.put(UInt32(0), at: 20) }
            try expectCorrupt("many sections") { $0.put(UInt32.max, at: 20) }
            try expectCorrupt("65 sections", says: "limit") { $0.put(UInt32(65), at: 20) }
            try expectCorrupt("short file") { $0.put(UInt64(100), at: 24) }
            try expectCorrupt("long file", says: "cut short") { $0.put(UInt64.max >> 1, at: 24) }
            try expectCorrupt("impossible length") { $0.put(UInt64.max, at: 24) }
            try expectCorrupt("reserved byte") { $0[40] = 1 }
            try expectCorrupt("name") { $0[entry(0, 0)] = 0 }
            try expectCorrupt("missing section", says: "missing") { $0[entry(0, 0)] = 0x78 }
            for index in 0..<4 {
                try expectCorrupt("offset 0") { $0.put(UInt64(0), at: entry(index, 8)) }
                try expectCorrupt("offset beyond") { $0.put(UInt64(1 << 40), at: entry(index, 8)) }
                try expectCorrupt("overflow") { $0.put(UInt64.max >> 1, at: entry(index, 16)) }
                try expectCorrupt("negative length") { $0.put(UInt64.max, at: entry(index, 16)) }
                try expectCorrupt("length 0") { $0.put(UInt64(0), at: entry(index, 16)) }
                try expectCorrupt("flags") { $0.put(UInt32(2), at: entry(index, 28)) }
                try expectCorrupt("checksum kind") { $0.put(UInt32(index == 0 ? 0 : 1), at: entry(index, 28)) }
            }
            try expectCorrupt("rows") { $0.put(UInt64.max, at: parameters) }
            try expectCorrupt("rows that overflow", says: "more than") { $0.put(UInt64(1) << 60, at: parameters) }
            try expectCorrupt("more rows than blocks") { $0.put(UInt64(1000), at: parameters) }
            try expectCorrupt("no rows") { $0.put(UInt64(0), at: parameters) }
            try expectCorrupt("dimension 0", says: "dimension") { $0.put(UInt32(0), at: parameters + 8) }
            try expectCorrupt("dimension", says: "dimension") { $0.put(UInt32.max, at: parameters + 8) }
            try expectCorrupt("element type", says: "element type") { $0.put(UInt32(9), at: parameters + 12) }
            try expectCorrupt("rows per block 0", says: "per block") { $0.put(UInt32(0), at: parameters + 16) }
            try expectCorrupt("rows per block", says: "per block") { $0.put(UInt32.max, at: parameters + 16) }
            try expectCorrupt("coding", says: "coding") { $0.put(UInt32(2), at: parameters + 20) }
        }
    }

    @Test func hostileOffsetsStayInsideTheFile() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let (file, rows) = try sample(folder + "/good", &random)
            let offsets = try SegmentFile(folder + "/good").range(of: "offsets")
            for place in stride(from: offsets.lowerBound, to: offsets.upperBound, by: 8) {
                for value: UInt64 in [0, 1, 1 << 20, 1 << 62, .max >> 1, .max - 7, .max] {
                    var bytes = file
                    bytes.put(value, at: place)
                    guard bytes != file else { continue }
                    let crc = bytes[offsets].withUnsafeBytes { CRC32C.of($0) }
                    bytes.put(crc, at: 64 + 32 + 24)
                    try replace(folder + "/v", resealed(bytes))
                    #expect(!SegmentFile.check(folder + "/v").isEmpty, "\(value) at \(place)")
                    #expect(try readsOnlyTruth(folder + "/v", rows), "\(value) at \(place)")
                }
            }
        }
    }

    @Test func anotherKindOfFileIsRefused() throws {
        try withTemporaryDirectory { folder in
            let writer = try IDsWriter(folder + "/ids")
            try writer.append(.number(7))
            try writer.finish()
            #expect(try failure { _ = try ShardReader(folder + "/ids") }?.message.contains("“ids”") == true)
            try replace(
                folder + "/text", Array("id,title\n1,Some text that is longer than a header of 64 bytes.\n".utf8))
            #expect(
                try failure { _ = try ShardReader(folder + "/text") }?.message.contains("not a segment file") == true)
            try replace(folder + "/empty", [])
            #expect(try failure { _ = try ShardReader(folder + "/empty") }?.code == .corruptData)
        }
    }
}
