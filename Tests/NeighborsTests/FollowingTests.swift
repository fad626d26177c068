import Files
import Foundation
import Neighbors
import Shards
import TestSupport
import Testing
import Vectors

private func + (first: Matrix, second: Matrix) -> Matrix {
    Matrix([first, second].flatMap { matrix in (0..<matrix.rows).map { matrix[$0] } })
}

/// Efforts that follow the query: queries unlike the rows are held to the same promise, or noticed.
@Suite struct FollowingTests {
    /// What queries found, beside exact search.
    private struct Outcome {
        var recalls: [Double] = []
        var nearestMissed = 0
        var unlike = 0
        var evaluations = 0

        var mean: Double { recalls.reduce(0, +) / Double(recalls.count) }
        var low: Double { Double(recalls.count { $0 < 0.8 - 1e-9 }) / Double(recalls.count) }
    }

    private static func ask(
        _ segment: SegmentIndex, _ queries: Matrix, _ target: Double, k: Int = 10, where filter: RowFilter? = nil
    ) throws -> Outcome {
        let searcher = segment.makeSearcher()
        let truth = try ExactSearch(segment.shard, metric: segment.metric).search(
            queries, k: k, filter: filter, threads: 2)
        var outcome = Outcome()
        for query in 0..<queries.rows {
            let vector = queries.pointer + query * queries.columns
            let near =
                if let filter {
                    try searcher.search(vector, k: k, recall: target, filter: filter)
                } else {
                    try searcher.search(vector, k: k, effort: segment.effort(recall: target, k: k))
                }
            let found = Set(near.map(\.row)).intersection(truth[query].map(\.row)).count
            outcome.recalls.append(Double(found) / Double(k))
            outcome.nearestMissed += near.contains { $0.row == truth[query][0].row } ? 0 : 1
            outcome.unlike += searcher.verdict.isUnlike ? 1 : 0
        }
        outcome.evaluations = searcher.trace.evaluations
        return outcome
    }

    /// Queries between the rows' clusters, as short texts are to long ones.
    private static func between(_ rows: Matrix, _ count: Int, _ random: inout SeededGenerator) -> Matrix {
        Matrix(
            (0..<count).map { _ in
                let (a, b) = (
                    rows[Int.random(in: 0..<rows.rows, using: &random)],
                    rows[Int.random(in: 0..<rows.rows, using: &random)]
                )
                return zip(zip(a, b), random.vector(rows.columns)).map { ($0.0 + $0.1) / 2 + 0.3 * $1 }
            })
    }

    @Test(arguments: [IndexKind.hnsw, .ivf], Metric.indexed)
    func everyStyleOfQueryIsHeld(kind: IndexKind, metric: Metric) throws {
        var random = SeededGenerator()
        let all = clustered(10_400, 32, &random)
        let rows = Matrix((0..<10_000).map { all[$0] })
        let likeRows = Matrix((10_000..<10_400).map { all[$0] })
        try withTemporaryDirectory { directory in
            var builder = SegmentBuilder(metric: metric, kind: kind, threads: 2)
            builder.queries = [QuerySample(.given, Self.between(rows, 500, &random))]
            try builder.build(rows, in: directory)
            let segment = try SegmentIndex(directory, metric: metric)
            #expect(segment.calibration?.kinds.map(\.kind) == [.rows, .given])
            for queries in [likeRows, Self.between(rows, 400, &random)] {
                let outcome = try Self.ask(segment, queries, 0.95)
                let about = "\(kind) \(metric) \(outcome.mean) \(outcome.low) \(outcome.nearestMissed), \(random)"
                // Three standard errors more than what is promised.
                #expect(outcome.mean > 0.93 && outcome.low < 0.085 && outcome.nearestMissed < 11, "\(about)")
                #expect(outcome.unlike < 20, "\(about)")
            }
        }
    }

