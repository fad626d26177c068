import CKernels
import Files
import Foundation
import Shards
import TestSupport
import Testing
import Vectors

@testable import Neighbors

/// A walk that sets out from the query's own row.
@Suite struct OwnRowsTests {
    /// Rows to which no way leads find each other all the same, with a filter and without.
    @Test func rowsOfAnIslandFindEachOther() throws {
        var random = SeededGenerator()
        let rows = clustered(3_000, 24, &random)
        try withTemporaryDirectory { directory in
            try SegmentBuilder(metric: .l2, kind: .hnsw, threads: 2).build(rows, in: directory)
            let (first, island) = try Self.cutOff(directory)
            let segment = try SegmentIndex(directory, metric: .l2)
            let searcher = segment.makeSearcher()
            let query = try segment.shard.rows(first..<first + 1)
            // One that follows the query would look at all rows: what it finds is far.
            let effort = SegmentIndex.Effort.graph(window: 64)
            let lost = try searcher.search(query.pointer, k: 10, effort: effort)
            #expect(Set(lost.map { Int($0.row) }).isDisjoint(with: island), "\(random)")
            let found = try searcher.search(query.pointer, k: 10, effort: effort, own: [first])
            #expect(found.first.map { Int($0.row) } == first)
            #expect(Set(found.map { Int($0.row) }).isSubset(of: island), "\(random)")
            // More than once, and beside rows that there are not, is as good.
            let again = try searcher.search(query.pointer, k: 10, effort: effort, own: [first, first, 1 << 20])
            #expect(again == found)

            let filter = RowFilter(of: 3_000, keeping: nil, except: RowSet([first], capacity: 3_000))
            let others = try searcher.search(query.pointer, k: 5, recall: 0.9, filter: filter, own: [first])
            #expect(others.count == 5 && Set(others.map { Int($0.row) }).isSubset(of: island), "\(random)")
        }
    }

    /// Links a row and those nearest to it among themselves alone.
    private static func cutOff(_ directory: String) throws -> (first: Int, island: Set<Int>) {
        let segment = try SegmentIndex(directory, metric: .l2)
        let path = SegmentPaths(directory).graph
        let graph = try GraphReader(path)
        let degree = graph.format.degree
        // None that is on a level above: from there a way would lead to it.
        let first = graph.sizes[1] + 100
        let near = try ExactSearch(segment.shard, metric: .l2).search(segment.shard.row(first), k: 200)
        let island = Array(near.map { Int($0.row) }.filter { $0 >= graph.sizes[1] }.prefix(20))
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        let start = try graph.file.range(of: "links").lowerBound
        func set(_ row: Int, _ place: Int, _ target: Int) {
            withUnsafeBytes(of: UInt32(target).littleEndian) {
                let byte = start + (row * degree + place) * 4
                bytes.replaceSubrange(byte..<byte + 4, with: $0)
            }
        }
        for row in 0..<3_000 {
            for place in 0..<degree {
                let target = graph.links[0][row * degree + place]
                if island.contains(row) {
                    set(row, place, island[(island.firstIndex(of: row)! + place + 1) % island.count])
                } else if target != BELFRY_NO_LINK, island.contains(Int(target)) {
                    set(row, place, row)
                }
            }
        }
        try bytes.writeAnew(to: path)
        return (first, Set(island))
    }
}
