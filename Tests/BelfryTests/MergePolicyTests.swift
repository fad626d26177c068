import TestSupport
import Testing

@testable import Belfry

@Suite struct MergePolicyTests {
    private typealias Size = MergePolicy.Size

    /// Seals and deletions in random order: merges come to an end, no segment has more rows than may be built, and those
    /// that could be one are few.
    @Test(arguments: [1_000, 90_000, 250_000, 700_000, Int.max / 4])
    func mergesComeToAnEnd(_ most: Int) {
        var random = SeededGenerator()
        let policy = MergePolicy(most: most, mostCopied: most)
        for _ in 0..<20 {
            var segments: [Size] = []
            var (copied, indexed, sealed) = (0, 0, 0)
            for _ in 0..<300 {
                let rows = min(Int.random(in: 1...20_000, using: &random), most)
                segments.append(Size(alive: rows, rows: rows))
                sealed += rows
                if let place = segments.indices.randomElement(using: &random), Bool.random(using: &random) {
                    segments[place].alive -= Int.random(in: 0...segments[place].alive / 3, using: &random)
                }
                var rounds = 0
                while true {
                    let copies = policy.choose(segments, for: .copying)
                    let chosen = copies.isEmpty ? policy.choose(segments, for: .indexing) : copies
                    guard !chosen.isEmpty else { break }
                    let alive = chosen.reduce(0) { $0 + segments[$1].alive }
                    let only = segments[chosen[0]]
                    #expect(chosen.count > 1 || only.alive < only.rows || only.wantsIndex, "\(random)")
                    #expect(alive <= most && Set(chosen).count == chosen.count, "\(random)")
                    #expect(copies.allSatisfy { !segments[$0].isIndexed }, "\(random)")
                    var merged = Size(alive: alive, rows: alive)
                    merged.isIndexed = copies.isEmpty && alive >= 40_000
                    merged.wantsIndex = copies.isEmpty == false && alive >= 40_000
                    segments = segments.indices.filter { !chosen.contains($0) }.map { segments[$0] } + [merged]
                    if merged.isIndexed { indexed += alive } else { copied += alive }
                    rounds += 1
                    guard rounds < 1_000 else {
                        Issue.record("merges do not end: \(segments), \(random)")
                        return
                    }
                }
                #expect(segments.count { $0.alive <= most / 2 } <= 6, "\(random)")
            }
            // A row is written again a few times, not for every seal.
            #expect(copied < 8 * sealed && indexed < 8 * sealed, "\(copied), \(indexed) of \(sealed), \(random)")
        }
    }

    @Test func asFewSegmentsAsFit() {
        var random = SeededGenerator()
        for _ in 0..<200 {
            let most = Int.random(in: 20_000...400_000, using: &random)
            let segments: [Size] = (0..<Int.random(in: 1...120, using: &random)).map { _ in
                let rows = Int.random(in: 1...20_000, using: &random)
                return Size(alive: Bool.random(using: &random) ? rows : rows / 2, rows: rows)
            }
            let groups = MergePolicy(most: most, mostCopied: most).gather(segments)
            let total = segments.reduce(0) { $0 + $1.alive }
            let sizes = groups.map { $0.reduce(0) { $0 + segments[$1].alive } }
            #expect(sizes.allSatisfy { $0 <= most }, "\(random)")
            #expect(groups.count <= (total + most - 1) / most + 1, "\(groups.count) for \(total) by \(most), \(random)")
            #expect(Set(groups.flatMap { $0 }).count == groups.reduce(0) { $0 + $1.count }, "\(random)")
            if groups.count > 1 { #expect(sizes.max()! - sizes.min()! <= 40_000, "\(sizes), \(random)") }
        }
        let large: [Size] = [Size(alive: 900, rows: 900), Size(alive: 900, rows: 900)]
        let small = MergePolicy(most: 1_000, mostCopied: 1_000)
        #expect(small.gather(large).isEmpty)
        for purpose in [MergePolicy.Purpose.copying, .indexing] {
            #expect(small.choose(Array(repeating: Size(alive: 900, rows: 900), count: 30), for: purpose).isEmpty)
        }
        // What is larger than may be built now is left alone.
        #expect(
            MergePolicy(most: 100, mostCopied: 100).gather([
                Size(alive: 900, rows: 1_000), Size(alive: 30, rows: 30), Size(alive: 40, rows: 40),
            ]) == [[1, 2]])
        #expect(MergePolicy(most: 100, mostCopied: 100).choose([Size(alive: 700, rows: 1_000)], for: .copying).isEmpty)
    }

    /// A long burst: copies keep up with it, the index takes all that came meanwhile at once.
    @Test func aBurstIsIndexedInFewSteps() {
        let policy = MergePolicy(most: 10_000_000, mostCopied: 10_000_000)
        var segments: [Size] = []
        var indexing: (rows: Int, until: Int)?
        var (copied, indexed, sealed) = (0, 0, 0)
        for step in 0..<200 {
            segments.append(Size(alive: 20_000, rows: 20_000))
            sealed += 20_000
            if let done = indexing, done.until <= step {
                segments.append(Size(alive: done.rows, rows: done.rows, isIndexed: true))
                indexing = nil
            }
            while case let chosen = policy.choose(segments, for: .copying), !chosen.isEmpty {
                let rows = chosen.reduce(0) { $0 + segments[$1].rows }
                segments = segments.indices.filter { !chosen.contains($0) }.map { segments[$0] }
                segments.append(Size(alive: rows, rows: rows, wantsIndex: rows >= 40_000))
                copied += rows
            }
            if indexing == nil, case let chosen = policy.choose(segments, for: .indexing), !chosen.isEmpty {
                let rows = chosen.reduce(0) { $0 + segments[$1].rows }
                segments = segments.indices.filter { !chosen.contains($0) }.map { segments[$0] }
                // Five times as long as it takes to write as many.
                indexing = (rows, step + rows / 4_000)
                indexed += rows
            }
            let busy = BackPressure(segments: segments.count { !$0.isIndexed }, scanned: 0)
            #expect(!busy.mustWait && segments.count <= 16, "\(segments.map(\.rows))")
        }
        #expect(copied <= 5 * sealed && indexed <= 2 * sealed, "\(copied), \(indexed) of \(sealed)")
    }

    @Test func writersAreSlowedInProportion() {
        func pause(_ bytes: Int) -> Duration {
            BackPressure(segments: 0, scanned: bytes).pause(rows: 1_000, pace: .microseconds(300))
        }
        #expect(pause(0) == .zero && pause(BackPressure.slowing) == .zero)
        #expect(pause(2 * BackPressure.slowing) == .milliseconds(150))
        #expect(pause(BackPressure.most) == .milliseconds(300))
        #expect(pause(100 * BackPressure.most) == .milliseconds(600))
        #expect(BackPressure(segments: 0, scanned: .max / 2).pause(rows: .max / 4, pace: .seconds(9)) == .seconds(1))
        #expect(BackPressure(segments: 13, scanned: 0).mustWait && !BackPressure(segments: 12, scanned: 0).mustWait)
    }
}
