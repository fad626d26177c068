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
        let policy = MergePolicy(most: most)
        for _ in 0..<20 {
            var segments: [Size] = []
            var (written, sealed) = (0, 0)
            for _ in 0..<300 {
                let rows = min(Int.random(in: 1...20_000, using: &random), most)
                segments.append(Size(alive: rows, rows: rows))
                sealed += rows
                if let place = segments.indices.randomElement(using: &random), Bool.random(using: &random) {
                    segments[place].alive -= Int.random(in: 0...segments[place].alive / 3, using: &random)
                }
                var rounds = 0
                while case let chosen = policy.choose(segments), !chosen.isEmpty {
                    let alive = chosen.reduce(0) { $0 + segments[$1].alive }
                    #expect(chosen.count > 1 || segments[chosen[0]].alive < segments[chosen[0]].rows, "\(random)")
                    #expect(alive <= most, "\(random)")
                    segments =
                        segments.indices.filter { !chosen.contains($0) }.map { segments[$0] } + [
                            Size(alive: alive, rows: alive)
                        ]
                    written += alive
                    rounds += 1
                    guard rounds < 1_000 else {
                        Issue.record("merges do not end: \(segments), \(random)")
                        return
                    }
                }
                #expect(segments.count { $0.alive <= most / 2 } <= 6, "\(random)")
            }
            // A row is written again a few times, not for every seal.
            #expect(written < 12 * sealed, "\(written) of \(sealed), \(random)")
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
            let groups = MergePolicy(most: most).gather(segments)
            let total = segments.reduce(0) { $0 + $1.alive }
            let sizes = groups.map { $0.reduce(0) { $0 + segments[$1].alive } }
            #expect(sizes.allSatisfy { $0 <= most }, "\(random)")
            #expect(groups.count <= (total + most - 1) / most + 1, "\(groups.count) for \(total) by \(most), \(random)")
            #expect(Set(groups.flatMap { $0 }).count == groups.reduce(0) { $0 + $1.count }, "\(random)")
            if groups.count > 1 { #expect(sizes.max()! - sizes.min()! <= 40_000, "\(sizes), \(random)") }
        }
        let large: [Size] = [Size(alive: 900, rows: 900), Size(alive: 900, rows: 900)]
        #expect(MergePolicy(most: 1_000).gather(large).isEmpty)
        #expect(MergePolicy(most: 1_000).choose(Array(repeating: Size(alive: 900, rows: 900), count: 30)).isEmpty)
        // What is larger than may be built now is left alone.
        #expect(
            MergePolicy(most: 100).gather([
                Size(alive: 900, rows: 1_000), Size(alive: 30, rows: 30), Size(alive: 40, rows: 40),
            ]) == [[1, 2]])
        #expect(MergePolicy(most: 100).choose([Size(alive: 700, rows: 1_000)]).isEmpty)
    }
}
