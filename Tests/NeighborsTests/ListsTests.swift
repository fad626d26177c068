import Files
import Foundation
import Shards
import TestSupport
import Testing
import Vectors

@testable import Neighbors

@Suite struct ListsTests {
    /// Lists over rows, with the rows in their order.
    struct Built {
        let lists: ListsReader
        let stored: Matrix
        let codes: CodesReader
        let shard: ShardReader
        var searcher: ListsSearcher { ListsSearcher(lists, codes: codes, shard: shard) }

        init(_ rows: Matrix, _ metric: Metric, _ path: String, lists count: Int? = nil, threads: Int = 2) throws {
            let plan = try ListsBuilder.build(rows: rows, metric: metric, lists: count, seed: 3, threads: threads)
            try plan.write(to: path, threads: threads)
            lists = try ListsReader(path)
            #expect(plan.order.sorted() == (0..<UInt32(rows.rows)).map { $0 }, "a permutation")
            #expect(lists.listCount == plan.listCount && lists.rowCount == rows.rows)
            stored = Matrix(rows: rows.rows, columns: rows.columns)
            for (new, old) in plan.order.enumerated() {
                (stored.pointer + new * rows.columns).update(
                    from: rows.pointer + Int(old) * rows.columns, count: rows.columns)
            }
            codes = try Self.codes(of: stored, metric, path + ".codes")
            shard = try ShardReader(path + ".codes.shard")
        }

        static func codes(of rows: Matrix, _ metric: Metric, _ path: String) throws -> CodesReader {
            let writer = try ShardWriter(path + ".shard", dimension: rows.columns, elementType: .f32)
            for row in 0..<rows.rows { try writer.append(components: UnsafeBufferPointer(rows.row(row))) }
            try writer.finish()
            try CodesWriter.write(path, of: ShardReader(path + ".shard"), metric: metric)
            return try CodesReader(path)
        }

        /// The distances of all rows by the kernel.
        func distances(_ query: [Float]) -> [Float] {
            let kernel = DistanceKernel(metric: lists.metric)
            return query.withUnsafeBufferPointer { query in
                let prepared = kernel.prepare(query.baseAddress!, dimension: query.count)
                return (0..<stored.rows).map {
                    kernel.distance(to: prepared, row: stored.pointer + $0 * stored.columns)
                }
            }
        }

        /// The same rows with their distances by the kernel: what a search says are estimates.
        func exactly(_ found: [Neighbor], _ query: [Float]) -> [Neighbor] {
            let all = distances(query)
            return found.map { Neighbor(row: $0.row, distance: all[Int($0.row)]) }.sorted()
        }

        /// The exact answer among the rows that `admits` lets through.
        func exact(_ query: [Float], k: Int, where admits: (Int) -> Bool = { _ in true }) -> [Neighbor] {
            let all = distances(query).enumerated().filter { admits($0.offset) }
            return Array(all.map { Neighbor(row: UInt32($0.offset), distance: $0.element) }.sorted().prefix(k))
        }
    }

    /// Rows around random points, with lengths that differ.
    static func rows(_ count: Int, _ dimension: Int, centers: Int, _ random: inout SeededGenerator) -> Matrix {
        let points = (0..<centers).map { _ in random.vector(dimension) }
        return Matrix(
            (0..<count).map { _ in
                let length = 1 + 0.3 * abs(random.gaussian())
                return points.randomElement(using: &random)!.map { length * ($0 + 0.3 * random.gaussian()) + 0.2 }
            })
    }

    static func recall(_ found: [Neighbor], _ truth: [Neighbor]) -> Double {
        guard let last = truth.last else { return 1 }
        return Double(found.count { $0.distance <= last.distance }) / Double(truth.count)
    }

