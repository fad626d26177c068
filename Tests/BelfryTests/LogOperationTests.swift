import Files
import Foundation
import Shards
import TestSupport
import Testing

@testable import Belfry

@Suite struct LogOperationTests {
    private static func encode(_ batch: [LogOperation]) throws -> [UInt8] {
        let record = try LogRecord.encode(batch, lsn: 1, synced: 0, identity: [])
        let length = record.withUnsafeBytes { LogRecord($0)!.length }
        return Array(record[LogRecord.headSize..<LogRecord.headSize + length])
    }

    private static func decode(_ body: [UInt8]) throws -> [LogOperation] {
        try body.withBytes { body throws(BelfryError) in try LogRecord.decode(body, file: "f", base: 100) }
    }

    @Test func everyOperationComesBack() throws {
        var random = SeededGenerator()
        for round in 0..<2000 {
            let batch = random.batch()
            let body = try Self.encode(batch)
            #expect(try Self.decode(body) == batch, "round \(round), \(random)")
            #expect(try Self.encode(Self.decode(body)) == body, "round \(round), \(random)")
        }
    }

    /// Not the numbers alone: every bit, also of what is no number.
    @Test func vectorsKeepTheirBits() throws {
        let bits: [UInt32] = [0, 0x8000_0000, 1, 0x7f80_0000, 0x7fc0_0001, 0xff80_1234, 0x3f80_0000]
        let body = try Self.encode([
            .setVectors(id: .number(1), vectors: ["v": .dense(bits.map { Float(bitPattern: $0) })])
        ])
        guard case .setVectors(_, let vectors)? = try Self.decode(body).first else {
            Issue.record("no vectors"); return
        }
        #expect(vectors["v"]?.dense?.map(\.bitPattern) == bits)
    }

    /// The bytes of version 1. If this fails, logs that are on disk can no longer be read.
    @Test func theBytesStayAsTheyAre() throws {
        let point = LogPoint(id: .number(7), key: "k", vectors: ["v": .dense([1])], payload: "{}")
        let body = try Self.encode([.upsert(point: point, condition: .version(3)), .delete(ids: [.number(2)])])
        let upsert: [UInt8] =
            [1, 0, 7, 0, 0, 0, 0, 0, 0, 0] + [1, 1, 0, 0, 0, 0x6b] + [1, 0, 0, 0, 1, 0, 0, 0, 0x76]
            + [1, 0, 0, 0, 0, 0, 0x80, 0x3f] + [2, 0, 0, 0, 0x7b, 0x7d] + [3, 3, 0, 0, 0, 0, 0, 0, 0]
        let delete: [UInt8] = [2, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]
        #expect(body == [2, 0, 0, 0] + [UInt8(upsert.count), 0, 0, 0] + upsert + [14, 0, 0, 0] + delete)
        let record = LogRecord.seal([1, 2, 3, 4, 5], lsn: 0x0102, synced: 0x0101, identity: Array(0..<16))
        let crc = (Array(record[..<4]) + record[8..<24] + Array(0..<16) + record[24...]).withBytes { CRC32C.of($0) }
        var expected: [UInt8] = [
            5, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0,
        ]
        expected.put(crc, at: 4)
        #expect(record == expected)
    }

    @Test func whatIsNewerIsSaidToBe() throws {
        for (body, place) in [
            ([16, 0], 108), ([0xff], 108), ([1, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4], 127),
        ]
            as [([UInt8], Int)]
        {
            let error = failure { _ = try Self.decode([1, 0, 0, 0, UInt8(body.count), 0, 0, 0] + body) }
            #expect(error?.code == .unsupported && error?.message.contains("newer belfry") == true, "\(body)")
            #expect(error?.location == .byte(place, of: "f"), "\(body)")
        }
    }

    @Test func everyTruncationAndEveryByteTooManyIsAnError() throws {
        var random = SeededGenerator()
        for _ in 0..<200 {
            let body = try Self.encode([random.operation(), random.operation()])
            for length in 0..<body.count {
                #expect(failure { _ = try Self.decode(Array(body[..<length])) }?.code == .corruptData, "\(random)")
            }
            #expect(failure { _ = try Self.decode(body + [0]) }?.code == .corruptData, "\(random)")
        }
    }

    @Test func hostileBytesNeverTrap() throws {
        var random = SeededGenerator()
        var (whole, refused) = (0, 0)
        for _ in 0..<Fuzz.executions(30_000) {
            var body = try Self.encode(random.batch())
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let value = [0, 1, 2, 0x7f, 0x80, 0xff, UInt8.random(in: 0...255, using: &random)]
                body[Int.random(in: 0..<body.count, using: &random)] = value.randomElement(using: &random)!
            }
            if let error = failure(of: { _ = try Self.decode(body) }) {
                #expect([.corruptData, .unsupported].contains(error.code), "\(error), \(random)")
                refused += 1
            } else {
                whole += 1
            }
        }
        #expect(whole > 0 && refused > 0, "\(random)")
    }

    @Test func textsThatAreNotUTF8AndNamesThatAreThereTwiceAreRefused() throws {
        func body(_ operation: [UInt8]) -> [UInt8] { [1, 0, 0, 0, UInt8(operation.count), 0, 0, 0] + operation }
        let text = failure { _ = try Self.decode(body([3, 0, 0, 0, 0, 1, 0, 0, 0, 0xff])) }
        #expect(text?.code == .corruptData && text?.message.contains("UTF-8") == true)
        let vector: [UInt8] = [1, 0, 0, 0, 0x76, 0, 0, 0, 0]
        let twice = failure { _ = try Self.decode(body([7, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0] + vector + vector)) }
        #expect(twice?.code == .corruptData && twice?.message.contains("twice") == true)
    }

    @Test func theLimitOfARecordIsSaid() throws {
        let large = LogOperation.setPayload(ids: [], json: String(repeating: "a", count: LogFile.recordLimit))
        let error = failure { _ = try Self.encode([large]) }
        #expect(error?.code == .invalidInput && error?.message.contains("32 MiB") == true)
        // Count of operations, length, tag, count of ids, length of the text.
        let text = String(repeating: "a", count: LogFile.recordLimit - 17)
        #expect(try Self.encode([.setPayload(ids: [], json: text)]).count == LogFile.recordLimit)
        #expect(failure { _ = try Self.encode([.setPayload(ids: [], json: text + "a")]) }?.code == .invalidInput)
    }
}
