import Files
import Foundation
import Shards
import TestSupport
import Testing
import Vectors

@testable import Neighbors

/// The file `postings`: its bytes, and whatever may happen to them.
@Suite struct PostingsTests {
    @Test(arguments: SparseRows.Kind.allCases) func sameRowsSameBytes(kind: SparseRows.Kind) throws {
        var random = SeededGenerator()
        for size in [0, 1, 700, 17_000] {
            let rows = try SparseRows(kind, size, &random)
            try withTemporaryDirectory { folder in
                let postings = try rows.write(folder)
                let whole = try System.read(folder + "/postings")
                #expect(postings.fileBytes == whole.count)
                #expect(postings.check(against: try SparseReader(folder + "/sparse")).isEmpty)
                #expect(SegmentFile.check(folder + "/postings").isEmpty)
                // However often the rows are gone through.
                for memory in [1, 10_000, 1 << 20] where size < 1_000 || memory > 1 {
                    _ = try rows.write(folder, memory: memory)
                    #expect(try System.read(folder + "/postings") == whole, "\(kind) \(size) \(memory), \(random)")
                }
            }
        }
    }

    /// Each bit of a small file: `check` sees it, and a search gives the right answer or an error.
    @Test func everyFlippedBitAndEveryTruncationIsFound() throws {
        var random = SeededGenerator()
        let rows = try SparseRows(.alike, 30, &random)
        let query = try rows.vector(30, &random)
        let expected = rows.ranking(query)
        try withTemporaryDirectory { folder in
            _ = try rows.write(folder)
            let whole = try System.read(folder + "/postings")
            let path = folder + "/flipped"
            var (right, errors) = (0, 0)
            for bit in 0..<whole.count * 8 {
                var bytes = whole
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                try bytes.writeAnew(to: path)
                #expect(!SegmentFile.check(path).isEmpty, "bit \(bit)")
                do {
                    let postings = try PostingsReader(path)
                    if bit % 8 == 0 { #expect(!postings.check().isEmpty, "bit \(bit)") }
                    let found = try SparseSearcher(postings).search(query, k: 40)
                    #expect(SparseSearchTests.areSame(found, expected[...]), "bit \(bit)")
                    right += 1
                } catch let error as BelfryError {
                    #expect(error.code == .corruptData || error.code == .unsupported, "bit \(bit): \(error)")
                    #expect(error.location?.file == path)
                    errors += 1
                }
            }
            #expect(right > 0 && errors > right, "\(right) right, \(errors) errors")
            for length in 0..<whole.count {
                try whole.prefix(length).writeAnew(to: path)
                #expect(throws: BelfryError.self, "\(length) bytes") { _ = try PostingsReader(path) }
            }
        }
    }

    /// Sections with random bytes under checksums that match: answers or errors, and nothing outside of the file.
    @Test func hostileBytesNeverCrash() throws {
        var random = SeededGenerator()
        print("PostingsTests.hostileBytesNeverCrash: \(random)")
        let rows = try SparseRows(.usual, 60, &random)
        let query = try rows.vector(60, &random)
        try withTemporaryDirectory { folder in
            _ = try rows.write(folder)
            let whole = try System.read(folder + "/postings")
            let file = try SegmentFile(folder + "/postings")
            let ranges = try PostingsFormat.sections.map { try file.range(of: $0) }
            var (answers, errors) = (0, 0)
            for round in 0..<6_000 {
                var bytes = whole
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    // Not the checksums: they are made again.
                    let place = Int.random(in: ranges.dropLast().randomElement(using: &random)!, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                    case 1: bytes[place] = [0, 1, 0x7f, 0x80, 0xff].randomElement(using: &random)!
                    default:
                        let other = Int.random(in: ranges[4], using: &random)
                        bytes[place] = bytes[other]
                    }
                }
                try Self.seal(bytes, ranges, folder + "/hostile")
                do {
                    let postings = try PostingsReader(folder + "/hostile")
                    let found = try SparseSearcher(postings).search(query, k: 100)
                    #expect(found.allSatisfy { $0.row < postings.rowCount }, "\(round), \(random)")
                    _ = postings.check()
                    answers += 1
                } catch let error as BelfryError {
                    #expect(error.code == .corruptData && error.location?.file == folder + "/hostile", "\(error)")
                    errors += 1
                }
            }
            #expect(answers > 500 && errors > 500, "\(answers) answers, \(errors) errors")
        }
    }

    /// Writes the sections again, with checksums of the lists and of the sections that match.
    private static func seal(_ bytes: Data, _ ranges: [Range<Int>], _ path: String) throws {
        func words<T: FixedWidthInteger>(_ section: Int, _ type: T.Type) -> [T] {
            let bytes = Data(bytes[ranges[section]])
            return bytes.withUnsafeBytes { bytes in
                (0..<bytes.count / MemoryLayout<T>.size).map {
                    bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.size, as: T.self)
                }
            }
        }
        let (terms, starts, lists) = (words(1, UInt32.self), words(3, UInt64.self), Data(bytes[ranges[4]]))
        unlink(path)
        let writer = try SegmentFileWriter(
            path, kind: .postings, version: PostingsFormat.version, sections: PostingsFormat.sections)
        for (section, name) in PostingsFormat.sections.enumerated().dropLast() {
            try writer.begin(name)
            try Data(bytes[ranges[section]]).withUnsafeBytes { try writer.write($0) }
        }
        try writer.begin("crcs")
        for (place, term) in terms.enumerated() {
            let (start, end) = (starts[place], starts[place + 1])
            let list = start <= end && end <= UInt64(lists.count) ? Data(lists[Int(start)..<Int(end)]) : Data()
            try writer.write(list.withUnsafeBytes { PostingsFormat.checksum(term, $0) })
        }
        try writer.finish()
    }

    /// Files that are sound by themselves, but not each other's.
    @Test func postingsOfOtherRowsAreSeen() throws {
        var random = SeededGenerator()
        let rows = try SparseRows(.usual, 500, &random)
        try withTemporaryDirectory { folder in
            let postings = try rows.write(folder)
            func others(_ change: (inout [SparseVector]) throws -> Void) throws -> [BelfryError] {
                var other = rows
                try change(&other.rows)
                let writer = try SparseWriter(folder + "/other")
                for row in other.rows { try writer.append(row) }
                try writer.finish()
                return postings.check(against: try SparseReader(folder + "/other"))
            }
            #expect(try others { _ in }.isEmpty)
            let row = rows.rows.firstIndex { $0.count > 3 }!
            let (indices, values) = (rows.rows[row].indices, rows.rows[row].values)
            let problems = [
                try others { $0.removeLast() },
                try others { $0.append(SparseVector()) },
                try others { $0.swapAt(row, row + 1) },
                try others { $0[row] = try SparseVector(indices: indices.dropLast(), values: values.dropLast()) },
                try others { $0[row] = try SparseVector(indices: indices, values: values.map { $0 + 1 }) },
                try others { $0[row] = try SparseVector(indices: indices + [.max], values: values + [1]) },
                try others { $0[row] = try SparseVector(indices: indices.map { $0 ^ 1 }, values: values) },
            ]
            for (index, found) in problems.enumerated() {
                #expect(found.count == 1 && found.first?.code == .corruptData, "change \(index)")
            }
        }
    }
}
