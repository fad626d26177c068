import Files
import Foundation
import Shards
import TestSupport
import Testing
import Vectors

@testable import Belfry

/// A damaged file of a field index gives an error, and never a wrong answer.
@Suite struct FieldDamageTests {
    private static let filters = [
        "f = 3", "f = 'Acme'", "f = true", "f other than ('Acme')", "f other than (3)", "f < 5", "f >= '2026-01-01'",
        "f is empty", "f is null",
        "count(f) > 1", "f near (52.5, 13.4, 100000)", "f matches 'red'", "f starts with 'A'", "f contains 'c'",
        "f in ('00000000-0000-4000-8000-00000000000a', 'x')",
    ]

    private static func values(_ kind: FieldKind, _ filters: inout RandomFilters) -> [JSON] {
        (0..<12).map { _ in
            filters.value { filters in
                switch kind {
                case .keyword: .string(filters.pick(RandomFilters.texts))
                case .integer, .float: filters.number()
                case .bool: .bool(filters.chance(0.5))
                case .datetime: .string(filters.pick(RandomFilters.days))
                case .uuid: .string(filters.pick(RandomFilters.uuids))
                case .geo: filters.place()
                case .text: filters.sentence()
                }
            }
        }
    }

    /// Asks everything; nil where every answer is right or an error, else what was wrong.
    private static func lie(_ path: String, _ points: SlotPoints, mayDiffer: Bool = false) throws -> String? {
        let index: FieldIndex
        do { index = try FieldIndex(opening: path) } catch {
            return error.code == .corruptData || error.code == .unsupported ? nil : "\(error)"
        }
        let indexes = FieldIndexes([index])
        for text in filters {
            let filter = try Filter(parsing: text)
            do {
                let found = try indexes.evaluate(filter, over: points.slots())
                if !mayDiffer, found.listed != points.matching(filter) { return text }
            } catch {
                if error.code != .corruptData { return "\(error)" }
            }
        }
        do { _ = try index.compact() } catch { if error.code != .corruptData { return "\(error)" } }
        return nil
    }

    private static func points(_ kind: FieldKind, _ filters: inout RandomFilters) -> SlotPoints {
        var points = SlotPoints(capacity: 12)
        for (slot, value) in values(kind, &filters).enumerated() {
            points.points[Slot(slot)] = FilteredPoint(id: .number(UInt64(slot)), payload: ["f": value])
        }
        return points
    }

    private static func write(_ kind: FieldKind, _ points: SlotPoints, _ path: String) throws {
        let field = IndexedField(JSONPath(member: "f"), kind)
        let sorted = points.points.sorted { $0.key < $1.key }
        try FieldIndex(field, of: sorted.map { (slot: $0.key, payload: $0.value.payload) }).write(to: path, version: 9)
    }

    @Test(arguments: FieldKind.allCases) func everyFlippedBitAndEveryTruncationIsFound(_ kind: FieldKind) throws {
        var filters = RandomFilters(SeededGenerator())
        try withTemporaryDirectory { folder in
            let points = Self.points(kind, &filters)
            try Self.write(kind, points, folder + "/good")
            #expect(try Self.lie(folder + "/good", points) == nil)
            let file = try Data(contentsOf: URL(fileURLWithPath: folder + "/good"))
            // Every bit of one kind; of the others every bit's neighbor but six, which is one of nearly every byte.
            for bit in stride(from: 0, to: file.count * 8, by: kind == .keyword ? 1 : 7) {
                var bytes = file
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                try bytes.writeAnew(to: folder + "/v")
                #expect(!SegmentFile.check(folder + "/v").isEmpty, "bit \(bit)")
                let lie = try Self.lie(folder + "/v", points)
                #expect(lie == nil, "bit \(bit): \(lie ?? "")")
            }
            for length in 0..<file.count {
                try file[..<length].writeAnew(to: folder + "/v")
                #expect(throws: BelfryError.self) { try FieldIndex(opening: folder + "/v") }
            }
        }
    }

    /// Damage under checksums that match: errors or other answers, and never a stray read.
    @Test(arguments: FieldKind.allCases) func hostileColumnsNeverCrash(_ kind: FieldKind) throws {
        var filters = RandomFilters(SeededGenerator())
        try withTemporaryDirectory { folder in
            let points = Self.points(kind, &filters)
            try Self.write(kind, points, folder + "/good")
            let file = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/good")))
            let good = try SegmentFile(folder + "/good")
            let ranges = try FieldFormat.sections.map { try good.range(of: $0) }
            for round in 0..<600 {
                var bytes = file
                for _ in 0..<Int.random(in: 1...4, using: &filters.random) {
                    let range = ranges.filter { !$0.isEmpty }.randomElement(using: &filters.random)!
                    bytes[Int.random(in: range, using: &filters.random)] = filters.pick([0, 1, 0x7f, 0x80, 0xff, 3])
                }
                for (number, range) in ranges.enumerated() {
                    bytes.replace(
                        at: 64 + 32 * number + 24, littleEndian: bytes[range].withUnsafeBytes { CRC32C.of($0) })
                }
                bytes.replace(at: 32, littleEndian: UInt32(0))
                let table = 64 + 32 * ranges.count
                bytes.replace(at: 32, littleEndian: bytes[..<table].withUnsafeBytes { CRC32C.of($0) })
                try Data(bytes).writeAnew(to: folder + "/v")
                let lie = try Self.lie(folder + "/v", points, mayDiffer: true)
                #expect(lie == nil, "\(round), \(lie ?? ""), \(filters.random)")
            }
        }
    }
}
