import Files
import Foundation
import Shards
import Synchronization
import TestSupport
import Testing

@testable import Belfry

private func batch(_ number: Int) -> [LogOperation] { [.delete(ids: [.number(UInt64(number))])] }

/// Lets the log's calls fail when it is told to.
private final class Failpoint: Sendable {
    private let state = Mutex<(bytes: Int?, syncFails: Bool, calls: Int)>((nil, false, 0))

    /// Lets writes take so many bytes more, and then fail as on a full disk.
    func allowBytes(_ count: Int?) { state.withLock { $0.bytes = count } }
    func failSync(_ fails: Bool) { state.withLock { $0.syncFails = fails } }
    /// How often a write or sync was tried.
    var count: Int { state.withLock { $0.calls } }

    var calls: LogSystemCalls {
        LogSystemCalls(
            write: { descriptor, bytes, offset in
                let allowed = self.state.withLock { state in
                    state.calls += 1
                    let allowed = min(bytes.count, state.bytes ?? bytes.count)
                    if let left = state.bytes { state.bytes = left - allowed }
                    return allowed
                }
                guard allowed > 0 else {
                    errno = ENOSPC
                    return -1
                }
                return LogSystemCalls.system.write(
                    descriptor, UnsafeRawBufferPointer(rebasing: bytes[..<allowed]), offset)
            },
            sync: { descriptor in
                let fails = self.state.withLock { state in
                    state.calls += 1
                    return state.syncFails
                }
                guard fails else { return LogSystemCalls.system.sync(descriptor) }
                errno = EIO
                return -1
            })
    }
}

/// After a failed write or sync nothing is tried again, and who opens the log anew finds what was acknowledged.
@Suite struct LogFailureTests {
    private func expectBroken(_ writer: LogWriter, _ failpoint: Failpoint) {
        let calls = failpoint.count
        for call in [
            { _ = try writer.append([batch(9)]) }, { try writer.sync() }, { try writer.startNext() },
            { _ = try writer.remove(before: .max) },
        ] as [() throws -> Void] {
            let error = failure(of: call)
            #expect(error?.code == .io && error?.message.contains("broken") == true && error?.cause != nil)
        }
        #expect(failpoint.count == calls, "nothing is tried again")
    }

    /// Wherever in an append the disk becomes full, none of its batches is there later, and the log is broken.
    @Test func aFullDiskBreaksTheLogAndKeepsWhatWasSynced() throws {
        try withTemporaryDirectory { folder in
            let size = try LogRecord.encode(batch(1), lsn: 1, synced: 0, identity: []).count
            for allowed in 0..<3 * size {
                let log = "\(folder)/\(allowed)"
                let failpoint = Failpoint()
                let writer = try LogWriter(log, step: allowed % 2 == 0 ? 0 : 4096, calls: failpoint.calls)
                _ = try writer.append([batch(1)])
                try writer.sync()
                failpoint.allowBytes(allowed)
                let error = failure { _ = try writer.append([batch(2), batch(3), batch(4)]) }
                #expect(error?.code == .io && error?.message.contains("The disk is full") == true)
                #expect(error?.remedy?.contains("Free some disk space") == true)
                #expect(error?.location?.file == log + "/000001")
                failpoint.allowBytes(nil)
                expectBroken(writer, failpoint)
                #expect(Replayed(log).batches == [batch(1)], "\(allowed) bytes")
                let again = try LogWriter(log, applied: 1, step: 512)
                #expect(try again.append([batch(5)]) == 2...2)
                #expect(Replayed(log).batches == [batch(1), batch(5)], "\(allowed) bytes")
            }
        }
    }

    @Test func aFailedSyncBreaksTheLog() throws {
        try withTemporaryDirectory { folder in
            let failpoint = Failpoint()
            let writer = try LogWriter(folder, calls: failpoint.calls)
            _ = try writer.append([batch(1)])
            try writer.sync()
            _ = try writer.append([batch(2)])
            failpoint.failSync(true)
            let error = failure { try writer.sync() }
            #expect(error?.code == .io)
            #expect(writer.syncedLSN == 1)
            failpoint.failSync(false)
            expectBroken(writer, failpoint)
            #expect(Replayed(folder).batches == [batch(1)])
        }
    }

    @Test func afterAFailedRotationTheLogOpensAgain() throws {
        try withTemporaryDirectory { folder in
            for allowed in [0, 1, 30, 63] {
                let log = "\(folder)/\(allowed)"
                let failpoint = Failpoint()
                let writer = try LogWriter(log, calls: failpoint.calls)
                _ = try writer.append([batch(1)])
                try writer.sync()
                failpoint.allowBytes(allowed)
                let error = failure { try writer.startNext() }
                #expect(error?.message.contains("The disk is full") == true)
                failpoint.allowBytes(nil)
                expectBroken(writer, failpoint)
                let again = try LogWriter(log, applied: 1)
                #expect(try again.append([batch(2)]) == 2...2)
                #expect(Replayed(log).batches == [batch(1), batch(2)], "\(allowed) bytes")
            }
        }
    }

    /// With a disk that is really full: a file system of one mebibyte in memory, where this user may mount one.
    @Test func aDiskThatIsReallyFull() throws {
        try withTemporaryDirectory { folder in
            func run(_ words: [String]) -> Bool {
                let process = Process()
                process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
                process.arguments = words
                process.standardError = FileHandle.nullDevice
                guard (try? process.run()) != nil else { return false }
                process.waitUntilExit()
                return process.terminationStatus == 0
            }
            guard run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder]) else {
                print("skipped: no file system can be mounted here, so no disk was really full")
                return
            }
            defer { #expect(run(["umount", folder])) }
            let large = [LogOperation.setPayload(ids: [], json: String(repeating: "a", count: 100_000))]
            var written = 0
            var error: BelfryError?
            do {
                let writer = try LogWriter(folder + "/log")
                while error == nil, written < 20 {
                    error = failure {
                        _ = try writer.append([large])
                        try writer.sync()
                        written += 1
                    }
                }
                #expect(written > 3 && error?.message.contains("The disk is full") == true, "\(error as Any)")
            }
            #expect(Replayed(folder + "/log").batches.count == written)
        }
    }
}
