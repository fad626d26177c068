import Files
import Foundation
import TestSupport
import Testing

@testable import Shards

private func randomUUID(_ random: inout SeededGenerator) -> UUID {
    UUID(uuid: unsafeBitCast((random.next(), random.next()), to: uuid_t.self))
}

@Suite struct IDsTests {
    @Test func readsIdsAsPeopleWriteThem() {
        #expect(PointID("0") == .number(0))
        #expect(PointID("18446744073709551615") == .number(.max))
        let uuid = UUID(uuidString: "936DA01F-9ABD-4D9D-80C7-02AF85C822A8")!
        for text in [
            "936da01f-9abd-4d9d-80c7-02af85c822a8", "936DA01F-9ABD-4D9D-80C7-02AF85C822A8",
            "936da01f9abd4d9d80c702af85c822a8",
        ] { #expect(PointID(text) == .uuid(uuid)) }
        #expect(PointID.uuid(uuid).description == "936da01f-9abd-4d9d-80c7-02af85c822a8")
        #expect(PointID.number(42).description == "42")
        // 32 digits are a UUID, not a number: no 64-bit number has so many.
        #expect(PointID("12345678123456781234567812345678")?.description == "12345678-1234-5678-1234-567812345678")
        for text in [
            "", "00", "01", "-1", "+1", " 1", "1 ", "1.0", "1e3", "18446744073709551616", "٣", "abc",
            "936da01f-9abd-4d9d-80c7-02af85c822a", "936da01f-9abd4d9d-80c7-02af85c822a8-",
            "936da01f-9abd-4d9d-80c7-02af85c822ag", "936da01f9abd4d9d80c702af85c822aé",
            "{936da01f-9abd-4d9d-80c7-02af85c822a8}",
        ] { #expect(PointID(text) == nil, "\(text)") }
    }

    @Test func ordersNumbersBeforeUUIDs() {
        let low = UUID(uuidString: "00000000-0000-0000-0000-0000000000ff")!
        let high = UUID(uuidString: "01000000-0000-0000-0000-000000000000")!
        let ordered: [PointID] = [.number(0), .number(9), .number(.max), .uuid(low), .uuid(high)]
        #expect(ordered.shuffled().sorted() == ordered)
        #expect(!(PointID.number(1) < .number(1)) && !(PointID.uuid(low) < .uuid(low)))
    }

    @Test(arguments: [0, 1, 2, 63, 64, 65, 1000]) func keepsIds(count: Int) throws {
        var random = SeededGenerator()
        let ids = (0..<count).map { row -> PointID in
            if row % 3 == 0 { return .uuid(randomUUID(&random)) }
            return .number(row % 3 == 1 ? UInt64(row) : .random(in: 0...UInt64.max, using: &random))
        }
        try withTemporaryDirectory { folder in
            let writer = try IDsWriter(folder + "/ids")
            for id in ids { try writer.append(id) }
            #expect(writer.count == count)
            try writer.finish()
            let reader = try IDsReader(folder + "/ids")
            #expect(reader.count == count)
            for row in 0..<count { #expect(try reader.id(row) == ids[row]) }
            #expect(reader.check().isEmpty && SegmentFile.check(folder + "/ids").isEmpty)
            let rows = Array(0..<count).shuffled(using: &random)
            #expect(reader.rows(of: rows.map { ids[$0] }) == rows)
            // What is nearly an id is none.
            let others = ids.map { id -> PointID in
                guard case .number(let number) = id else { return .uuid(randomUUID(&random)) }
                return .uuid(UUID(uuid: unsafeBitCast((number.littleEndian, UInt64(0)), to: uuid_t.self)))
            }
            #expect(reader.rows(of: others) == others.map { _ in nil })
        }
    }

    /// For few ids of many the table is not made, unless they are asked for again and again.
    @Test func makesItsTableWhenItIsWorthIt() throws {
        try withTemporaryDirectory { folder in
            let writer = try IDsWriter(folder + "/ids")
            for id in 0..<6_400 { try writer.append(.number(UInt64(id))) }
            try writer.finish()
            let reader = try IDsReader(folder + "/ids")
            let ids = (0..<60).map { PointID.number(UInt64($0)) }
            #expect(reader.rows(of: ids) == nil)
            #expect(reader.rows(of: ids) == Array(0..<60))
        }
    }

    @Test func everyFlippedBitAndEveryTruncationIsFound() throws {
        try withTemporaryDirectory { folder in
            var random = SeededGenerator()
            let ids: [PointID] = [
                .number(1), .uuid(randomUUID(&random)), .number(.max), .number(0), .uuid(randomUUID(&random)),
            ]
            let writer = try IDsWriter(folder + "/good")
            for id in ids { try writer.append(id) }
            try writer.finish()
            let file = try contents(folder + "/good")
            for bit in 0..<file.count * 8 {
                var bytes = file
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                try replace(folder + "/ids", bytes)
                #expect(!SegmentFile.check(folder + "/ids").isEmpty, "bit \(bit)")
                guard let reader = try? IDsReader(folder + "/ids") else { continue }
                for row in ids.indices {
                    guard let id = try? reader.id(row) else { continue }
                    #expect(id == ids[row], "bit \(bit)")
                }
                for (place, row) in (reader.rows(of: ids) ?? []).enumerated() where row != nil {
                    #expect(row == place, "bit \(bit)")
                }
            }
            for length in 0..<file.count {
                try replace(folder + "/ids", Array(file[..<length]))
                #expect(try failure { _ = try IDsReader(folder + "/ids") }?.code == .corruptData)
            }
        }
    }
}
