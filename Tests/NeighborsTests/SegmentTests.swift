import Files
import Foundation
import Neighbors
import Shards
import TestSupport
import Testing
import Vectors

/// Rows around seeded centers: near rows exist, as in real data.
func clustered(_ rows: Int, _ dimension: Int, _ random: inout SeededGenerator) -> Matrix {
    let centers = (0..<max(1, rows / 50)).map { _ in random.vector(dimension) }
    return Matrix(
        (0..<rows).map { _ in
            let center = centers.randomElement(using: &random)!
            return zip(center, random.vector(dimension)).map { $0 + 0.4 * $1 }
        })
}

@Suite struct SegmentTests {
    @Test(arguments: [IndexKind.hnsw, .ivf], Metric.indexed)
    func findsWhatExactSearchFinds(kind: IndexKind, metric: Metric) throws {
        var random = SeededGenerator()
        let rows = clustered(3_000, 40, &random)
        let queries = clustered(100, 40, &random)
        try withTemporaryDirectory { directory in
            try SegmentBuilder(metric: metric, kind: kind, threads: 2).build(rows, in: directory)
            let segment = try SegmentIndex(directory, metric: metric)
            let truth = try ExactSearch(segment.shard, metric: metric).search(queries, k: 10, threads: 2)
            let searcher = segment.makeSearcher()
            var recalls: [Double] = []
            for effort in [segment.efforts[2], segment.efforts.last!] {
                var found = 0
                for query in 0..<queries.rows {
                    let near = try searcher.search(queries.pointer + query * 40, k: 10, effort: effort)
                    #expect(near.count == 10 && near == near.sorted())
                    #expect(Set(near.map(\.row)).count == 10)
                    found += Set(near.map(\.row)).intersection(truth[query].map(\.row)).count
                }
                recalls.append(Double(found) / Double(10 * queries.rows))
            }
            #expect(segment.effort(recall: 0.9, k: 187) != .exact && segment.effort(recall: 0.9, k: 188) == .exact)
            for k in [0, -1, .max] { #expect(segment.effort(recall: 0.9, k: k) == .exact) }
            #expect(recalls[1] > 0.99, "\(random)")
            #expect(recalls[0] < recalls[1] + 1e-9, "\(random)")
            let exact = try searcher.search(queries.pointer, k: 10, effort: .exact)
            #expect(exact == truth[0])
        }
    }

    @Test(arguments: [IndexKind.hnsw, .ivf])
    func reachesItsTargetOnNewQueries(kind: IndexKind) throws {
        var random = SeededGenerator()
        let all = clustered(6_000, 24, &random)
        let rows = Matrix((0..<5_600).map { all[$0] })
        try withTemporaryDirectory { directory in
            try SegmentBuilder(metric: .l2, kind: kind, threads: 2).build(rows, in: directory)
            let segment = try SegmentIndex(directory, metric: .l2)
            let queries = Matrix((5_600..<6_000).map { all[$0] })
            let searcher = segment.makeSearcher()
            for k in [1, 10] {
                let truth = try ExactSearch(segment.shard, metric: .l2).search(queries, k: k, threads: 2)
                for target in [0.8, 0.9, 0.95] {
                    let effort = segment.effort(recall: target, k: k)
                    var recalls: [Double] = []
                    for query in 0..<queries.rows {
                        let near = try searcher.search(queries.pointer + query * 24, k: k, effort: effort)
                        recalls.append(
                            Double(Set(near.map(\.row)).intersection(truth[query].map(\.row)).count) / Double(k))
                    }
                    let mean = recalls.reduce(0, +) / Double(recalls.count)
                    let variance = recalls.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(recalls.count)
                    let error = (variance / Double(recalls.count)).squareRoot()
                    #expect(mean >= target - 0.005 - 3 * error, "\(kind), k \(k), \(effort), \(random)")
                }
            }
        }
    }

    /// Of many equal rows any is right: an index that finds others than exact search does is not thought to miss them. And
    /// a vector that most rows have is one query of the calibration, not most of them.
    @Test(arguments: [IndexKind.hnsw, .ivf])
    func calibratesOnDifferentVectors(kind: IndexKind) throws {
        var random = SeededGenerator()
        let different = clustered(3_300, 16, &random)
        let placeholder = random.vector(16)
        let rows = Matrix((0..<9_000).map { $0 % 3 == 0 ? different[$0 / 3] : placeholder })
        try withTemporaryDirectory { directory in
            try SegmentBuilder(metric: .l2, kind: kind, threads: 2).build(rows, in: directory)
            let segment = try SegmentIndex(directory, metric: .l2)
            #expect(segment.calibration?.kinds[0].queries == 150, "a twentieth of 3,001 vectors, \(random)")
            let searcher = segment.makeSearcher()
            let queries = Matrix((3_000..<3_300).map { different[$0] })
            let truth = try ExactSearch(segment.shard, metric: .l2).search(queries, k: 10, threads: 2)
            let effort = segment.effort(recall: 0.9, k: 10)
            #expect(effort != .exact, "\(random)")
            var right = 0
            for (query, truth) in truth.enumerated() {
                let near = try searcher.search(queries.pointer + query * 16, k: 10, effort: effort)
                right += near.count { $0.distance <= truth[9].distance * 1.0001 }
            }
            #expect(Double(right) > 0.87 * 3_000, "\(right) of 3,000, \(random)")
            let same = try searcher.search(placeholder, k: 10, effort: effort)
            #expect(same.allSatisfy { $0.distance < 1e-3 }, "\(random)")
        }
    }

    /// Of fifty different vectors none can be held back: all rows are scanned.
    @Test(arguments: [IndexKind.hnsw, .ivf])
    func scansWhereThereIsNothingToCalibrateOn(kind: IndexKind) throws {
        var random = SeededGenerator()
        let different = clustered(50, 16, &random)
        let rows = Matrix((0..<3_000).map { _ in different[Int.random(in: 0..<50, using: &random)] })
        try withTemporaryDirectory { directory in
            try SegmentBuilder(metric: .l2, kind: kind, threads: 2).build(rows, in: directory)
            let segment = try SegmentIndex(directory, metric: .l2)
            #expect(segment.effort(recall: 0.9, k: 10) == .exact && segment.calibration == nil, "\(random)")
            let near = try segment.makeSearcher().search(different[7], k: 10, effort: segment.efforts.last!)
            #expect(near.allSatisfy { $0.distance < 1e-3 }, "\(random)")
        }
    }

    @Test(arguments: IndexKind.allCases)
    func hasTheSameBytesForAnyNumberOfThreads(kind: IndexKind) throws {
        var random = SeededGenerator()
        let rows = clustered(2_900, 33, &random)
        for row in 0..<400 { _ = rows.row(2_000 + row).update(fromContentsOf: rows.row(row % 90)) }
        try withTemporaryDirectory { directory in
            var contents: [[String: Data]] = []
            for (index, threads) in [1, 2, 3, 1].enumerated() {
                let folder = directory + "/\(index)"
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                try SegmentBuilder(metric: .cosine, kind: kind, threads: threads).build(rows, in: folder)
                var files: [String: Data] = [:]
                for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
                    files[name] = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
                }
                contents.append(files)
            }
            for (name, bytes) in contents[0] {
                #expect(contents.allSatisfy { $0[name] == bytes }, "\(name), \(random)")
            }
            #expect(contents[0].count >= 3)
        }
    }

