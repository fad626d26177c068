import Foundation
import Synchronization
import TestSupport
import Testing
import Vectors

@testable import Neighbors

/// The in-memory table against a plain scan of the same rows: the same rows and the same bits.
@Suite struct MemtableTests {
    /// Sizes around where a row is first compared by its codes, and around where chunks begin.
    static let sizes = [0, 1, 2, 511, 512, 513, 1_023, 1_024, 1_025, 2_047, 2_048, 2_049, 4_097, 5_000]

    /// A table of these rows, appended by one to nine at a time or all at once.
    static func table(
        _ rows: [[Float]], _ dimension: Int, _ metric: Metric, atOnce: Bool = false,
        on instructionSet: InstructionSet = .current, _ random: inout SeededGenerator
    ) -> Memtable {
        let table = Memtable(
            dimension: dimension, metric: metric, rowLimit: 100_000, byteLimit: 1 << 30, instructionSet: instructionSet)
        var next = 0
        while next < rows.count {
            let count = atOnce ? rows.count : min(rows.count - next, Int.random(in: 1...9, using: &random))
            let taken = table.append(Matrix(Array(rows[next..<next + count])))
            #expect(taken == count)
            next += count
        }
        return table
    }

    /// All rows in the order of their distances, each compared by itself.
    static func ranking(_ rows: [[Float]], _ query: [Float], _ kernel: DistanceKernel) -> [Neighbor] {
        query.withUnsafeBufferPointer { query in
            let prepared = kernel.prepare(query.baseAddress!, dimension: query.count)
            let all = rows.enumerated().map {
                Neighbor(row: UInt32($0), distance: kernel.distance(to: prepared, row: $1))
            }
            return all.filter { !$0.distance.isNaN }.sorted()
        }
    }

    /// Nothing, and filters that keep most, half, few and hardly any; of fewer rows than there are, and of more.
    static func filters(_ count: Int, _ random: inout SeededGenerator) -> [RowFilter?] {
        func some(_ share: Double, of capacity: Int) -> RowFilter {
            RowFilter(
                RowSet(
                    (0..<capacity).filter { _ in Double.random(in: 0..<1, using: &random) < share }, capacity: capacity)
            )
        }
        return [
            nil, some(0.9, of: count), some(0.5, of: count), some(0.2, of: count), some(0.01, of: count),
            some(0, of: count), some(0.6, of: count * 2 / 3), some(0.6, of: count + 3_000), some(0.1, of: 2 * count),
            some(0.01, of: count + 3_000), some(1, of: count + 1),
        ]
    }

    @Test(arguments: Metric.allCases)
    func equalsAPlainScan(metric: Metric) {
        var random = SeededGenerator()
        print("MemtableTests.equalsAPlainScan \(metric): \(random)")
        let kernel = DistanceKernel(metric: metric)
        for (index, size) in Self.sizes.enumerated() {
            let dimension = [24, 7, 40, 3][index % 4]
            let rows = ExactCodesTests.data(index % 5, size, dimension, &random)
            let table = Self.table(rows, dimension, metric, atOnce: index % 3 == 0, &random)
            let view = table.view()
            #expect(view.count == size && table.count == size)
            let queries = (0..<3).map { $0 == 1 ? rows.randomElement(using: &random) ?? [] : random.vector(dimension) }
                .filter { !$0.isEmpty }
            let rankings = queries.map { Self.ranking(rows, $0, kernel) }
            for (number, filter) in Self.filters(size, &random).enumerated() {
                let kept = rankings.map { $0.filter { filter?.keeps(Int($0.row)) ?? true } }
                for k in [0, 1, 10, 150, size + 5] {
                    let found = view.search(Matrix(queries), k: k, filter: filter)
                    for (place, query) in queries.enumerated() {
                        let expected = Array(kept[place].prefix(k))
                        let what =
                            "\(metric) \(size) × \(dimension), filter \(number), k \(k), query \(place), \(random)"
                        #expect(found[place] == expected, "\(what)")
                        guard place == 0 else { continue }
                        let one = view.search(query, k: k, filter: filter)
                        #expect(one == expected, "alone: \(what)")
                    }
                }
            }
            for row in [0, 1_023, 1_024, 2_047, 2_048, size - 1] where rows.indices.contains(row) {
                let stored = view.row(row)
                #expect(stored == rows[row], "row \(row) of \(size), \(random)")
            }
        }
    }

