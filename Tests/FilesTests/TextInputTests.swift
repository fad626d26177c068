import Files
import Foundation
import TestSupport
import Testing

@Suite struct TextInputTests {
    private func read(_ path: String, step: Int = 1000) throws -> Data {
        let input = try TextInput(path)
        var text = Data()
        var piece = [UInt8](repeating: 0, count: step)
        while case let count = try piece.withUnsafeMutableBytes({ try input.read(into: $0) }), count > 0 {
            text += piece.prefix(count)
        }
        if let size = input.size { #expect(input.position == size) }
        return text
    }

    @Test func readsPlainAndCompressedFilesAlike() throws {
        var random = SeededGenerator()
        let long = Data((0..<900_000).map { _ in UInt8.random(in: 97...122, using: &random) })
        try withTemporaryDirectory { folder in
            let path = folder + "/text"
            for text in [Data(), Data("x".utf8), Data("id,text\n1,a\n".utf8), long] {
                try text.writeAnew(to: path)
                #expect(try read(path) == text)
                try text.gzipped.writeAnew(to: path)
                #expect(try read(path) == text)
                try (text.gzipped + Data().gzipped + long.gzipped + Data(count: 300_000))
                    .writeAnew(to: path)
                #expect(try read(path, step: 70_001) == text + long)
            }
        }
    }

    @Test func everyTruncationIsFound() throws {
        let text = Data((0..<2_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) })
        let whole = text.gzipped
        try withTemporaryDirectory { folder in
            let path = folder + "/text.gz"
            for length in 0..<whole.count {
                try whole.prefix(length).writeAnew(to: path)
                let error = #expect(throws: BelfryError.self, "\(length)") { try read(path) }
                #expect(error?.code == .corruptData && error?.location?.place?.hasPrefix("byte ") == true)
            }
        }
    }

    @Test func everyFlippedByteIsFoundOrHarmless() throws {
        let text = Data((0..<500).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) })
        let whole = text.gzipped + text.gzipped
        try withTemporaryDirectory { folder in
            let path = folder + "/text.gz"
            for index in whole.indices {
                var damaged = whole
                damaged[index] ^= 1 << UInt8(index % 8)
                try damaged.writeAnew(to: path)
                // The time and the operating system in a header are not covered by any checksum.
                if let read = try? read(path) { #expect(read == text + text, "byte \(index)") }
            }
        }
    }

    @Test func namesWhatFollowsAMember() throws {
        try withTemporaryDirectory { folder in
            let path = folder + "/text.gz"
            let member = Data("abc".utf8).gzipped
            try (member + Data("rest".utf8)).writeAnew(to: path)
            let error = #expect(throws: BelfryError.self) { try read(path) }
            #expect(error?.location == .byte(member.count, of: path))
            try Data("id,text\n".utf8).writeAnew(to: path)
            #expect(#expect(throws: BelfryError.self) { try read(path) }?.message == "This is not a gzip file.")
            #expect(#expect(throws: BelfryError.self) { try read(folder) }?.code == .io)
            #expect(#expect(throws: BelfryError.self) { try TextInput(folder + "/none") }?.code == .notFound)
        }
    }
}