    @Test(arguments: [0, 1, 2, 5, 99, 129, 300])
    func buildsSegmentsOfAnySize(count: Int) throws {
        var random = SeededGenerator()
        for kind in IndexKind.allCases {
            for metric in Metric.indexed {
                // Duplicates and zero rows among them.
                let rows = Matrix(rows: count, columns: 7)
                for row in 0..<count where row % 3 != 0 {
                    for (index, value) in random.vector(7).enumerated() { rows.row(row)[index] = value }
                }
                try withTemporaryDirectory { directory in
                    try SegmentBuilder(metric: metric, kind: kind, threads: 2).build(rows, in: directory)
                    let segment = try SegmentIndex(directory, metric: metric)
                    let query = random.vector(7)
                    let near = try segment.makeSearcher().search(query, k: 3, effort: segment.efforts.last!)
                    #expect(near.count == min(3, count), "\(kind) \(metric) \(random)")
                }
            }
        }
    }

    /// Random filters, and filters of what is near to the query or far from it.
    @Test(arguments: [IndexKind.hnsw, .ivf], [0.9, 0.5, 0.1, 0.01, 0.001, 0])
    func keepsItsTargetUnderFilters(kind: IndexKind, share: Double) throws {
        var random = SeededGenerator()
        let (count, dimension) = (8_000, 16)
        let all = clustered(count + 60, dimension, &random)
        let rows = Matrix((0..<count).map { all[$0] })
        try withTemporaryDirectory { directory in
            try SegmentBuilder(metric: .l2, kind: kind, threads: 2).build(rows, in: directory)
            let segment = try SegmentIndex(directory, metric: .l2)
            let (searcher, exact) = (segment.makeSearcher(), ExactSearch(segment.shard, metric: .l2))
            let some = RowSet(
                (0..<count).filter { _ in Double.random(in: 0..<1, using: &random) < share }, capacity: count)
            let gone = RowSet((0..<count).filter { $0 % 7 == 0 }, capacity: count)
            var recalls = [0.0, 0, 0, 0]
            for index in count..<count + 60 {
                let query = all[index]
                let order = try exact.search(query, k: count).map { Int($0.row) }
                let size = Int(share * Double(count))
                let filters: [(keeping: RowSet?, excluding: RowSet?)] = [
                    (some, nil), (RowSet(order.prefix(size), capacity: count), nil),
                    (RowSet(order.suffix(size), capacity: count), nil), (share == 0.9 ? nil : some, gone),
                ]
                for (number, filter) in filters.enumerated() {
                    let found = try searcher.search(
                        query, k: 10, recall: 0.9,
                        filter: RowFilter(of: count, keeping: filter.keeping, except: filter.excluding))
                    let truth = order.filter {
                        filter.keeping?.contains($0) != false && filter.excluding?.contains($0) != true
                    }.prefix(10)
                    #expect(found.count == truth.count && found == found.sorted(), "\(random)")
                    let right = found.count { truth.contains(Int($0.row)) }
                    recalls[number] += truth.isEmpty ? 1 : Double(right) / Double(truth.count)
                }
            }
            #expect(recalls.allSatisfy { $0 / 60 > 0.85 }, "\(recalls.map { $0 / 60 }), \(random)")
        }
    }