    /// Rows and queries that no estimate is good for.
    @Test(arguments: Metric.allCases, InstructionSet.available)
    func oddRowsAreFoundAllTheSame(metric: Metric, instructionSet: InstructionSet) {
        var random = SeededGenerator()
        print("MemtableTests.oddRowsAreFoundAllTheSame \(metric) \(instructionSet): \(random)")
        let (dimension, scales) = (20, [0, .leastNormalMagnitude / 8, 1e-30, 1e-16, 1, 1e10, 1e17, 3e37] as [Float])
        let usual = random.vector(dimension)
        let rows = (0..<1_200).map { index -> [Float] in
            switch index % 6 {
            case 0: usual
            case 1:
                random.vector(dimension).enumerated().map { $0 == index % 20 ? [.nan, .infinity][index % 4 / 2] : $1 }
            case 2, 3: random.vector(dimension).map { $0 * scales.randomElement(using: &random)! }
            default: random.vector(dimension)
            }
        }
        let view = Self.table(rows, dimension, metric, on: instructionSet, &random).view()
        let kernel = DistanceKernel(metric: metric, instructionSet: instructionSet)
        let queries = [usual, rows[1], rows[5]] + scales.map { scale in random.vector(dimension).map { $0 * scale } }
        for (index, query) in queries.enumerated() {
            let ranking = Self.ranking(rows, query, kernel)
            for k in [1, 10, 60, 1_300] {
                let expected = Array(ranking.prefix(k))
                let found = view.search(query, k: k)
                #expect(found == expected, "\(metric) \(instructionSet) query \(index) k \(k), \(random)")
            }
        }
    }

    /// More components than codes have: rows are compared in f32.
    @Test func longRowsHaveNoCodes() {
        var random = SeededGenerator()
        print("MemtableTests.longRowsHaveNoCodes: \(random)")
        let dimension = ByteCode.dimensionLimit + 1
        let table = Memtable(dimension: dimension, metric: .ip, rowLimit: 3, byteLimit: 1 << 30)
        let rows = (0..<3).map { _ in random.vector(dimension) }
        let taken = table.append(Matrix(rows))
        #expect(taken == 3 && table.isFull)
        let found = table.view().search(rows[1], k: 2)
        let expected = Array(Self.ranking(rows, rows[1], DistanceKernel(metric: .ip)).prefix(2))
        #expect(found == expected)
    }

    @Test func aViewNeverSeesLaterRows() {
        var random = SeededGenerator()
        print("MemtableTests.aViewNeverSeesLaterRows: \(random)")
        let dimension = 12
        let rows = (0..<3_000).map { _ in random.vector(dimension) }
        let table = Memtable(dimension: dimension, metric: .l2, rowLimit: 5_000, byteLimit: 1 << 30)
        var views: [MemtableView] = [table.view()]
        while table.count < rows.count {
            let count = min(rows.count - table.count, Int.random(in: 1...130, using: &random))
            let taken = table.append(Matrix(Array(rows[table.count..<table.count + count])))
            #expect(taken == count)
            views.append(table.view())
        }
        let kernel = DistanceKernel(metric: .l2)
        let all = RowFilter(RowSet(0..<rows.count, capacity: rows.count))
        for view in views {
            // The next row, which would be the nearest.
            let query = rows[min(view.count, rows.count - 1)]
            let expected = Array(Self.ranking(Array(rows[..<view.count]), query, kernel).prefix(8))
            let (found, kept) = (view.search(query, k: 8), view.search(query, k: 8, filter: all))
            #expect(found == expected && kept == expected, "\(view.count) rows, \(random)")
        }
    }

    @Test func aFullTableSaysSo() {
        var random = SeededGenerator()
        print("MemtableTests.aFullTableSaysSo: \(random)")
        let rows = Matrix((0..<1_500).map { _ in random.vector(8) })
        let byRows = Memtable(dimension: 8, metric: .ip, rowLimit: 1_100, byteLimit: 1 << 30)
        let (first, rest, none) = (byRows.append(rows.prefix(1_000)), byRows.append(rows), byRows.append(rows))
        #expect(first == 1_000 && rest == 100 && none == 0)
        #expect(byRows.isFull && byRows.count == 1_100 && byRows.capacity == 1_100)
        let last = byRows.view().row(1_099)
        #expect(last == rows[99])

        let exact = Memtable(dimension: 8, metric: .ip, rowLimit: 1_500, byteLimit: 1 << 30)
        let all = exact.append(rows)
        #expect(all == 1_500 && exact.isFull)

        for (limit, dimension) in [(0, 8), (100, 8), (60_000, 8), (100_000, 5), (100_000, 24), (1 << 20, 384)] {
            let table = Memtable(dimension: dimension, metric: .cosine, rowLimit: 1_000_000, byteLimit: limit)
            var taken = 0
            while case let more = table.append(Matrix([random.vector(dimension)])), more > 0 { taken += more }
            let rowBytes = 4 * dimension + ByteCode(dimension: dimension, metric: .cosine).recordSize
            #expect(taken == table.capacity && table.isFull && table.count == taken, "\(limit) bytes, \(random)")
            #expect(table.bytes <= limit, "\(table.bytes) of \(limit) bytes, \(random)")
            // Nothing is wasted but the gaps and the padding of the chunks, and less than a row.
            #expect(taken == 0 || table.bytes + rowBytes + 1_000 > limit, "\(table.bytes) of \(limit) bytes")
            let found = table.view().search(random.vector(dimension), k: 3)
            #expect(found.count == min(3, taken))
        }
        let nothing = Memtable(dimension: 8, metric: .l2, rowLimit: 0, byteLimit: 1 << 30)
        let taken = nothing.append(rows)
        #expect(taken == 0 && nothing.isFull && nothing.bytes == 0)
    }