    /// A query far from all rows of the calibration is noticed, and answered exactly where that is quick.
    @Test(arguments: [IndexKind.hnsw, .ivf], Metric.indexed)
    func aQueryUnlikeAllOthersIsNoticed(kind: IndexKind, metric: Metric) throws {
        var random = SeededGenerator()
        let all = clustered(6_300, 32, &random)
        let rows = Matrix((0..<6_000).map { all[$0] })
        let near = Matrix((6_000..<6_300).map { all[$0] })
        // Away from the centers, at any length.
        let far = Matrix((0..<300).map { _ in random.vector(32).map { 3 * $0 } })
        try withTemporaryDirectory { directory in
            try SegmentBuilder(metric: metric, kind: kind, threads: 2).build(rows, in: directory)
            let segment = try SegmentIndex(directory, metric: metric)
            let known = try Self.ask(segment, near, 0.95)
            #expect(known.unlike <= 15, "\(known.unlike) of 300, \(random)")
            let outcome = try Self.ask(segment, far, 0.95)
            #expect(outcome.unlike >= 270, "\(metric) \(outcome.unlike) of 300, \(random)")
            #expect(outcome.mean > 0.99, "\(outcome.mean), \(random)")
        }
    }

    /// Where a scan is not quick, queries far beyond the calibration are noticed and still answered well, and queries like
    /// the rows do not pay for it: hardly any of them computes as much as a scan.
    @Test(arguments: [IndexKind.hnsw, .ivf])
    func farQueriesOfManyRows(kind: IndexKind) throws {
        var random = SeededGenerator()
        let all = clustered(36_300, 64, &random)
        let rows = Matrix((0..<36_000).map { all[$0] })
        let near = Matrix((36_000..<36_300).map { all[$0] })
        let far = Matrix((0..<100).map { _ in random.vector(64).map { 3 * $0 } })
        try withTemporaryDirectory { directory in
            try SegmentBuilder(metric: .l2, kind: kind, threads: 2).build(rows, in: directory)
            let segment = try SegmentIndex(directory, metric: .l2)
            let outcome = try Self.ask(segment, far, 0.95)
            #expect(outcome.unlike >= 90, "\(outcome.unlike) of 100, \(random)")
            #expect(outcome.mean > 0.9, "\(outcome.mean), \(random)")
            let known = try Self.ask(segment, near, 0.95)
            #expect(known.unlike <= 12, "\(known.unlike) of 300, \(random)")
            #expect(known.mean > 0.93, "\(known.mean), \(random)")
            #expect(known.evaluations < 300 * rows.rows / 4, "\(known.evaluations), \(random)")
            // The same among half of the rows: how far a query is, all rows say.
            let half = RowSet((0..<36_000).filter { _ in Bool.random(using: &random) }, capacity: 36_000)
            let filter = RowFilter(half)
            let filtered = try Self.ask(segment, far, 0.95, where: filter)
            #expect(filtered.unlike >= 85, "\(filtered.unlike) of 100, \(random)")
            #expect(filtered.mean > 0.9, "\(filtered.mean), \(random)")
            let usual = try Self.ask(segment, near, 0.95, where: filter)
            #expect(usual.unlike <= 12, "\(usual.unlike) of 300, \(random)")
            #expect(usual.mean > 0.93 && usual.evaluations < 300 * rows.rows / 3, "\(usual), \(random)")
        }
    }

    /// Under ip a query twice as long asks for the same rows, and is no more work.
    @Test(arguments: [IndexKind.hnsw, .ivf])
    func theLengthOfAQueryChangesNothing(kind: IndexKind) throws {
        var random = SeededGenerator()
        let rows = clustered(5_000, 24, &random)
        for row in 0..<rows.rows {
            let length = Float.random(in: 0.5...2, using: &random)
            for index in 0..<24 { rows.row(row)[index] *= length }
        }
        try withTemporaryDirectory { directory in
            try SegmentBuilder(metric: .ip, kind: kind, threads: 2).build(rows, in: directory)
            let segment = try SegmentIndex(directory, metric: .ip)
            let queries = clustered(50, 24, &random)
            var work: [Int] = []
            for length: Float in [1, 1_000, 0.001] {
                let scaled = Matrix((0..<50).map { queries[$0].map { length * $0 } })
                let outcome = try Self.ask(segment, scaled, 0.95)
                #expect(outcome.mean > 0.9, "\(length) \(outcome.mean), \(random)")
                work.append(outcome.evaluations)
            }
            let spread = Double(work.max()!) / Double(work.min()!)
            #expect(spread < 1.05, "\(work), \(random)")
        }
    }