    /// Whatever a damaged graph, list or code says, a search stays inside the files.
    @Test(arguments: [(IndexKind.hnsw, "graph"), (.hnsw, "codes"), (.ivf, "lists"), (.ivf, "codes")])
    func staysInsideDamagedFiles(kind: IndexKind, name: String) throws {
        var random = SeededGenerator()
        let rows = clustered(600, 20, &random)
        try withTemporaryDirectory { directory in
            try SegmentBuilder(metric: .l2, kind: kind, threads: 2).build(rows, in: directory)
            let path = directory + "/" + name
            let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
            let query = random.vector(20)
            for round in 0..<150 {
                var bytes = whole
                // Behind the header and its table, which are verified at open: here whole stretches are noise.
                let start = Int.random(in: 512..<bytes.count, using: &random)
                let end = round % 2 == 0 ? min(bytes.count, start + 400) : min(bytes.count, start + 1)
                for index in start..<end { bytes[index] = UInt8.random(in: 0...255, using: &random) }
                try Data(bytes).write(to: URL(fileURLWithPath: path))
                do {
                    let segment = try SegmentIndex(directory, metric: .l2)
                    let near = try segment.makeSearcher().search(query, k: 10, effort: segment.efforts.last!)
                    #expect(near.allSatisfy { Int($0.row) < 600 }, "\(random)")
                } catch {
                    #expect(error is BelfryError)
                }
            }
        }
    }
}