    /// Every row is in one chunk, and the chunks follow each other.
    @Test func chunksFollowEachOther() {
        for rows in Self.sizes + [20_000, 1 << 20, Int(UInt32.max), Int.max] {
            let layout = MemtableLayout(dimension: 1, recordSize: 20, rowLimit: rows, byteLimit: 1 << 60)
            #expect(layout.capacity == min(rows, Int(UInt32.max)))
            var next = 0
            for chunk in 0..<MemtableLayout.chunkLimit where layout.rows(chunk) > 0 {
                #expect(layout.first(chunk) == next)
                next += layout.rows(chunk)
                #expect(layout.chunk(of: layout.first(chunk)) == chunk && layout.chunk(of: next - 1) == chunk)
            }
            #expect(next == layout.capacity)
        }
    }

    /// One thread appends for a second while four search. Every row lies on one of 16 axes, as far out as its number, so
    /// that a few rows decide what a view of n rows must answer.
    @Test func readersDoNotWaitForTheWriter() {
        var random = SeededGenerator()
        print("MemtableTests.readersDoNotWaitForTheWriter: \(random)")
        let (dimension, limit, seconds) = (16, 40_000, 1.0)
        let table = Memtable(dimension: dimension, metric: .l2, rowLimit: limit, byteLimit: 1 << 30)
        let rows = Matrix((0..<limit).map { index in (0..<dimension).map { Float($0 == index % 16 ? index : 0) } })
        let (tally, threads, begin) = (Tally(), DispatchGroup(), ContinuousClock.now)
        for seed in (0..<4).map({ _ in random.next() }) {
            // Threads of their own: a pool as wide as the machine would run one after the other.
            threads.enter()
            Thread.detachNewThread {
                var random = SeededGenerator(seed: seed)
                while !table.isFull {
                    let view = table.view()
                    guard view.count > 0 else { continue }
                    tally.add(view.count, Self.problem(view, rows, &random))
                }
                threads.leave()
            }
        }
        while !table.isFull {
            // At an even pace, so that readers see the table at all lengths.
            let elapsed = (ContinuousClock.now - begin) / .seconds(1)
            let due = min(limit, Int(Double(limit) * elapsed / seconds) + 1) - table.count
            let count = min(Int.random(in: 1...500, using: &random), limit - table.count)
            if count <= due {
                _ = table.append(rows.suffix(limit - table.count).prefix(count))
            } else {
                usleep(50)
            }
        }
        threads.wait()
        let (searches, lengths, problems) = tally.all
        print("\(searches) searches of \(lengths) lengths while \(limit) rows were appended")
        #expect(problems.isEmpty, "\(problems.count) wrong: \(problems.first ?? ""), \(random)")
        #expect(lengths > 20 && table.count == limit)
    }

    /// What the readers have seen.
    private final class Tally: Sendable {
        private let state = Mutex<(searches: Int, lengths: Set<Int>, problems: [String])>((0, [], []))

        func add(_ length: Int, _ problem: String?) {
            state.withLock {
                $0.searches += 1
                $0.lengths.insert(length)
                if let problem { $0.problems.append(problem) }
            }
        }

        var all: (searches: Int, lengths: Int, problems: [String]) {
            state.withLock { ($0.searches, $0.lengths.count, $0.problems) }
        }
    }

    /// What is wrong with an answer of a view over the first of `rows`.
    private static func problem(_ view: MemtableView, _ rows: Matrix, _ random: inout SeededGenerator) -> String? {
        guard view.row(view.count - 1) == rows[view.count - 1] else { return "row \(view.count - 1) is not whole" }
        let row = Int.random(in: max(0, view.count - 100)..<view.count, using: &random)
        // A scan of all rows comes to the newest ones last, when they may have become whole; one of these does not.
        let first = Bool.random(using: &random) ? 0 : max(0, view.count - 600)
        let newest = RowFilter(RowSet(first..<view.count, capacity: view.count))
        let found = view.search(rows[row], k: 3, filter: first == 0 ? nil : newest)
        let kernel = DistanceKernel(metric: .l2)
        let query = kernel.prepare(rows.pointer + row * rows.columns, dimension: rows.columns)
        // Rows of the same axis may be nearest; of the others, which are as far as both are long, the shortest.
        var top = TopK(3)
        for other in first..<view.count where other % 16 == row % 16 || other < first + 16 {
            top.offer(UInt32(other), kernel.distance(to: query, row: rows.pointer + other * rows.columns))
        }
        return found == top.sorted ? nil : "row \(row) of \(view.count): \(found), not \(top.sorted)"
    }
}
