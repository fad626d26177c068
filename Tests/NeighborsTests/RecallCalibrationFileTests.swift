import Files
import Foundation
import Shards
import TestSupport
import Testing

@testable import Neighbors

/// A small calibration of two styles with two curves each.
private func sample(_ random: inout SeededGenerator) -> RecallCalibration {
    let kinds = [QueryStyle.rows, .words].map { style in
        let all = [1, 10].map { k in
            var observations = RecallObservations(k: k, levels: 4, queries: 30)
            for level in 0..<4 {
                for query in 0..<30 {
                    observations[level, query] = .init(
                        found: Int.random(in: 0...k, using: &random), hasNearest: Bool.random(using: &random),
                        evaluations: 50 * level, bytes: 6_400 * level)
                }
            }
            return observations
        }
        return RecallCalibration.Kind(style, all, reach: .init(usual: 0.25, farthest: 0.25))
    }
    return RecallCalibration(levels: (0..<4).map { EffortLevel([UInt32($0), 16 << UInt32($0)]) }, kinds)
}

private func read(_ path: String) -> Result<RecallCalibration, BelfryError> {
    do throws(BelfryError) { return .success(try RecallCalibration(path)) } catch { return .failure(error) }
}

private func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

private func replace(_ path: String, _ bytes: [UInt8]) throws { try Data(bytes).writeAnew(to: path) }

extension [UInt8] {
    fileprivate mutating func put<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        Swift.withUnsafeBytes(of: value.littleEndian) { replaceSubrange(offset..<offset + $0.count, with: $0) }
    }

    /// Makes all checksums right again, so that a hostile figure reaches its own check.
    fileprivate mutating func reseal(_ sections: [Range<Int>]) {
        for (index, range) in sections.enumerated() {
            let crc = self[range].withUnsafeBytes { CRC32C.of($0) }
            put(crc, at: 64 + 32 * index + 24)
        }
        put(UInt32(0), at: 32)
        let crc = self[..<(64 + 32 * sections.count)].withUnsafeBytes { CRC32C.of($0) }
        put(crc, at: 32)
    }
}

@Suite struct RecallCalibrationFileTests {
    private static let names = ["params", "efforts", "buckets", "kinds", "totals", "found"]

