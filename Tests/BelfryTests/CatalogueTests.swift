import Files
import Foundation
import Shards
import TestSupport
import Testing

@testable import Belfry

@Suite struct CatalogueTests {
    private static let points: [Catalogue.PointRow] = (0..<60).map { row in
        let id: PointID = row % 3 == 0 ? PointName("key-\(row)").id : .number(UInt64.max - UInt64(row))
        return .init(
            slot: Slot(row), id: id, key: row % 3 == 0 ? "key-\(row)" : nil,
            payload: "{\"title\":\"Gerät \(row)\"}", version: row % 2 == 0 ? 0 : UInt64(row),
            source: row % 4 == 0 ? nil : Int64(row))
    }

    /// A catalogue with three segments, closed and packed.
    private static let users = (0..<20).map { number in
        User(key: "user \(number)", fields: ["age": .integer(Int64(number))], seen: ["a", "b"])
    }

    private static func make(_ path: String) throws {
        let catalogue = try Catalogue(path, .create)
        try catalogue.write { transaction in
            try transaction.put("journal", BuildJournal(recipe: "r", rows: "s", tower: "t", limit: nil))
            for point in points { try transaction.insert(point) }
            for user in users { try transaction.insert(user) }
            for number in 1...3 {
                try transaction.insert(
                    Catalogue.SegmentRow(number: number, rows: 20, record: "{}", dead: number == 2 ? [1, 2, 0] : []))
            }
        }
        try catalogue.pack()
    }

    /// All that the catalogue returns, as text.
    private static func content(_ path: String) throws -> [String] {
        try Catalogue(path, .read).read { transaction in
            var content = ["\(try transaction.document("journal", as: BuildJournal.self) as Any)"]
            content += try transaction.segments().map { "\($0)" }
            try transaction.forEachPoint { content.append("\($0)") }
            for point in points { content.append("\(try transaction.point(point.id) as Any)") }
            for user in users { content.append("\(try transaction.user(user.key) as Any)") }
            return content
        }
    }

    @Test func returnsWhatWasWritten() throws {
        try withTemporaryDirectory { folder in
            let path = "\(folder)/catalog.sqlite"
            try Self.make(path)
            #expect(Catalogue.check(path).isEmpty)
            let catalogue = try Catalogue(path, .read)
            let found = try catalogue.read { transaction in try Self.points.map { try transaction.point($0.id) } }
            #expect(found == Self.points)
            #expect(
                try catalogue.read { transaction in try Self.points.map { try transaction.point(slot: $0.slot) } }
                    == found)
            #expect(try catalogue.read { try $0.point(.number(5)) } == nil)
            #expect(try catalogue.read { try $0.segments() }.map(\.number) == [1, 2, 3])
        }
    }

    /// A flipped bit is found by `check`, or it lies where SQLite does not look and nothing that is returned differs.
    @Test func everyFlipThatMattersIsFound() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let original = "\(folder)/original.sqlite"
            try Self.make(original)
            let bytes = try Data(contentsOf: URL(fileURLWithPath: original))
            let expected = try Self.content(original)
            let path = "\(folder)/catalog.sqlite"
            var found = 0
            for _ in 0..<3_000 {
                let offset = Int.random(in: 0..<bytes.count, using: &random)
                var flipped = bytes
                flipped[offset] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                try flipped.write(to: URL(fileURLWithPath: path))
                if Catalogue.check(path).isEmpty {
                    let content = try? Self.content(path)
                    #expect(content == expected, "byte \(offset), \(random)")
                } else {
                    found += 1
                }
            }
            // Most of the few pages is free space.
            #expect(found > 400)
        }
    }

    /// With the seal, any flip is found: in free space, in the header, in the seal itself.
    @Test func theSealSeesEveryByte() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let path = "\(folder)/catalog.sqlite"
            try Self.make(path)
            #expect(CatalogueSeal.check(path).isEmpty)
            for file in [path, "\(folder)/catalog.seal"] {
                let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
                for _ in 0..<1_000 {
                    let offset = Int.random(in: 0..<bytes.count, using: &random)
                    var flipped = bytes
                    flipped[offset] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                    try flipped.write(to: URL(fileURLWithPath: file))
                    let problems = CatalogueSeal.check(path)
                    #expect(problems.first?.location?.file == file, "\(file), byte \(offset), \(random)")
                }
                try bytes.write(to: URL(fileURLWithPath: file))
            }
            // A database that was written to since, and not closed in order, is not damaged.
            let catalogue = try Catalogue(path, .create)
            try catalogue.write { try $0.insert(Catalogue.SegmentRow(number: 4, rows: 1, record: "{}")) }
            #expect(CatalogueSeal.check(path).isEmpty)
            try catalogue.close()
            #expect(CatalogueSeal.check(path).isEmpty)
        }
    }

    @Test func truncationsAreErrors() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let path = "\(folder)/catalog.sqlite"
            try Self.make(path)
            let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            for _ in 0..<200 {
                let length = Int.random(in: 0..<bytes.count, using: &random)
                try bytes.prefix(length).write(to: URL(fileURLWithPath: path))
                #expect(!Catalogue.check(path).isEmpty, "\(length) of \(bytes.count) bytes, \(random)")
            }
        }
    }

    @Test func aFlippedLetterInAPayloadIsAnErrorOnRead() throws {
        try withTemporaryDirectory { folder in
            let path = "\(folder)/catalog.sqlite"
            try Self.make(path)
            var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            let place = try #require(bytes.range(of: Data("Gerät 17".utf8)))
            bytes[place.lowerBound] ^= 0x20
            try bytes.write(to: URL(fileURLWithPath: path))
            let error = #expect(throws: BelfryError.self) {
                try Catalogue(path, .read).read { try $0.point(Self.points[17].id) }
            }
            #expect(error?.code == .corruptData)
            #expect(error?.location?.place?.contains("table points, row") == true)
            #expect(Catalogue.check(path).count == 1)
        }
    }

    @Test func whatIsNoCatalogueIsRefused() throws {
        try withTemporaryDirectory { folder in
            for content in ["", "not a database at all", String(repeating: "SQLite format 3\0", count: 100)] {
                let path = "\(folder)/catalog.sqlite"
                try Data(content.utf8).write(to: URL(fileURLWithPath: path))
                #expect(Catalogue.check(path).first?.code == .corruptData, "\(content.prefix(20))")
            }
            #expect(throws: BelfryError.self) { try Catalogue("\(folder)/absent.sqlite", .read) }
        }
    }
}
