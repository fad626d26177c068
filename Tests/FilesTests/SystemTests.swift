import Files
import Foundation
import TestSupport
import Testing

@Suite struct SystemTests {
    @Test(arguments: [
        ("a", "."), ("/a", "/"), ("a/b", "a"), ("a/b/", "a"), ("/", "/"), ("a//b", "a"), ("//a", "/"), ("/é/ü", "/é"),
        ("./r", "."), ("", "."), ("ab", "."), ("/a/b/c.x", "/a/b"),
    ])
    func theFolderOfAPath(_ path: String, _ parent: String) { #expect(System.parent(of: path) == parent) }

    @Test func aFullDiskIsAnErrorThatSaysHowToMendIt() throws {
        let writer = try FileWriter("/dev/full")
        let error = #expect(throws: BelfryError.self) {
            try [UInt8](repeating: 1, count: 1 << 20).withBytes { bytes throws(BelfryError) in try writer.write(bytes) }
        }
        #expect(error?.code == .io)
        #expect(error?.location?.file == "/dev/full")
        #expect(error?.remedy?.contains("Free some disk space") == true)
    }

    @Test func whatIsNotThereIsNotFound() {
        #expect(throws: BelfryError.self) { try MappedFile("/no/such/file") }
        #expect(throws: BelfryError.self) { try FileWriter("/no/such/folder/file") }
        #expect(throws: BelfryError.self) { try System.fileSize("/no/such/file") }
        #expect(throws: BelfryError.self) { try MappedFile("/") }
    }

    @Test func aPipeIsRefusedAndNotWaitedFor() throws {
        try withTemporaryDirectory { folder in
            #expect(mkfifo("\(folder)/pipe", 0o600) == 0)
            #expect(throws: BelfryError.self) { try MappedFile("\(folder)/pipe") }
        }
    }

    /// A pipe that has a writer is read: a shell's `<(…)` is one.
    @Test func aPipeWithoutAWriterIsNotWaitedFor() throws {
        try withTemporaryDirectory { folder in
            let pipe = "\(folder)/pipe"
            #expect(mkfifo(pipe, 0o600) == 0)
            let error = #expect(throws: BelfryError.self) { try TextInput(pipe) }
            #expect(error?.message.contains("nobody writes to") == true)
            let writer = Process()
            writer.executableURL = URL(fileURLWithPath: "/bin/sh")
            writer.arguments = ["-c", "(echo one; sleep 0.3; echo two) > '\(pipe)'"]
            try writer.run()
            let input = try TextInput(pipe)
            var text = Data()
            let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 100, alignment: 1)
            defer { room.deallocate() }
            while case let count = try input.read(into: room), count > 0 { text += Data(room[..<count]) }
            #expect(text == Data("one\ntwo\n".utf8))
            writer.waitUntilExit()
        }
    }

    @Test func whatCannotBeWrittenLeavesNothing() throws {
        try withTemporaryDirectory { folder in
            // No file can take the place of a folder that is not empty.
            try System.createDirectory("\(folder)/a/b/c")
            #expect(throws: BelfryError.self) { try System.write(Data("x".utf8), to: "\(folder)/a") }
            #expect(try System.list(folder) == ["a"])
            #expect(throws: BelfryError.self) { try System.createDirectory("/proc/no/such") }
            let error = #expect(throws: BelfryError.self) { try System.createDirectory("/dev/null/x") }
            #expect(error?.code == .io && error?.cause == nil, "\(error!)")
            #expect(throws: BelfryError.self) { try System.list("/dev/null") }
        }
    }

    @Test func removingDoesNotFollowLinks() throws {
        try withTemporaryDirectory { folder in
            try System.createDirectory("\(folder)/mine")
            try System.write(Data("x".utf8), to: "\(folder)/mine/file")
            try System.createDirectory("\(folder)/old/deep/deeper")
            symlink("\(folder)/mine", "\(folder)/old/deep/link")
            symlink("\(folder)/mine", "\(folder)/link")
            for name in ["old", "link"] { try System.remove("\(folder)/\(name)") }
            #expect(try System.list(folder) == ["mine"] && System.exists("\(folder)/mine/file"))
        }
    }

    @Test func exchangeSwapsFoldersInOneStep() throws {
        try withTemporaryDirectory { folder in
            for name in ["a", "b"] {
                try System.createDirectory("\(folder)/\(name)")
                try System.write(Data(name.utf8), to: "\(folder)/\(name)/content")
            }
            try System.exchange("\(folder)/a", "\(folder)/b")
            #expect(try System.read("\(folder)/a/content") == Data("b".utf8))
            #expect(try System.read("\(folder)/b/content") == Data("a".utf8))
            try System.remove("\(folder)/a")
            try System.remove("\(folder)/a")
            #expect(try System.list(folder) == ["b"])
        }
    }

    @Test func aWriterKeepsOrderAcrossItsBuffer() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let writer = try FileWriter("\(folder)/file")
            var expected: [UInt8] = []
            for _ in 0..<200 {
                let length = Int.random(in: 0..<(Bool.random(using: &random) ? 10 : 600_000), using: &random)
                let bytes = [UInt8](repeating: .random(in: 0...255, using: &random), count: length)
                try bytes.withBytes { bytes throws(BelfryError) in try writer.write(bytes) }
                expected += bytes
            }
            try writer.align(to: 64)
            expected += [UInt8](repeating: 0, count: (64 - expected.count % 64) % 64)
            try withUnsafeBytes(of: UInt64(7).littleEndian) { bytes throws(BelfryError) in
                try writer.overwrite(bytes, at: 8)
            }
            expected.replaceSubrange(8..<16, with: [7, 0, 0, 0, 0, 0, 0, 0])
            try writer.finish()
            #expect(writer.count == expected.count, "\(random)")
            #expect(try System.read("\(folder)/file") == Data(expected), "\(random)")
        }
    }

    @Test func aReaderCannotLeaveItsBytes() throws {
        let bytes: [UInt8] = [1, 2, 3, 4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
        try bytes.withBytes { bytes throws(BelfryError) in
            var reader = ByteReader(bytes, file: "f")
            #expect(try reader.read(UInt32.self, "a number") == 0x0403_0201)
            #expect(throws: BelfryError.self) { try reader.readCount(UInt64.self, "a count") }
            try reader.seek(to: 11, "the end")
            let error = #expect(throws: BelfryError.self) { try reader.read(UInt16.self, "a number") }
            #expect(error?.location?.place == "byte 11")
            #expect(throws: BelfryError.self) { try reader.read(bytes: -1, "nothing") }
            #expect(throws: BelfryError.self) { try reader.seek(to: 13, "beyond") }
        }
    }
}
