import Foundation
import Synchronization
import TestSupport
import Testing
import Vectors

@testable import Neighbors

/// The in-memory table of sparse rows against a plain comparison of the same rows.
@Suite struct SparseMemtableTests {
    @Test(arguments: SparseRows.Kind.allCases) func equalsAPlainComparison(kind: SparseRows.Kind) throws {
        var random = SeededGenerator()
        print("SparseMemtableTests.equalsAPlainComparison \(kind): \(random)")
        for size in [0, 1, 2, 63, 1_000, 5_000] {
            let rows = try SparseRows(kind, size, &random)
            let table = SparseMemtable(rowLimit: 10_000, byteLimit: 1 << 24)
            var next = 0
            while next < size {
                let count = min(size - next, Int.random(in: 1...300, using: &random))
                let tags = (next..<next + count).map { UInt32($0 * 7) }
                let taken = table.append(Array(rows.rows[next..<next + count]), tags: tags)
                #expect(taken == count)
                next += count
            }
            let view = table.view()
            #expect(view.count == size && table.count == size && !table.isFull)
            for row in rows.rows.indices {
                #expect(view.row(row) == rows.rows[row] && view.tag(row) == UInt32(row * 7))
            }
            for (number, query) in try rows.queries(&random).enumerated() {
                let ranking = rows.ranking(query)
                for (place, filter) in MemtableTests.filters(size, &random).enumerated() {
                    let kept = ranking.filter { filter?.keeps(Int($0.row)) ?? true }
                    for k in [0, 1, 10, size + 5, .max] {
                        let found = view.search(query, k: k, filter: filter)
                        let what = "\(kind), \(size) rows, query \(number), filter \(place), k \(k), \(random)"
                        #expect(SparseSearchTests.areSame(found, kept.prefix(k)), "\(what)")
                    }
                }
            }
        }
    }

    /// Rows and queries that are longer than what the search has room for at first.
    @Test func longRowsAndQueries() throws {
        var random = SeededGenerator()
        let rows = try (0..<40).map { row in
            let indices = (0..<UInt32(row * 100)).map { $0 * UInt32(1 + row % 3) }
            return try SparseVector(indices: indices, values: random.vector(indices.count))
        }
        let table = SparseMemtable(rowLimit: 100, byteLimit: 1 << 24)
        let taken = table.append(rows)
        #expect(taken == 40)
        var expected = SparseRows(.usual)
        expected.rows = rows
        for query in [rows[39], rows[3], rows[20]] {
            let found = table.view().search(query, k: 50)
            #expect(SparseSearchTests.areSame(found, expected.ranking(query)[...]), "\(random)")
        }
    }

    @Test func aViewNeverSeesLaterRows() throws {
        var random = SeededGenerator()
        let rows = try SparseRows(.usual, 2_000, &random)
        let table = SparseMemtable(rowLimit: 2_000, byteLimit: 1 << 24)
        var views: [SparseMemtableView] = []
        for row in rows.rows {
            views.append(table.view())
            _ = table.append([row])
        }
        #expect(table.isFull)
        let query = try rows.vector(20, &random)
        let ranking = rows.ranking(query)
        for view in views {
            let seen = ranking.filter { $0.row < view.count }
            let found = view.search(query, k: 5)
            #expect(SparseSearchTests.areSame(found, seen.prefix(5)), "\(view.count) rows, \(random)")
        }
    }

    @Test func aFullTableSaysSo() throws {
        var random = SeededGenerator()
        let rows = try (0..<30).map { _ in
            try SparseVector(indices: Array(0..<10), values: random.vector(10))
        }
        let byRows = SparseMemtable(rowLimit: 25, byteLimit: 1 << 20)
        let (first, rest, none) = (byRows.append(Array(rows[..<20])), byRows.append(rows), byRows.append(rows))
        #expect(first == 20 && rest == 5 && none == 0 && byRows.isFull && byRows.count == 25)
        #expect(byRows.view().row(24) == rows[4] && byRows.view().tag(24) == 0)
        // 92 bytes a row.
        for (limit, fitting) in [(0, 0), (91, 0), (92, 1), (95, 1), (183, 1), (184, 2), (1_000, 10)] {
            let table = SparseMemtable(rowLimit: 100, byteLimit: limit)
            let taken = table.append(rows)
            #expect(taken == fitting && table.isFull && table.bytes == fitting * 92 && table.bytes <= limit)
            for row in 0..<fitting { #expect(table.view().row(row) == rows[row]) }
        }
        let nothing = SparseMemtable(rowLimit: 0, byteLimit: 1_000)
        let taken = nothing.append(rows)
        #expect(taken == 0 && nothing.isFull && nothing.bytes == 0)
        let empty = SparseMemtable(rowLimit: 3, byteLimit: 36)
        let three = empty.append([SparseVector](repeating: SparseVector(), count: 5))
        #expect(three == 3 && empty.view().row(2) == SparseVector())
    }

    /// One thread appends while four search. Row n has the value n at one of 16 indices, so that a view of n rows has one
    /// right answer.
    @Test func readersDoNotWaitForTheWriter() throws {
        let limit = 40_000
        let table = SparseMemtable(rowLimit: limit, byteLimit: 1 << 26)
        let rows = try (0..<limit).map {
            try SparseVector(indices: [UInt32($0 % 16), 100 + UInt32($0 % 3)], values: [Float($0), 1])
        }
        let (findings, threads) = (Findings(), DispatchGroup())
        for reader in 0..<4 {
            threads.enter()
            Thread.detachNewThread {
                defer { threads.leave() }
                let index = UInt32(reader * 5 % 16)
                guard let query = try? SparseVector(indices: [index], values: [2]) else { return }
                while !table.isFull {
                    let view = table.view()
                    guard view.count >= 16 else { continue }
                    // The newest row with that index.
                    let newest = (view.count - 1 - Int(index)) / 16 * 16 + Int(index)
                    let kept = RowFilter(RowSet(max(0, view.count - 300)..<view.count, capacity: view.count))
                    let found = view.search(query, k: 1, filter: kept)
                    findings.add(length: view.count)
                    let expected = [Neighbor(row: UInt32(newest), distance: -2 * Float(newest))]
                    guard found == expected, view.row(view.count - 1) == rows[view.count - 1],
                        view.tag(view.count - 1) == UInt32(view.count)
                    else {
                        return findings.add(problem: "\(view.count) rows: \(found), not \(expected)")
                    }
                }
            }
        }
        var next = 0
        while next < limit {
            let count = min(50, limit - next)
            _ = table.append(Array(rows[next..<next + count]), tags: (next..<next + count).map { UInt32($0 + 1) })
            next += count
            usleep(500)
        }
        threads.wait()
        let (lengths, problems) = findings.all
        #expect(problems.isEmpty, "\(problems.first ?? "")")
        #expect(lengths > 10 && table.isFull)
    }

    /// What the readers have seen.
    private final class Findings: Sendable {
        private let state = Mutex<(lengths: Set<Int>, problems: [String])>(([], []))

        func add(length: Int) { state.withLock { _ = $0.lengths.insert(length) } }
        func add(problem: String) { state.withLock { $0.problems.append(problem) } }
        var all: (lengths: Int, problems: [String]) { state.withLock { ($0.lengths.count, $0.problems) } }
    }
}
