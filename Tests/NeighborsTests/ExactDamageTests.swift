import Files
import Foundation
import Neighbors
import Shards
import TestSupport
import Testing
import Vectors

/// Whatever happened to the bytes, an exact search gives the right answer or an error, never a wrong one.
@Suite struct ExactDamageTests {
    /// Changes some bytes, as a failing disk does: bits, pages of zeros, stretches of another page.
    private static func damage(_ bytes: inout [UInt8], _ random: inout SeededGenerator) -> String {
        let place = Int.random(in: bytes.indices, using: &random)
        let page = place / 512 * 512..<min(place / 512 * 512 + 512, bytes.count)
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            return "a bit of byte \(place)"
        case 1:
            for index in page { bytes[index] = 0 }
            return "zeros at \(page)"
        case 2:
            for index in page { bytes[index] = .random(in: 0...255, using: &random) }
            return "noise at \(page)"
        default:
            let other = Int.random(in: 0...bytes.count - page.count, using: &random)
            bytes.replaceSubrange(page, with: Array(bytes[other..<other + page.count]))
            return "a copy of \(other) at \(page)"
        }
    }

    @Test(arguments: IndexKind.allCases, Metric.indexed)
    func theAnswerIsRightOrAnError(kind: IndexKind, metric: Metric) throws {
        var random = SeededGenerator()
        let rows = clustered(900, 24, &random)
        let queries = clustered(4, 24, &random)
        let few = RowSet(stride(from: 0, to: 900, by: 5), capacity: 900)
        try withTemporaryDirectory { directory in
            try SegmentBuilder(metric: metric, kind: kind, threads: 2).build(rows, in: directory)
            let files = SegmentPaths(directory)
            func answers() throws -> [[Neighbor]] {
                let segment = try SegmentIndex(directory, metric: metric)
                let searcher = segment.makeSearcher()
                return try (0..<queries.rows).flatMap { query in
                    let vector = queries.pointer + query * 24
                    return [
                        try searcher.search(vector, k: 7, effort: .exact),
                        try searcher.search(vector, k: 7, recall: 1, filter: RowFilter(few)),
                    ]
                }
            }
            let expected = try answers()
            let whole = [
                files.codes: [UInt8](try System.read(files.codes)),
                files.vectors: [UInt8](try System.read(files.vectors)),
            ]
            var (right, errors) = (0, 0)
            for round in 0..<160 {
                let path = round % 4 == 3 ? files.vectors : files.codes
                var bytes = whole[path]!
                let what = Self.damage(&bytes, &random)
                try Data(bytes).writeAnew(to: path)
                do {
                    #expect(try answers() == expected, "\(kind) \(metric), \(path): \(what), \(random)")
                    right += 1
                } catch let error as BelfryError {
                    #expect(error.code == .corruptData && error.location?.file == path, "\(what): \(error)")
                    let isNamed = error.location?.place?.hasPrefix("byte ") == true
                    #expect(isNamed || error.message.contains("never finished"), "\(what): \(error)")
                    errors += 1
                }
                try Data(whole[path]!).writeAnew(to: path)
            }
            #expect(try answers() == expected)
            #expect(errors > 100, "\(right) right, \(errors) errors: \(random)")
        }
    }

    /// The first search finds out, on whatever thread; the later ones know.
    @Test func allThreadsHearOfIt() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { directory in
            try SegmentBuilder(metric: .l2, kind: .exact).build(clustered(900, 24, &random), in: directory)
            let codes = SegmentPaths(directory).codes
            var bytes = [UInt8](try System.read(codes))
            bytes[bytes.count / 2] ^= 4
            try Data(bytes).writeAnew(to: codes)
            let segment = try SegmentIndex(directory, metric: .l2)
            let query = random.vector(24)
            DispatchQueue.concurrentPerform(iterations: 8) { _ in
                let error = #expect(throws: BelfryError.self) {
                    try segment.makeSearcher().search(query, k: 3, effort: .exact)
                }
                #expect(error?.code == .corruptData && error?.location?.file == codes)
            }
        }
    }
}
