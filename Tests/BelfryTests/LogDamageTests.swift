import Files
import Foundation
import Shards
import TestSupport
import Testing

@testable import Belfry

/// What a reader makes of a log whose bytes are not what was written.
@Suite struct LogDamageTests {
    /// Three records, each synced before the next.
    private static func sample(_ folder: String, _ random: inout SeededGenerator, step: Int = 0) throws -> LogImage {
        let batches = (0..<3).map { number in
            [random.operation(), .setPayload(ids: [.number(UInt64(number))], json: "{\"number\":\(number)}")]
        }
        return try LogImage(folder, groups: batches.map { [$0] }, step: step)
    }

    /// A file that was cut has the batches whose records are whole, and what is left of the next is a torn tail.
    @Test func everyTruncationGivesTheWholeRecords() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let image = try Self.sample(folder, &random)
            #expect(image.bytes.count == image.offsets[3])
            for length in 0...image.bytes.count {
                let found = try image.replay(Array(image.bytes[..<length]))
                #expect(found.error == nil, "\(length) bytes, \(found.error!), \(random)")
                let whole = image.offsets.dropFirst().filter { $0 <= length }.count
                #expect(found.batches == Array(image.batches[..<whole]), "\(length) bytes, \(random)")
                #expect(found.end?.nextLSN == UInt64(whole + 1))
                guard length >= LogFile.headerSize else {
                    #expect(found.end?.tornCreation == 1 && found.end?.file == nil, "\(length) bytes")
                    continue
                }
                let start = image.offsets[whole]
                #expect(found.end?.offset == start && found.end?.tornCreation == nil)
                // A rest that is all zeros cannot be told from room.
                let isTorn = image.bytes[start..<length].contains { $0 != 0 }
                #expect(found.end?.tornTail == (isTorn ? .byte(start, of: image.path) : nil), "\(length) bytes")
                // Who has applied more than is there knows better.
                let error = try image.replay(Array(image.bytes[..<length]), applied: UInt64(whole + 1)).error
                #expect(error?.code == .corruptData && error?.location == .byte(start, of: image.path))
            }
        }
    }

    @Test func everyFlippedBitIsFoundOrInTheTail() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let image = try Self.sample(folder, &random, step: 512)
            #expect(image.bytes.count % 512 == 0 && image.bytes.count > image.offsets[3])
            for offset in image.bytes.indices {
                for bit in 0..<8 {
                    var bytes = image.bytes
                    bytes[offset] ^= 1 << UInt8(bit)
                    let found = try image.replay(bytes)
                    let what: Comment = "byte \(offset), bit \(bit), \(random)"
                    switch image.offsets.lastIndex(where: { $0 <= offset }) {
                    case nil:
                        #expect(found.error?.code == .corruptData && found.batches.isEmpty, what)
                        #expect(found.error?.location == .byte(0, of: image.path), what)
                    case 0, 1:
                        let record = image.offsets.lastIndex { $0 <= offset }!
                        #expect(found.error?.code == .corruptData, what)
                        #expect(found.error?.location == .byte(image.offsets[record], of: image.path), what)
                        #expect(found.batches == Array(image.batches[..<record]), what)
                    case let record?:
                        #expect(found.error == nil, what)
                        #expect(found.end?.tornTail == .byte(image.offsets[record], of: image.path), what)
                        #expect(found.batches == Array(image.batches[..<record]), what)
                        if record == 2 {
                            #expect(try image.replay(bytes, applied: 3).error?.code == .corruptData, what)
                        }
                    }
                }
            }
        }
    }

    /// A power cut may keep any sectors of what was not synced: those before it are all there, of those after it only
    /// whole ones in order, and never an error.
    @Test func unsyncedSectorsMayComeInAnyOrder() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            var (torn, partly, whole) = (0, 0, 0)
            for round in 0..<40 {
                let place = "\(folder)/\(round)"
                let groups = (0..<3).map { _ in
                    (0..<Int.random(in: 1...5, using: &random)).map { _ in
                        random.batch() + [
                            LogOperation.setVectors(id: .number(1), vectors: ["v": .dense(random.vector(150))])
                        ]
                    }
                }
                let image = try LogImage(place, groups: groups, step: 8192)
                let synced = groups[0].count + groups[1].count
                var before = image.bytes
                for index in image.offsets[synced]..<before.count { before[index] = 0 }
                for _ in 0..<25 {
                    var bytes = before
                    for sector in stride(from: 0, to: bytes.count, by: 512)
                    where Int.random(in: 0..<4, using: &random) > 0 {
                        bytes.replaceSubrange(sector..<sector + 512, with: image.bytes[sector..<sector + 512])
                    }
                    let found = try image.replay(bytes, applied: UInt64(synced))
                    #expect(found.error == nil, "\(found.error!), \(random)")
                    let count = found.batches.count
                    #expect(count >= synced && found.batches == Array(image.batches[..<count]), "\(random)")
                    if found.end?.tornTail != nil { torn += 1 }
                    if count == image.batches.count { whole += 1 } else if count > synced { partly += 1 }
                    // A writer goes on behind it, and what lay there does not come back.
                    let writer = try LogWriter(place, applied: UInt64(synced), step: 512)
                    #expect(try writer.append([[.clearPayload(ids: [])]]) == UInt64(count + 1)...UInt64(count + 1))
                    try writer.sync()
                    let after = Replayed(place)
                    #expect(after.batches == found.batches + [[.clearPayload(ids: [])]], "\(random)")
                    #expect(after.end?.tornTail == nil, "\(random)")
                }
            }
            #expect(torn > 100 && partly > 20 && whole > 5, "\(torn), \(partly), \(whole), \(random)")
        }
    }

    /// What a killed writer left behind a torn record has the file's identity, right checksums and the next LSNs: cut off,
    /// it cannot follow on a new record of the same length.
    @Test func whatLayBehindATornRecordDoesNotComeBack() throws {
        try withTemporaryDirectory { folder in
            func batch(_ number: Int) -> [LogOperation] { [.delete(ids: [.number(UInt64(number))])] }
            let image = try LogImage(folder, groups: [[batch(1)], [batch(2), batch(3)]])
            var bytes = image.bytes
            bytes[image.offsets[1] + 30] ^= 1
            #expect(try image.replay(bytes).end?.tornTail == .byte(image.offsets[1], of: image.path))
            let writer = try LogWriter(folder)
            #expect(try writer.append([batch(4)]) == 2...2)
            #expect(Replayed(folder).batches == [batch(1), batch(4)])
        }
    }

    @Test func garbageBehindTheEndIsATornTail() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let image = try Self.sample(folder, &random)
            for gap in [0, 8, 4096, 300_000] {
                let garbage = (0..<700).map { _ in UInt8.random(in: 0...255, using: &random) } + [1]
                let found = try image.replay(image.bytes + [UInt8](repeating: 0, count: gap) + garbage)
                #expect(found.error == nil && found.batches == image.batches, "\(random)")
                #expect(found.end?.tornTail == .byte(image.offsets[3], of: image.path), "\(random)")
            }
            // The records of another file, whose identity they do not have.
            let other = try Self.sample(folder + "/other", &random)
            let foreign = try image.replay(image.bytes + other.bytes[64...])
            #expect(foreign.error == nil && foreign.batches == image.batches && foreign.end?.tornTail != nil)
        }
    }

    /// A zeroed stretch is damage where a synced record lies behind it, however far.
    @Test func aLostStretchIsDamage() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let long = [LogOperation.setVectors(id: .number(1), vectors: ["v": .dense(random.vector(150_000))])]
            let image = try LogImage(folder, groups: [[long], [long], [long], [random.batch()]])
            var bytes = image.bytes
            for index in image.offsets[1]..<image.offsets[3] { bytes[index] = 0 }
            let found = try image.replay(bytes)
            #expect(found.error?.location == .byte(image.offsets[1], of: image.path) && found.batches == [long])
            #expect(found.error?.message.contains("LSN 2") == true)
        }
    }

    /// Bytes that look like heads of large records would ask for checksums without end: that is taken for damage.
    @Test func theSearchEnds() throws {
        try withTemporaryDirectory { folder in
            let image = try LogImage(folder, groups: [[[.delete(ids: [])]]])
            var bytes = image.bytes
            for number in 0..<2000 {
                var head = [UInt8](repeating: 1, count: 32)
                head.put(UInt32(4000), at: 0)
                head.put(UInt64(3), at: 8)
                head.put(UInt64(2), at: 16)
                bytes += number == 0 ? [UInt8](repeating: 7, count: 32) : head
            }
            try Data(bytes).writeAnew(to: image.path)
            let log = try LogBytes(image.path)
            let (offset, identity) = (image.offsets[1], image.file.identity)
            #expect(try log.remains(from: offset, missing: 2, identity: identity) == .unsynced)
            let ended = try log.remains(from: offset, missing: 2, identity: identity, budget: 100_000)
            #expect(ended != .unsynced && ended != .nothing)
        }
    }

    @Test func hostileBytesWithRightChecksumsNeverTrap() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let image = try Self.sample(folder, &random)
            var refused = 0
            for _ in 0..<Fuzz.executions(4000) {
                var bytes = Array(image.bytes[..<64])
                let hostile: [UInt64] = [0, 1, 2, 3, 1 << 62, 1 << 63, .max, random.next()]
                if Int.random(in: 0..<4, using: &random) == 0 {
                    bytes.put(hostile.randomElement(using: &random)!, at: [16, 24, 48].randomElement(using: &random)!)
                    bytes = bytes.resealedHeader
                }
                for number in 1...3 {
                    var body = (0..<Int.random(in: 4...60, using: &random)).map { _ in
                        [0, 1, 2, 3, 9, 0xff, UInt8.random(in: 0...255, using: &random)].randomElement(using: &random)!
                    }
                    if Bool.random(using: &random) { body.replaceSubrange(0..<4, with: [1, 0, 0, 0]) }
                    let isOdd = Int.random(in: 0..<8, using: &random) == 0
                    let lsn = isOdd ? hostile.randomElement(using: &random)! : UInt64(number)
                    let synced = isOdd ? hostile.randomElement(using: &random)! : UInt64(number - 1)
                    bytes += LogRecord.seal(body, lsn: lsn, synced: synced, identity: image.file.identity)
                }
                let found = try image.replay(bytes)
                if let error = found.error {
                    #expect([.corruptData, .unsupported].contains(error.code), "\(error), \(random)")
                    refused += 1
                }
            }
            #expect(refused > 100, "\(random)")
        }
    }

    @Test func hostileHeadersAreClearErrors() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let image = try Self.sample(folder, &random)
            func expect(
                _ code: BelfryError.Code, _ words: String, at place: Int, resealed: Bool = true,
                _ change: (inout [UInt8]) -> Void
            ) throws {
                var bytes = image.bytes
                change(&bytes)
                let error = try image.replay(resealed ? bytes.resealedHeader : bytes).error
                #expect(error?.code == code && error?.message.contains(words) == true, "\(words): \(error!)")
                #expect(error?.location == .byte(place, of: image.path), "\(words)")
            }
            try expect(.unsupported, "format 2", at: 8) { $0.put(UInt32(2), at: 8) }
            try expect(.corruptData, "version 0", at: 8) { $0.put(UInt32(0), at: 8) }
            try expect(.corruptData, "renamed", at: 16) { $0.put(UInt64(2), at: 16) }
            try expect(.corruptData, "not an LSN", at: 24) { $0.put(UInt64(0), at: 24) }
            try expect(.corruptData, "not an LSN", at: 24) { $0.put(UInt64.max, at: 24) }
            try expect(.corruptData, "reserved", at: 50) { $0[50] = 1 }
            try expect(.corruptData, "BELFRYLG", at: 0) { $0[0] = 0x62 }
            try expect(.corruptData, "BELFRYLG", at: 0) { $0 = Array("id,title\n1,A text of somebody's.\n".utf8) + $0 }
            try expect(.corruptData, "checksum", at: 0, resealed: false) { $0[60] = 1 }
            try expect(.corruptData, "checksum", at: 0, resealed: false) { bytes in
                for index in 0..<64 { bytes[index] = 0 }
            }
        }
    }

    @Test func anLSNThatDoesNotFollowIsDamage() throws {
        try withTemporaryDirectory { folder in
            let image = try LogImage(folder, groups: [[[.delete(ids: [])]]])
            for lsn: UInt64 in [1, 3, 1 << 40] {
                let record = try LogRecord.encode([], lsn: lsn, synced: 0, identity: image.file.identity)
                let found = try image.replay(image.bytes + record)
                #expect(found.error?.code == .corruptData && found.batches.count == 1, "\(lsn)")
                #expect(found.error?.location == .byte(image.offsets[1], of: image.path), "\(lsn)")
                #expect(found.error?.message.contains("where 2 must follow") == true, "\(lsn)")
            }
        }
    }

    /// A right checksum over what is no batch was not written by a power cut.
    @Test func aNewerOperationIsNoTornTail() throws {
        try withTemporaryDirectory { folder in
            let image = try LogImage(folder, groups: [[[.delete(ids: [])]]])
            let record = LogRecord.seal(
                [1, 0, 0, 0, 1, 0, 0, 0, 200], lsn: 2, synced: 1, identity: image.file.identity)
            let found = try image.replay(image.bytes + record)
            #expect(found.error?.code == .unsupported && found.batches.count == 1)
            #expect(found.error?.location == .byte(image.offsets[1] + 32, of: image.path))
        }
    }
}
