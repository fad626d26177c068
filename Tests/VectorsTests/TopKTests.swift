import TestSupport
import Testing
import Vectors

@Suite struct TopKTests {
    /// Few different distances, so that most are ties; some NaN, some infinite.
    static func distances(_ count: Int, _ random: inout SeededGenerator) -> [Float] {
        (0..<count).map { _ in
            switch Int.random(in: 0..<20, using: &random) {
            case 0: .nan
            case 1: .infinity
            case 2: -.infinity
            case 3: -0.0
            default: Float(Int.random(in: 0..<10, using: &random))
            }
        }
    }

    static func expected(_ offered: [Neighbor], _ k: Int) -> [Neighbor] {
        Array(offered.filter { !$0.distance.isNaN }.sorted().prefix(k))
    }

    @Test func equalsASortInWhateverOrder() {
        var random = SeededGenerator()
        for _ in 0..<400 {
            let n = Int.random(in: 0...200, using: &random)
            let k = [0, 1, 2, 7, 50, n, n + 1, 10_000].randomElement(using: &random)!
            let distances = Self.distances(n, &random)
            let all = (0..<n).map { Neighbor(row: UInt32($0), distance: distances[$0]) }
            let expected = Self.expected(all, k)

            var one = TopK(k)
            for neighbor in all.shuffled(using: &random) { one.offer(neighbor.row, neighbor.distance) }
            #expect(one.sorted == expected, "one by one, n \(n), k \(k), \(random)")

            var blocks = TopK(k)
            let cut = Int.random(in: 0...n, using: &random)
            distances.withUnsafeBufferPointer { pointer in
                guard let start = pointer.baseAddress else { return }
                blocks.offer(start + cut, count: n - cut, firstRow: UInt32(cut))
                blocks.offer(start, count: cut, firstRow: 0)
            }
            #expect(blocks.sorted == expected, "in blocks, n \(n), k \(k), \(random)")

            var (left, right) = (TopK(k), TopK(k))
            for neighbor in all {
                if Bool.random(using: &random) {
                    left.offer(neighbor.row, neighbor.distance)
                } else {
                    right.offer(neighbor.row, neighbor.distance)
                }
            }
            left.offer(right)
            #expect(left.sorted == expected, "merged, n \(n), k \(k), \(random)")
            #expect(left.count == expected.count)
        }
    }

    @Test func leavesOutExcludedRows() {
        var random = SeededGenerator()
        for _ in 0..<100 {
            let n = Int.random(in: 1...300, using: &random)
            let distances = Self.distances(n, &random)
            let excluded = RowSet((0..<n).filter { _ in Bool.random(using: &random) }, capacity: n)
            let rest = (0..<n).filter { !excluded.contains($0) }
            var top = TopK(10)
            top.offer(distances, count: n, firstRow: 0, filter: RowFilter(of: n, keeping: nil, except: excluded))
            let expected = Self.expected(rest.map { Neighbor(row: UInt32($0), distance: distances[$0]) }, 10)
            #expect(top.sorted == expected, "\(random)")
        }
    }

    @Test func theThresholdIsTheFarthestKept() {
        var top = TopK(2)
        #expect(top.threshold == .infinity)
        top.offer(0, 5)
        #expect(top.threshold == .infinity)
        top.offer(1, 3)
        #expect(top.threshold == 5)
        top.offer(2, 4)
        #expect(top.threshold == 4)
        #expect(TopK(0).threshold == -.infinity)
    }

    @Test func rowSetEqualsASet() {
        var random = SeededGenerator()
        for capacity in [0, 1, 63, 64, 65, 1_000] {
            var rows = RowSet(capacity: capacity)
            var oracle: Set<Int> = []
            for _ in 0..<(capacity > 0 ? 500 : 0) {
                let row = Int.random(in: 0..<capacity, using: &random)
                if Bool.random(using: &random) {
                    #expect(rows.insert(row) == oracle.insert(row).inserted)
                } else {
                    #expect(rows.remove(row) == (oracle.remove(row) != nil))
                }
                #expect(rows.count == oracle.count, "\(random)")
            }
            #expect((-1...capacity + 70).allSatisfy { rows.contains($0) == oracle.contains($0) }, "\(random)")
        }
    }
}
