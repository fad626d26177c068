import Files
import Foundation
import TestSupport
import Testing

@testable import Shards

/// The file that says which vectors are a point's.
@Suite struct BoundsTests {
    @Test func boundsComeBack() throws {
        try withTemporaryDirectory { folder in
            for counts in [[], [1], [3, 1, 4, 1, 5]] {
                try BoundsWriter.write(counts, to: folder + "/bounds")
                let bounds = try BoundsReader(folder + "/bounds")
                #expect(bounds.count == counts.count && bounds.rows == counts.reduce(0, +))
                #expect((0..<bounds.count).map { bounds.rows(of: $0).count } == counts)
                #expect(SegmentFile.check(folder + "/bounds").isEmpty)
            }
        }
    }

    /// Every flipped bit and every cut is found, when the file is opened or checked.
    @Test func damageIsFound() throws {
        try withTemporaryDirectory { folder in
            let path = folder + "/bounds"
            try BoundsWriter.write([3, 1, 4, 1, 5], to: path)
            let whole = try Data(contentsOf: URL(fileURLWithPath: path))
            for place in 0..<whole.count * 8 {
                var flipped = whole
                flipped[place / 8] ^= 1 << UInt8(place % 8)
                try flipped.write(to: URL(fileURLWithPath: path))
                #expect(!SegmentFile.check(path).isEmpty, "bit \(place)")
                _ = try? BoundsReader(path)
            }
            for length in 0..<whole.count {
                try whole.prefix(length).write(to: URL(fileURLWithPath: path))
                #expect(throws: BelfryError.self) { try BoundsReader(path) }
            }
        }
    }

    /// Bounds with right checksums that no writer makes.
    @Test(arguments: [[], [1], [0, 0], [0, 5, 4], [0, 1 << 40], [2, 3]] as [[UInt64]])
    func liesAreRefused(_ starts: [UInt64]) throws {
        try withTemporaryDirectory { folder in
            let path = folder + "/bounds"
            let file = try SegmentFileWriter(path, kind: .bounds, version: 1, sections: ["starts"])
            try file.begin("starts")
            for start in starts { try file.write(start) }
            try file.finish()
            let error = #expect(throws: BelfryError.self) { try BoundsReader(path) }
            #expect(error?.code == .corruptData && error?.location?.place != nil)
        }
    }
}
