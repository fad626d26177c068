import Foundation
import TestSupport
import Testing

@testable import Neighbors

/// Observations of `k`, from how many each query found at each level; a level costs ten distances and a hundred bytes.
private func observations(k: Int, _ found: [[Int]]) -> RecallObservations {
    var observations = RecallObservations(k: k, levels: found[0].count, queries: found.count)
    for (query, row) in found.enumerated() {
        for (level, count) in row.enumerated() {
            observations[level, query] = .init(
                found: count, hasNearest: count > 0, evaluations: 10 * (level + 1), bytes: 100 * (level + 1))
        }
    }
    return observations
}

/// A calibration on queries of one style.
private func calibration(_ levels: [EffortLevel], _ all: [RecallObservations]) -> RecallCalibration {
    RecallCalibration(levels: levels, [.init(.rows, all, reach: .init(usual: 1, farthest: 1))])
}

private func ladder(_ count: Int) -> [EffortLevel] { (0..<count).map { EffortLevel([UInt32(16 << $0)]) } }

/// Queries of a made-up index: each has a hardness of its own, each of its neighbors some luck, and it loses none of
/// them again at a higher level: the case in which the promise has the least to spare.
private func simulated(_ queries: Int, levels: Int, k: Int, _ random: inout SeededGenerator) -> [[Int]] {
    (0..<queries).map { _ in
        // A tail of hard queries, as real ones have it.
        let hardness = pow(Double.random(in: 0.02...1, using: &random), -0.7)
        let luck = (0..<k).map { _ in Double.random(in: 0..<1, using: &random) }
        return (0..<levels).map { level in
            let missed = exp(-Double(level + 1) / (0.03 * Double(levels) * hardness))
            return luck.count { $0 >= missed }
        }
    }
}