    /// Where all rows are equally far, a walk would see them all: it gives up, and costs little more than the scan.
    @Test func aWalkNeverCostsMuchMoreThanAScan() throws {
        var random = SeededGenerator()
        let rows = Matrix((0..<6_000).map { _ in random.vector(128) })
        try withTemporaryDirectory { directory in
            try SegmentBuilder(metric: .l2, kind: .hnsw, threads: 2).build(rows, in: directory)
            let segment = try SegmentIndex(directory, metric: .l2)
            let queries = Matrix((0..<50).map { _ in random.vector(128) })
            let searcher = segment.makeSearcher()
            for query in 0..<queries.rows {
                let before = searcher.trace.evaluations
                _ = try searcher.search(queries.pointer + query * 128, k: 10, effort: .following(ratio: 10))
                #expect(searcher.verdict == .scanned, "\(random)")
                #expect(searcher.trace.evaluations - before < 6_000 + 6_000 / 2 + 400, "\(random)")
            }
        }
    }

    /// Queries in one call scan what each would scan by itself, or a little more.
    @Test func aBatchFindsWhatSingleQueriesFind() throws {
        var random = SeededGenerator()
        let rows = clustered(6_000, 24, &random)
        try withTemporaryDirectory { directory in
            try SegmentBuilder(metric: .cosine, kind: .ivf, threads: 2).build(rows, in: directory)
            let segment = try SegmentIndex(directory, metric: .cosine)
            let queries = Self.between(rows, 100, &random) + Matrix((0..<100).map { rows[50 * $0].map { 1.01 * $0 } })
            let effort = segment.effort(recall: 0.95, k: 10)
            let truth = try ExactSearch(segment.shard, metric: .cosine).search(queries, k: 10, threads: 2)
            let searcher = segment.makeSearcher()
            let answers = try searcher.search(queries, k: 10, effort: effort)
            var (batch, single) = (0, 0)
            for query in 0..<queries.rows {
                let right = Set(truth[query].map(\.row))
                batch += right.intersection(answers[query].map(\.row)).count
                let alone = try searcher.search(queries.pointer + query * 24, k: 10, effort: effort)
                single += right.intersection(alone.map(\.row)).count
            }
            #expect(batch > single - 20, "\(batch), \(single), \(random)")
        }
    }

    @Test func theIndexIsChosenByEveryStyleOfQuery() throws {
        var random = SeededGenerator()
        let rows = clustered(9_000, 32, &random)
        try withTemporaryDirectory { directory in
            var builder = SegmentBuilder(metric: .l2, kind: .exact, threads: 2)
            builder.queries = [QuerySample(.given, Self.between(rows, 300, &random))]
            let choice = try builder.buildFastest(rows, in: directory, recall: 0.95)
            let segment = try SegmentIndex(directory, metric: .l2)
            #expect(segment.kind == choice.kind && choice.recall == 0.95)
            for candidate in choice.candidates where candidate.microseconds != nil {
                #expect(candidate.queries.map(\.kind) == [.rows, .given], "\(candidate)")
                #expect(candidate.evaluations > 0 && candidate.bytes > 0, "\(candidate)")
            }
        }
    }

    /// So few rows are scanned in less than a millisecond: no index is built, and nothing is missed.
    @Test func withoutARecallFewRowsAreScanned() throws {
        var random = SeededGenerator()
        let rows = clustered(4_000, 16, &random)
        try withTemporaryDirectory { directory in
            let choice = try SegmentBuilder(metric: .l2, kind: .hnsw, threads: 2).buildFastest(
                rows, in: directory, recall: nil)
            #expect(choice.kind == .exact && choice.recall == 1 && choice.candidates.isEmpty)
            #expect(choice.reason.contains("millisecond"), "\(choice.reason)")
        }
        #expect(!DefaultRecall.scans(rows: 1_000_000, bytesPerRow: 128))
    }
}
