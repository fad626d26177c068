import Foundation
import TestSupport
import Testing

@testable import Files

@Suite(.serialized) struct VerifiedFilesTests {
    /// `cache` stands for `$BELFRY_CACHE` while `body` runs. (Other tests of this target do not read it.)
    private static func with(cache: String, _ body: () throws -> Void) throws {
        let old = ProcessInfo.processInfo.environment["BELFRY_CACHE"]
        setenv("BELFRY_CACHE", cache, 1)
        defer { if let old { setenv("BELFRY_CACHE", old, 1) } else { unsetenv("BELFRY_CACHE") } }
        try body()
    }

    @Test func whatWasRightIsRemembered() throws {
        try withTemporaryDirectory { folder in
            try Self.with(cache: folder + "/cache") {
                let file = folder + "/tower/weights"
                try System.createDirectory(folder + "/tower")
                try System.write(Data("weights".utf8), to: file)
                let digests = ["weights": try Digest.sha256(file: file)]
                // A file that has just been written may change again within a tick of the clock.
                #expect(try VerifiedFiles.differing(in: folder + "/tower", from: digests) == [])
                #expect(!System.exists(folder + "/cache/verified"))
                sleep(4)
                #expect(try VerifiedFiles.differing(in: folder + "/tower", from: digests) == [])
                // Towers of other tests, which run meanwhile, are remembered there, too.
                let records = try System.list(folder + "/cache/verified").map { folder + "/cache/verified/" + $0 }
                    .filter { try String(decoding: System.read($0), as: UTF8.self).contains(digests["weights"]!) }
                #expect(records.count == 1)
                let record = records[0]
                // The record alone decides: with its lines, a wrong digest is believed.
                let lie = ["weights": String(repeating: "0", count: 64)]
                #expect(try VerifiedFiles.differing(in: folder + "/tower", from: lie) == ["weights"])
                let text = String(decoding: try System.read(record), as: UTF8.self)
                let lied = text.replacing(digests["weights"]!, with: lie["weights"]!)
                try System.write(Data(lied.utf8), to: record)
                #expect(try VerifiedFiles.differing(in: folder + "/tower", from: lie) == [])
                #expect(try VerifiedFiles.differing(in: folder + "/tower", from: digests) == [])
                // Any change shows, whatever the time that it claims.
                let handle = try FileHandle(forUpdating: URL(fileURLWithPath: file))
                try handle.write(contentsOf: Data("wE".utf8))
                try handle.close()
                var times = [timespec](repeating: timespec(tv_sec: 1_000_000, tv_nsec: 0), count: 2)
                #expect(utimensat(AT_FDCWD, file, &times, 0) == 0)
                #expect(try VerifiedFiles.differing(in: folder + "/tower", from: digests) == ["weights"])
            }
        }
    }

    @Test func withoutAPlaceToRememberItIsComparedEveryTime() throws {
        try withTemporaryDirectory { folder in
            try System.write(Data("x".utf8), to: folder + "/file")
            let digests = ["file": try Digest.sha256(file: folder + "/file")]
            try Self.with(cache: folder + "/file") {
                let differing = try VerifiedFiles.differing(in: folder, from: digests)
                #expect(differing == [])
                #expect(throws: BelfryError.self) { try VerifiedFiles.differing(in: folder, from: ["gone": "0"]) }
            }
        }
    }
}
