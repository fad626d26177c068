import Files
import Foundation
import Shards
import TestSupport
import Testing
import Vectors

@testable import Neighbors

@Suite struct SegmentMemoryTests {
    @Test(arguments: [IndexKind.exact, .hnsw, .ivf, nil], [Metric.ip, .cosine])
    func asManyRowsAsFit(_ kind: IndexKind?, _ metric: Metric) {
        for dimension in [1, 36, 384, 1_536] {
            let memory = SegmentMemory(dimension: dimension, metric: metric, kind: kind)
            #expect(memory.mostRows(bytes: -5) == 0)
            for bytes in [100_000, 64 << 20, 1 << 30, 20 << 30] {
                let most = memory.mostRows(bytes: bytes)
                #expect(memory.bytes(rows: most) <= bytes && memory.bytes(rows: most + 1) > bytes)
                #expect(memory.mostRows(bytes: bytes, bytesPerRow: 50) < most || most < 1_000)
            }
        }
    }

    /// Rows that are read from shards, in an order of their own, make the files that rows in memory make.
    @Test(arguments: [IndexKind.hnsw, .ivf], Metric.indexed)
    func whereTheRowsLieChangesNoByte(_ kind: IndexKind, _ metric: Metric) throws {
        var random = SeededGenerator()
        let rows = clustered(3_000, 20, &random)
        let order = (0..<3_000).map { UInt32($0) }.shuffled(using: &random)
        try withTemporaryDirectory { folder in
            let writer = try ShardWriter(folder + "/shuffled", dimension: 20, elementType: .f32)
            for row in order { try writer.append(rows[Int(row)]) }
            try writer.finish()
            var places = [UInt32](repeating: 0, count: 3_000)
            for (place, row) in order.enumerated() { places[Int(row)] = UInt32(place) }
            let source = SelectedRows(try ShardReader(folder + "/shuffled"), places)
            for (name, rows, threads) in [("memory", rows as any VectorSource, 2), ("shard", source, 3)] {
                try System.createDirectory("\(folder)/\(name)")
                try SegmentBuilder(metric: metric, kind: kind, threads: threads).build(rows, in: "\(folder)/\(name)")
            }
            let names = try System.list(folder + "/memory")
            #expect(names.sorted() == (try System.list(folder + "/shard")).sorted() && names.count >= 5)
            for name in names {
                #expect(
                    try System.read("\(folder)/memory/\(name)") == System.read("\(folder)/shard/\(name)"),
                    "\(name), \(random)")
            }
        }
    }

    /// A shard that is damaged under the work is an error, not an index of something else.
    @Test(arguments: [IndexKind.hnsw, .ivf, .exact])
    func damagedRowsAreAnError(_ kind: IndexKind) throws {
        var random = SeededGenerator()
        let rows = clustered(2_500, 20, &random)
        try withTemporaryDirectory { folder in
            let path = folder + "/shard"
            let writer = try ShardWriter(path, dimension: 20, elementType: .f32)
            try writer.append(rows)
            try writer.finish()
            var bytes = try System.read(path)
            bytes[bytes.count / 2] ^= 4
            try System.write(bytes, to: path)
            try System.createDirectory(folder + "/segment")
            #expect(throws: BelfryError.self) {
                try SegmentBuilder(metric: .l2, kind: kind, threads: 2).build(
                    ShardReader(path), in: folder + "/segment")
            }
        }
    }
}