    @Test func comesBackAsItWasWritten() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let path = folder + "/calibration"
            let calibration = sample(&random)
            try calibration.write(to: path)
            #expect(try RecallCalibration(path) == calibration)
            #expect(SegmentFile.check(path).isEmpty)
            // The smallest that there is.
            let plain = RecallCalibration(
                levels: [EffortLevel([7])],
                [
                    .init(
                        .given, [RecallObservations(k: 3, levels: 1, queries: 1)],
                        reach: .init(usual: .infinity, farthest: .infinity))
                ])
            try plain.write(to: path)
            #expect(try RecallCalibration(path) == plain)
            #expect(read(folder + "/nothing").failure?.code == .notFound)
        }
    }

    @Test func everyFlippedBitAndTruncationIsFound() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let path = folder + "/calibration"
            let calibration = sample(&random)
            try calibration.write(to: path)
            let good = try bytes(path)
            for offset in good.indices {
                var flipped = good
                flipped[offset] ^= 1 << UInt8(offset % 8)
                try replace(path, flipped)
                // Padding is nobody's business at open; `check` sees it.
                if case .success(let read) = read(path) { #expect(read == calibration, "byte \(offset)") }
                #expect(!SegmentFile.check(path).isEmpty, "byte \(offset)")
            }
            for length in stride(from: 0, to: good.count, by: 5) {
                try replace(path, Array(good[..<length]))
                #expect(read(path).failure?.code == .corruptData, "\(length) bytes")
            }
        }
    }

    @Test func hostileFiguresAreClearErrors() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let path = folder + "/calibration"
            try sample(&random).write(to: path)
            let good = try bytes(path)
            let file = try SegmentFile(path)
            let sections = try Self.names.map { try file.range(of: $0) }
            func expectCorrupt(_ what: String, _ section: Int, _ offset: Int, _ value: some FixedWidthInteger) throws {
                var hostile = good
                hostile.put(value, at: sections[section].lowerBound + offset)
                hostile.reseal(sections)
                try replace(path, hostile)
                let error = read(path).failure
                #expect(error?.code == .corruptData && error?.location?.place != nil, "\(what): \(read(path))")
            }
            var resealed = good
            resealed.reseal(sections)
            #expect(resealed == good)
            for value: UInt32 in [0, 3, 5, 257, .max] { try expectCorrupt("levels \(value)", 0, 0, value) }
            for value: UInt32 in [0, 1, 3, 17, .max] { try expectCorrupt("parameters \(value)", 0, 4, value) }
            for value: UInt32 in [0, 1, 3, 17, .max] { try expectCorrupt("curves \(value)", 0, 8, value) }
            for value: UInt32 in [0, 1, 3, 17, .max] { try expectCorrupt("kinds \(value)", 0, 12, value) }
            for value: UInt32 in [0, 10, 11, .max] { try expectCorrupt("first k \(value)", 2, 0, value) }
            for value: UInt32 in [0, 1, 10_001, .max] { try expectCorrupt("second k \(value)", 2, 4, value) }
            for value: UInt32 in [0, 2, 10, 5, .max] { try expectCorrupt("style \(value)", 3, 0, value) }
            for value: UInt32 in [0, 29, 31, 65_536, .max] { try expectCorrupt("queries \(value)", 3, 4, value) }
            try expectCorrupt("reach", 3, 8, Float.nan.bitPattern)
            for value: UInt64 in [0, 31, .max] { try expectCorrupt("missed \(value)", 4, 0, value) }
            for value: UInt32 in [31, .max] { try expectCorrupt("nearest missed \(value)", 4, 24, value) }
            try expectCorrupt("the last level misses all", 4, 28 * 3, UInt64(30))
            for value: UInt16 in [31, .max] { try expectCorrupt("a count of \(value)", 5, 0, value) }
        }
    }

    /// The format before this one knew one kind of query, and no effort that is used now.
    @Test func theFormatBeforeIsRefusedWithTheWayOut() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let path = folder + "/calibration"
            try sample(&random).write(to: path)
            var old = try bytes(path)
            let file = try SegmentFile(path)
            let sections = try Self.names.map { try file.range(of: $0) }
            old.put(UInt32(1), at: 16)
            old.reseal(sections)
            try replace(path, old)
            let error = read(path).failure
            #expect(
                error?.code == .unsupported && error?.remedy?.actions == [.build(recipe: nil, replacing: true)],
                "\(read(path))")
        }
    }

    @Test func randomBytesNeverCrash() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let path = folder + "/calibration"
            try sample(&random).write(to: path)
            let good = try bytes(path)
            let file = try SegmentFile(path)
            let sections = try Self.names.map { try file.range(of: $0) }
            for _ in 0..<1_000 {
                var hostile = good
                for _ in 0..<Int.random(in: 1...6, using: &random) {
                    let offset = Int.random(in: sections.randomElement(using: &random)!, using: &random)
                    hostile[offset] = [0, 1, 0x7f, 0x80, 0xff].randomElement(using: &random)!
                }
                hostile.reseal(sections)
                try replace(path, hostile)
                guard case .success(let calibration) = read(path) else { continue }
                for curve in calibration.kinds.flatMap(\.curves) {
                    for level in calibration.levels.indices {
                        #expect((0...1).contains(curve.recall(level)), "\(random)")
                        #expect((0...1).contains(curve.shareBelow(0.5, level)), "\(random)")
                        #expect(curve.evaluations(level) >= 0 && curve.bytes(level) >= 0, "\(random)")
                    }
                }
                _ = calibration.choice(recall: 0.5, k: 7)
            }
        }
    }
}

extension Result {
    fileprivate var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}
