import Files
import Foundation
import Shards
import TestSupport
import Testing

@testable import Belfry

private func batch(_ number: Int) -> [LogOperation] { [.delete(ids: [.number(UInt64(number))])] }

@Suite struct LogWriterTests {
    @Test func batchesComeBackOverSeveralFilesAndOpenings() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let log = folder + "/a/log"
            var written: [[LogOperation]] = []
            for opening in 0..<8 {
                var found: [[LogOperation]] = []
                let writer = try LogWriter(log, applied: UInt64(written.count), step: [0, 64, 4096][opening % 3]) {
                    #expect($0 == UInt64(found.count + 1))
                    found.append($1)
                }
                #expect(found == written, "opening \(opening), \(random)")
                for _ in 0..<6 {
                    let batches = (0..<Int.random(in: 1...4, using: &random)).map { _ in random.batch() }
                    let range = try writer.append(batches)
                    #expect(range == UInt64(written.count + 1)...UInt64(written.count + batches.count))
                    written += batches
                    #expect(writer.syncedLSN < range.upperBound)
                    try writer.sync()
                    #expect(writer.syncedLSN == range.upperBound)
                    if Int.random(in: 0..<3, using: &random) == 0 { try writer.startNext() }
                }
            }
            let reader = try LogReader(log)
            #expect(reader.files.count > 5)
            let all = Replayed(log)
            #expect(all.batches == written && all.end?.tornTail == nil, "\(random)")
            for from in 1...UInt64(written.count + 1) {
                let found = Replayed(log, from: from, applied: UInt64(written.count))
                #expect(found.lsns == Array(from..<UInt64(written.count + 1)), "from \(from), \(random)")
                #expect(found.batches == Array(written[Int(from - 1)...]), "from \(from), \(random)")
            }
        }
    }

    @Test func anEmptyFolderBeginsWhereItIsTold() throws {
        try withTemporaryDirectory { folder in
            let writer = try LogWriter(folder, from: 501, applied: 500)
            #expect(try writer.append([batch(1)]) == 501...501)
            try writer.sync()
            #expect(Replayed(folder, from: 501).lsns == [501])
            for from: UInt64 in [1, 500] {
                let error = Replayed(folder, from: from).error
                #expect(error?.code == .corruptData && error?.message.contains("LSN \(from)") == true)
            }
            #expect(Replayed(folder, from: 503).error?.code == .corruptData)
            #expect(Replayed(folder + "/none", from: 1, applied: 1).error?.code == .corruptData)
            #expect(Replayed(folder + "/none").end?.nextLSN == 1)
        }
    }

    @Test func reportsNoBatchAndOneThatIsTooLargeAndGoesOn() throws {
        try withTemporaryDirectory { folder in
            let writer = try LogWriter(folder)
            let none = failure { _ = try writer.append([]) }
            #expect(none?.code == .invalidInput)
            let large = LogOperation.setPayload(ids: [], json: String(repeating: "a", count: LogFile.recordLimit))
            let error = failure { _ = try writer.append([batch(1), [large]]) }
            #expect(error?.code == .invalidInput && error?.message.contains("32 MiB") == true)
            #expect(try writer.append([batch(2)]) == 1...1)
            try writer.sync()
            #expect(Replayed(folder).batches == [batch(2)])
        }
    }

    @Test func filesWhoseRecordsAreAllBelowGo() throws {
        try withTemporaryDirectory { folder in
            let writer = try LogWriter(folder)
            for number in 0..<4 {
                // Two batches a file: 1 and 2, 3 and 4, 5 and 6, 7 and 8.
                _ = try writer.append([batch(number), batch(number)])
                try writer.sync()
                if number < 3 { try writer.startNext() }
            }
            for name in ["notes", "00001", "0000001", "000009.old", "999999x"] {
                try Data().writeAnew(to: "\(folder)/\(name)")
            }
            let others = try System.list(folder).filter { LogFile.number(of: $0) == nil }
            #expect(others.count == 5)
            #expect(try writer.remove(before: 2) == [])
            #expect(try writer.remove(before: 3) == ["000001"])
            #expect(try writer.remove(before: 6) == ["000002"])
            #expect(Replayed(folder, from: 5).lsns == [5, 6, 7, 8])
            #expect(try writer.remove(before: .max) == ["000003"])
            #expect(try System.list(folder) == (others + ["000004"]).sorted())
            #expect(try writer.append([batch(9)]) == 9...9)
            try writer.sync()
            let again = try LogWriter(folder, from: 7, applied: 9)
            #expect(again.nextLSN == 10 && again.files.map(\.number) == [4])
        }
    }

    @Test func noLinkIsFollowedOrRemoved() throws {
        try withTemporaryDirectory { folder in
            let (log, victim) = (folder + "/log", folder + "/victim")
            let writer = try LogWriter(log)
            for number in 1...3 {
                _ = try writer.append([batch(number)])
                try writer.startNext()
            }
            try System.rename(log + "/000002", to: victim)
            #expect(symlink(victim, log + "/000002") == 0)
            let before = try contents(of: victim)
            #expect(try writer.remove(before: .max) == ["000001", "000003"])
            #expect(try System.list(log) == ["000002", "000004"])
            #expect(try contents(of: victim) == before)
            #expect(Replayed(log, from: 4).error?.code == .conflict)
            #expect(failure { _ = try LogWriter(log, from: 4) }?.code == .conflict)
            #expect(failure { _ = try LogBytes(log + "/000002") }?.code == .conflict)
            // The current file, and the folder itself.
            try System.remove(log + "/000002")
            try System.rename(log + "/000004", to: victim)
            #expect(symlink(victim, log + "/000004") == 0)
            #expect(failure { _ = try LogWriter(log, from: 4) }?.code == .conflict)
            #expect(symlink(log, folder + "/link") == 0)
            #expect(failure { _ = try LogWriter(folder + "/link", from: 4) }?.code == .conflict)
            #expect(Replayed(folder + "/link", from: 4).error?.code == .conflict)
            #expect(try contents(of: victim).starts(with: LogFile.magic))
        }
    }

    @Test func aFileThatIsMissingOrNoFileIsNamed() throws {
        try withTemporaryDirectory { folder in
            let writer = try LogWriter(folder)
            for number in 1...4 {
                _ = try writer.append([batch(number)])
                try writer.startNext()
            }
            try System.rename(folder + "/000003", to: folder + "/aside")
            let missing = Replayed(folder).error
            #expect(missing?.code == .corruptData && missing?.location?.file == folder + "/000003")
            try System.createDirectory(folder + "/000003")
            #expect(Replayed(folder).error?.code == .invalidInput)
            try System.remove(folder + "/000003")
            // Another file's records under this number, and this one's with fewer records.
            try System.copyFile(folder + "/000002", to: folder + "/000003")
            #expect(Replayed(folder).error?.message.contains("renamed") == true)
            let bytes = try contents(of: folder + "/aside")
            for length in LogFile.headerSize..<bytes.count {
                try Data(bytes[..<length]).writeAnew(to: folder + "/000003")
                let cut = Replayed(folder)
                #expect(cut.error?.code == .corruptData && cut.lsns == [1, 2], "\(length) bytes")
                #expect(cut.error?.location == .byte(LogFile.headerSize, of: folder + "/000003"))
            }
            try Data(bytes[..<40]).writeAnew(to: folder + "/000003")
            #expect(Replayed(folder).error?.location == .byte(0, of: folder + "/000003"))
        }
    }

    @Test func aGapBetweenFilesIsDamage() throws {
        try withTemporaryDirectory { folder in
            let writer = try LogWriter(folder)
            _ = try writer.append([batch(1)])
            try writer.sync()
            for lsn: UInt64 in [1, 3] {
                let file = try LogFile(new: 2, in: folder, firstLSN: lsn)
                try Data(file.header).writeAnew(to: file.path)
                let found = Replayed(folder)
                let places: [BelfryError.Location] = [
                    .byte(24, of: file.path), .byte(writer.size, of: folder + "/000001"),
                ]
                #expect(found.error?.code == .corruptData && found.lsns == [1], "\(lsn)")
                #expect(found.error?.location == places[lsn == 1 ? 0 : 1], "\(lsn)")
            }
        }
    }

    /// The header, or less, of a file without records: whoever made it was killed before anything was in it.
    @Test func aTornCreationIsMadeAnew() throws {
        try withTemporaryDirectory { folder in
            let header = try LogFile(new: 2, in: folder, firstLSN: 2).header
            for length in 0..<LogFile.headerSize {
                for room in [0, 5000] {
                    let log = "\(folder)/\(length)-\(room)"
                    let first = try LogWriter(log, step: 0)
                    _ = try first.append([batch(1)])
                    try first.sync()
                    let torn = Array(header[..<length]) + [UInt8](repeating: 0, count: room)
                    try Data(torn).writeAnew(to: log + "/000002")
                    // With room behind it, the zeros at a header's end are there.
                    let isWhole = room > 0 && length >= 48
                    #expect(Replayed(log).end?.tornCreation == (isWhole ? nil : 2))
                    let writer = try LogWriter(log, applied: 1, step: 0)
                    #expect(try writer.append([batch(2)]) == 2...2)
                    try writer.startNext()
                    #expect(try writer.append([batch(3)]) == 3...3)
                    #expect(Replayed(log).batches == [batch(1), batch(2), batch(3)])
                }
            }
            // The first of all.
            let log = folder + "/first"
            try System.createDirectory(log)
            try Data(header[..<20]).writeAnew(to: log + "/000001")
            #expect(try LogWriter(log, from: 7).append([batch(1)]) == 7...7)
            // A bad record before a file that was begun was synced, whatever became of that file.
            let image = try LogImage(folder + "/bad", groups: [[batch(1)], [batch(2)]])
            try Data().writeAnew(to: image.folder + "/000002")
            var bytes = image.bytes
            bytes[image.offsets[1] + 24] ^= 1
            #expect(try image.replay(bytes).error?.location == .byte(image.offsets[1], of: image.path))
        }
    }

    @Test func readingChangesNothing() throws {
        try withTemporaryDirectory { folder in
            let image = try LogImage(folder, groups: [[batch(1)], [batch(2)]])
            try Data(image.bytes.dropLast(3)).writeAnew(to: image.path)
            try Data([0x42]).writeAnew(to: folder + "/000002")
            try Data().writeAnew(to: folder + "/notes")
            let before = FolderState(folder)
            _ = Replayed(folder)
            #expect(FolderState(folder).differences(from: before).isEmpty)
        }
    }
}