    @Test(arguments: Metric.indexed, [2, 50, 129])
    func findsMostOfTheNearest(metric: Metric, dimension: Int) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let built = try Built(Self.rows(4_000, dimension, centers: 30, &random), metric, folder + "/lists")
            let searcher = built.searcher
            let ladder = ListsEffort.probes(lists: built.lists.listCount).map {
                ListsEffort(probes: $0, lists: built.lists.listCount, k: 10)
            }
            #expect(ladder.count <= 64 && ladder.last!.probes == built.lists.listCount)
            var recalls = [Double](repeating: 0, count: ladder.count)
            var everything = 0.0
            let queries = (0..<40).map { _ in
                built.stored[Int.random(in: 0..<4_000, using: &random)].map { $0 + 0.1 * random.gaussian() }
            }
            for query in queries {
                let truth = built.exact(query, k: 10)
                for (rung, effort) in ladder.enumerated() {
                    let found = try searcher.search(query, k: 10, effort: effort)
                    recalls[rung] += Self.recall(built.exactly(found, query), truth) / 40
                }
                let all = built.exactly(try searcher.search(query, k: 10, effort: .all(built.lists)), query)
                everything += Self.recall(all, truth) / 40
            }
            #expect(everything > 0.995, "\(random)")
            #expect(recalls.last! > 0.95, "\(recalls), \(random)")
            #expect(recalls[ladder.count * 3 / 4] > 0.8, "\(recalls), \(random)")
            let cost = searcher.cost
            #expect(cost.lists > 0 && cost.rowsScanned > 0 && cost.rowsReranked > 0 && cost.bytes > 0)
        }
    }

    /// One query after another, in any order, gives what each gives alone; a batch finds the same.
    @Test(arguments: Metric.indexed)
    func batchesFindTheSame(metric: Metric) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let built = try Built(Self.rows(3_000, 20, centers: 20, &random), metric, folder + "/lists")
            let queries = Matrix((0..<200).map { _ in random.vector(20) })
            let searcher = built.searcher
            for effort in [ListsEffort(probes: 9, rerank: 30), ListsEffort(probes: 2, rerank: 15), .all(built.lists)] {
                let batch = try searcher.search(queries, k: 7, effort: effort)
                for index in 0..<queries.rows {
                    let alone = try built.searcher.search(queries[index], k: 7, effort: effort)
                    #expect(Self.recall(batch[index], alone) > 0.85, "\(random)")
                    if effort == .all(built.lists) { #expect(batch[index] == alone) }
                }
            }
        }
    }

    /// A searcher that has worked hard before gives what a new one gives.
    /// A calibration goes on where a search with less slack has stopped: that finds and costs what each search does by itself.
    @Test(arguments: Metric.indexed)
    func whatACalibrationSeesIsWhatSearchesFind(metric: Metric) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let built = try Built(
                Self.rows(3_000, 20, centers: 60, &random), metric, folder + "/lists", lists: 90, threads: 2)
            let (together, alone) = (built.searcher, built.searcher)
            let ratios = Slack.ladder.map { Float($0) / 1_000 }
            for number in 0..<20 {
                // Near the rows, far from them, and nowhere near.
                let scale: Float = [1, 3, 0.01][number % 3]
                let query = random.vector(20).map { scale * $0 }
                for ks in [[1, 10], [50]] {
                    for ratios in [ratios, Array(ratios.suffix(9)), [ratios[20]]] {
                        let seen = try together.search(query, ks: ks, spare: 0, ratios: ratios)
                        for (place, ratio) in ratios.enumerated() {
                            for (index, k) in ks.enumerated() {
                                alone.cost = SearchCost()
                                let effort = ListsEffort(slack: Slack(ratio: ratio, k: ks.last!), k: k)
                                let found = try alone.search(query, k: k, effort: effort)
                                let answer = try #require(seen[place * ks.count + index])
                                #expect(answer.rows == found, "\(random), \(ratio), \(k)")
                                #expect(answer.cost.rowsScanned == alone.cost.rowsScanned, "\(random), \(ratio), \(k)")
                            }
                        }
                    }
                }
            }
        }
    }

    @Test func remembersNothing() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let built = try Built(Self.rows(3_000, 20, centers: 20, &random), .l2, folder + "/lists")
            let used = built.searcher
            for k in [100, 1, 10, 3, 300, 7] {
                let (query, fresh) = (random.vector(20), built.searcher)
                let effort = ListsEffort(probes: 30, rerank: 2 * k)
                used.cost = SearchCost()
                #expect(try used.search(query, k: k, effort: effort) == fresh.search(query, k: k, effort: effort))
                #expect(used.cost == fresh.cost, "\(random)")
            }
        }
    }

    /// The shard has the last word on who is among the nearest, where the codes are in doubt.
    @Test func theShardSettles() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let built = try Built(Self.rows(900, 12, centers: 9, &random), .cosine, folder + "/lists")
            let (unsure, sure) = (ListsSearcher(built.lists, codes: built.codes), built.searcher)
            var (before, after) = (0.0, 0.0)
            for _ in 0..<100 {
                let query = random.vector(12)
                let truth = built.exact(query, k: 10)
                for (searcher, settles) in [(unsure, false), (sure, true)] {
                    let found = try searcher.search(query, k: 10, effort: .all(built.lists))
                    #expect(found == found.sorted() && found.count == 10)
                    let recall = Self.recall(built.exactly(found, query), truth) / 100
                    if settles { after += recall } else { before += recall }
                }
            }
            #expect(unsure.cost.rowsRerankedExactly == 0 && sure.cost.rowsRerankedExactly > 0)
            #expect(after > before && after > 0.995, "\(before), \(after), \(random)")
        }
    }

    @Test func theNumberOfThreadsChangesNoByte() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            for metric in Metric.indexed {
                let rows = Self.rows(5_000, 19, centers: 25, &random)
                let bytes = try [1, 2, 5].map { threads in
                    _ = try Built(rows, metric, folder + "/\(threads)", threads: threads)
                    return try Data(contentsOf: URL(fileURLWithPath: folder + "/\(threads)"))
                }
                #expect(bytes[0] == bytes[1] && bytes[0] == bytes[2])
            }
        }
    }

    @Test(arguments: Metric.indexed)
    func smallAndOddSets(metric: Metric) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let same = random.vector(5)
            let sets: [[[Float]]] = [
                [], [same], (0..<3).map { _ in random.vector(5) }, (0..<15).map { _ in random.vector(5) },
                (0..<700).map { _ in same }, (0..<200).map { _ in [0, 0, 0, 0, 0] },
                (0..<200).map { $0 % 3 == 0 ? [0, 0, 0, 0, 0] : random.vector(5) },
                (0..<300).map { $0 == 7 ? same.map { $0 * 1e15 } : random.vector(5).map { $0 * 1e-15 } },
            ]
            for (number, set) in sets.enumerated() {
                let rows = set.isEmpty ? Matrix(rows: 0, columns: 5) : Matrix(set)
                for lists in [nil, 1, 50] {
                    let built = try Built(rows, metric, folder + "/lists", lists: lists)
                    for query in [same, random.vector(5), [0, 0, 0, 0, 0]] {
                        let found = try built.searcher.search(query, k: 8, effort: .all(built.lists))
                        let truth = built.exact(query, k: 8)
                        // Rows as near as the codes can tell: their distances are estimates.
                        let distances = built.distances(query)
                        let scale = distances.reduce(1e-30) { max($0, abs($1)) }
                        let near = found.map { distances[Int($0.row)] }.sorted()
                        #expect(found.count == truth.count && Set(found.map(\.row)).count == truth.count)
                        #expect(
                            zip(near, truth).allSatisfy { $0 <= $1.distance + 0.01 * scale },
                            "set \(number), \(random)")
                        let few = try built.searcher.search(query, k: 8, effort: .init(probes: 2, rerank: 8))
                        #expect(few.count <= truth.count && (few.isEmpty == truth.isEmpty))
                        #expect(try built.searcher.search(query, k: 0, effort: .all(built.lists)).isEmpty)
                    }
                    #expect(built.lists.check().isEmpty)
                }
            }
        }
    }

    @Test func readingAheadChangesNothing() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let built = try Built(Self.rows(2_000, 30, centers: 20, &random), .l2, folder + "/lists")
            let (here, there) = (built.searcher, built.searcher)
            there.readsAhead = true
            for _ in 0..<10 {
                let query = random.vector(30)
                let effort = ListsEffort(probes: 12, rerank: 20)
                #expect(try here.search(query, k: 5, effort: effort) == there.search(query, k: 5, effort: effort))
            }
        }
    }

    /// Whatever bytes a file has, it is refused or searched without leaving it.
    @Test func damageIsMemorySafe() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let path = folder + "/lists"
            let built = try Built(Self.rows(600, 11, centers: 9, &random), .ip, path)
            let whole = try Data(contentsOf: URL(fileURLWithPath: path))
            for _ in 0..<60 {
                let length = Int.random(in: 0..<whole.count, using: &random)
                try whole.prefix(length).writeAnew(to: folder + "/cut")
                #expect(throws: BelfryError.self) { try ListsReader(folder + "/cut") }
            }
            for trial in 0..<400 {
                var bytes = whole
                let section = try SegmentFile(path).range(of: ListsFormat.sections[trial % 5])
                let place = trial < 50 ? trial * 4 : Int.random(in: section, using: &random)
                bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                try bytes.writeAnew(to: folder + "/flipped")
                #expect(!SegmentFile.check(folder + "/flipped").isEmpty, "check sees byte \(place)")
                search(folder + "/flipped", built, &random)
            }
            // Random bytes over whole sections, under checksums that match.
            for trial in 0..<100 {
                var bytes = whole
                let name = ListsFormat.sections[trial % 5]
                let range = try SegmentFile(path).range(of: name)
                for place in range where trial % 3 > 0 || Int.random(in: 0..<8, using: &random) == 0 {
                    bytes[place] = trial % 10 == 9 ? 0xff : UInt8.random(in: 0...255, using: &random)
                }
                try seal(bytes, folder + "/random")
                search(folder + "/random", built, &random)
            }
        }
    }

    /// Searches a file that may be anything, beside the sound rows.
    private func search(_ path: String, _ built: Built, _ random: inout SeededGenerator) {
        do throws(BelfryError) {
            let lists = try ListsReader(path)
            guard lists.rowCount == built.lists.rowCount, lists.dimension == 11 else { return }
            let searcher = ListsSearcher(lists, codes: built.codes)
            for effort in [ListsEffort.all(lists), ListsEffort(probes: 3, rerank: 10)] {
                let found = try searcher.search(random.vector(11), k: 10, effort: effort)
                #expect(found.allSatisfy { $0.row < 600 })
            }
            _ = try searcher.search(Matrix([random.vector(11), random.vector(11)]), k: 3, effort: .all(lists))
        } catch {
            #expect(error.code == .corruptData && error.location?.file == path)
        }
    }

    /// Writes the sections of a damaged file again, with checksums that match.
    private func seal(_ bytes: Data, _ path: String) throws {
        try bytes.writeAnew(to: path + ".raw")
        let ranges = try ListsFormat.sections.map { try SegmentFile(path + ".raw").range(of: $0) }
        unlink(path)
        let writer = try SegmentFileWriter(
            path, kind: ListsFormat.kind, version: ListsFormat.version, sections: ListsFormat.sections)
        for (name, range) in zip(ListsFormat.sections, ranges) {
            try writer.begin(name)
            try Array(bytes[range]).withUnsafeBytes { try writer.write($0) }
        }
        try writer.finish()
    }
}