@Suite struct RecallCalibrationTests {
    @Test func choosesTheCheapestLevelThatCanPromise() throws {
        // 99 queries: at level 0 all miss one in ten, at level 1 nine do, at level 2 none.
        let found = (0..<99).map { [9, $0 < 9 ? 9 : 10, 10] }
        let calibration = calibration(ladder(3), [observations(k: 10, found)])
        // (9.9 + 1) / 100, (0.9 + 1) / 100, (0 + 1) / 100
        for (target, level) in [(0.5, 0), (0.8909, 0), (0.8911, 1), (0.9809, 1), (0.9811, 2), (0.9899, 2)] {
            let choice = try #require(calibration.choice(recall: target, k: 10), "\(target)")
            #expect(choice.level == level && choice.effort == ladder(3)[level], "\(target)")
        }
        for target in [0.9901, 1, 1.5, .nan] { #expect(calibration.choice(recall: target, k: 10) == nil, "\(target)") }

        let curve = calibration.kinds[0].curve(k: 10)
        #expect(abs(curve.recall(1) - (1 - 0.9 / 99)) < 1e-12 && curve.recall(2) == 1)
        #expect(curve.shareBelow(0.95, 0) == 1 && curve.shareBelow(0.9, 0) == 0)
        #expect(curve.shareBelow(0.95, 1) == 9.0 / 99 && curve.shareMissingNearest(0) == 0)
        #expect(curve.evaluations(1) == 20 && curve.bytes(2) == 300)
    }

    @Test func aLevelIsChargedWithTheWorstOfAllMoreExpensiveOnes() {
        // The second level finds less than the first: neither may be trusted beyond what the second one found.
        let found = (0..<999).map { _ in [10, 8, 10] }
        let calibration = calibration(ladder(3), [observations(k: 10, found)])
        #expect(calibration.choice(recall: 0.79, k: 10)?.level == 0)
        #expect(calibration.choice(recall: 0.9, k: 10)?.level == 2)
        #expect(abs(calibration.kinds[0].curve(k: 10).recall(0) - 0.8) < 1e-12)
    }

    /// A mean of 0.95 is no promise to the one query in twenty that finds nothing.
    @Test func fewQueriesMayFindLittle() {
        // At level 0, 6 of 100 find half of theirs: the mean is 0.97. At level 1 4 do, at level 2 none.
        let found = (0..<999).map { [$0 % 100 < 6 ? 5 : 10, $0 % 100 < 4 ? 5 : 10, 10] }
        let calibration = calibration(ladder(3), [observations(k: 10, found)])
        #expect(calibration.choice(recall: 0.95, k: 10)?.level == 1)
        #expect(calibration.choice(recall: 0.6, k: 10)?.level == 0)
    }

    @Test func theNearestMayBeMissedSeldom() {
        // All find nine of ten; at level 0 2 in 100 miss the nearest one, at level 1 none does.
        var seen = observations(k: 10, (0..<999).map { _ in [9, 9] })
        for query in 0..<999 where query % 50 == 0 { seen[0, query].hasNearest = false }
        #expect(calibration(ladder(2), [seen]).choice(recall: 0.89, k: 10)?.level == 0)
        seen = observations(k: 10, (0..<999).map { _ in [10, 10] })
        for query in 0..<999 where query % 50 == 0 { seen[0, query].hasNearest = false }
        #expect(calibration(ladder(2), [seen]).choice(recall: 0.95, k: 10)?.level == 1)
        // Of a single neighbor that is what the mean says.
        var one = observations(k: 1, (0..<999).map { _ in [1, 1] })
        for query in 0..<999 where query % 50 == 0 {
            one[0, query] = .init(found: 0, hasNearest: false, evaluations: 1, bytes: 1)
        }
        #expect(calibration(ladder(2), [one]).choice(recall: 0.95, k: 1)?.level == 0)
    }

    /// Many easy queries of one style do not hide those of another.
    @Test func everyStyleIsHeld() throws {
        let easy = RecallCalibration.Kind(
            .rows, [observations(k: 10, (0..<1_999).map { _ in [10, 10, 10] })], reach: .init(usual: 0.2, farthest: 0.2)
        )
        let hard = RecallCalibration.Kind(
            .words, [observations(k: 10, (0..<199).map { _ in [5, 8, 10] })], reach: .init(usual: 0.7, farthest: 0.7))
        let both = RecallCalibration(levels: ladder(3), [easy, hard])
        #expect(both.choice(recall: 0.95, k: 10)?.level == 2 && both.choice(recall: 0.7, k: 10)?.level == 1)
        #expect(both.reach.usual == 0.7)
        #expect(RecallCalibration(levels: ladder(3), [easy]).choice(recall: 0.95, k: 10)?.level == 0)
        // What one style cannot be promised, nobody is.
        let lost = RecallCalibration.Kind(
            .words, [observations(k: 10, (0..<199).map { _ in [5, 8, 8] })], reach: .init(usual: 0.7, farthest: 0.7))
        #expect(RecallCalibration(levels: ladder(3), [easy, lost]).choice(recall: 0.95, k: 10) == nil)
    }

    @Test func aKBetweenBucketsTakesTheLargerOne() throws {
        let all = RecallCalibration.defaultBuckets.map { k in
            observations(k: k, (0..<199).map { _ in [k == 100 ? 90 : k, k] })
        }
        let calibration = calibration(ladder(2), all.reversed())
        #expect(calibration.kinds[0].curves.map(\.k) == RecallCalibration.defaultBuckets)
        for (k, bucket, level) in [
            (1, 1, 0), (2, 10, 0), (10, 10, 0), (11, 30, 0), (31, 100, 1), (100, 100, 1), (250, 100, 1),
        ] {
            let choice = try #require(calibration.choice(recall: 0.95, k: k))
            #expect(choice.bucket == bucket && choice.level == level, "k \(k)")
            #expect(choice.isExtrapolated == (k > 100))
        }
    }

    /// The mean over splits, which is what is promised, and the single splits, which scatter around it.
    @Test(arguments: [0.9, 0.95, 0.99]) func newQueriesReachTheTarget(target: Double) {
        var random = SeededGenerator()
        let (levels, k, sample) = (64, 10, 1_000)
        let population = simulated(4_000, levels: levels, k: k, &random)
        var means: [Double] = []
        var (short, exact) = (0, 0)
        for _ in 0..<200 {
            let shuffled = population.shuffled(using: &random)
            // Whether the nearest is among them is left out: here it is about the mean.
            var seen = observations(k: k, Array(shuffled[..<sample]))
            for query in 0..<sample {
                for level in 0..<levels { seen[level, query].hasNearest = true }
            }
            let calibration = calibration(ladder(1) + (1..<levels).map { EffortLevel([UInt32($0)]) }, [seen])
            // Exact search misses nothing.
            let level = calibration.choice(recall: target, k: k)?.level
            if level == nil { exact += 1 }
            let recalls = shuffled[sample..<2 * sample].map { query in level.map { Double(query[$0]) / Double(k) } ?? 1
            }
            let mean = recalls.reduce(0, +) / Double(sample)
            let variance = recalls.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(sample - 1)
            // Both samples scatter: the one that chose the level, and the one that judges it.
            let error = (2 * variance / Double(sample)).squareRoot()
            means.append(mean)
            if mean < target - 2 * error { short += 1 }
        }
        let mean = means.reduce(0, +) / Double(means.count)
        #expect(mean >= target, "\(mean), \(random)")
        #expect(exact == 0, "the ladder reaches so far, \(random)")
        #expect(short < 10, "\(short) of 200 splits fall short, \(random)")
        // One in a thousand is the price of the promise, few queries may find little, and the ladder has its steps.
        #expect(mean < target + 0.75 * (1 - target) + 0.002, "\(mean), \(random)")
    }

    @Test func higherTargetsNeverChooseCheaperLevels() {
        var random = SeededGenerator()
        for _ in 0..<50 {
            let levels = Int.random(in: 1...20, using: &random)
            let found = (0..<Int.random(in: 1...60, using: &random)).map { _ in
                (0..<levels).map { _ in Int.random(in: 0...10, using: &random) }
            }
            let calibration = calibration(
                (0..<levels).map { EffortLevel([UInt32($0)]) }, [observations(k: 10, found)])
            var last = 0
            for target in stride(from: 0.0, through: 1, by: 0.01) {
                let level = calibration.choice(recall: target, k: 10)?.level ?? levels
                #expect(level >= last, "target \(target), \(random)")
                last = level
            }
            let curve = calibration.kinds[0].curve(k: 10)
            for level in 0..<levels {
                #expect(curve.shareBelow(0.5, level) <= curve.shareBelow(0.9, level), "\(random)")
            }
        }
    }

    @Test func theOrderOfQueriesAndCurvesDoesNotMatter() throws {
        var random = SeededGenerator()
        let found = [1, 10, 100].map { simulated(80, levels: 9, k: $0, &random) }
        try withTemporaryDirectory { folder in
            var files: [[UInt8]] = []
            for round in 0..<3 {
                var all = zip([1, 10, 100], found).map { k, rows in
                    observations(k: k, round == 0 ? rows : rows.shuffled(using: &random))
                }
                if round > 0 { all.shuffle(using: &random) }
                try calibration(ladder(9), all).write(to: folder + "/calibration")
                files.append(Array(try Data(contentsOf: URL(fileURLWithPath: folder + "/calibration"))))
            }
            #expect(files[0] == files[1] && files[0] == files[2], "\(random)")
        }
    }
}
