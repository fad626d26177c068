import Files
import Foundation
import Shards
import TestSupport
import Testing
import Vectors

@testable import Neighbors

/// Made-up sparse rows, and the truth about them.
struct SparseRows {
    /// What the rows are like.
    enum Kind: CaseIterable, Sendable {
        /// Weights above zero, terms by Zipf's law: most searches can leave out most.
        case usual
        /// Any sign.
        case signed
        /// Few values, zero among them: many rows at the same distance.
        case alike
        /// Many terms, most of them of few rows.
        case rare
        /// Magnitudes from the smallest to the largest: sums that overflow, and sums that depend on their order.
        case wild
    }

    let kind: Kind
    var rows: [SparseVector] = []

    init(_ kind: Kind) { self.kind = kind }

    init(_ kind: Kind, _ count: Int, _ random: inout SeededGenerator) throws {
        self.kind = kind
        rows.reserveCapacity(count)
        for _ in 0..<count { rows.append(try vector(Int.random(in: 0...14, using: &random), &random)) }
    }

    func vector(_ count: Int, _ random: inout SeededGenerator) throws -> SparseVector {
        var terms: Set<UInt32> = []
        let vocabulary = kind == .rare ? 30_000.0 : 300
        for _ in 0..<count {
            // Density 1/x, spread over all 32 bits.
            let rank = UInt32(pow(vocabulary, Double.random(in: 0..<1, using: &random)))
            terms.insert(rank % 3 == 0 ? rank : rank &* 2_654_435_761)
        }
        let values = terms.map { _ in value(&random) }
        return try SparseVector(indices: Array(terms), values: values)
    }

    private func value(_ random: inout SeededGenerator) -> Float {
        switch kind {
        case .usual, .rare: abs(random.gaussian())
        case .signed: random.gaussian()
        case .alike: Float(Int.random(in: -1...2, using: &random))
        case .wild: random.gaussian() * [1e-44, 1e-30, 1e-3, 1, 1e10, 1e19, 3e37].randomElement(using: &random)!
        }
    }

    /// Vectors of the same kind, and what else can come: nothing, one term, terms that no row has, zeros, minus.
    func queries(_ random: inout SeededGenerator) throws -> [SparseVector] {
        let usual = try [1, 3, 8, 40].map { try vector($0, &random) }
        let strange = try SparseVector(indices: [7, 77_777, .max - 1], values: [1, 2, 3])
        return try usual + [
            SparseVector(), strange, SparseVector(indices: [77_777], values: [1]),
            SparseVector(indices: usual[3].indices, values: usual[3].values.map { _ in 0 }),
            SparseVector(indices: usual[2].indices, values: usual[2].values.map { -$0 }),
            rows.randomElement(using: &random) ?? SparseVector(),
        ]
    }

    /// All rows that share an index with the query, the nearest first.
    func ranking(_ query: SparseVector) -> [Neighbor] {
        let terms = Set(query.indices)
        return rows.enumerated().compactMap { row, vector in
            guard vector.indices.contains(where: { terms.contains($0) }) else { return nil }
            let distance = -vector.dot(query)
            return distance.isNaN ? nil : Neighbor(row: UInt32(row), distance: distance)
        }.sorted()
    }

    func write(_ folder: String, memory: Int = 1 << 28) throws -> PostingsReader {
        let writer = try SparseWriter(folder + "/sparse")
        for row in rows { try writer.append(row) }
        try writer.finish()
        try PostingsWriter.write(folder + "/postings", of: SparseReader(folder + "/sparse"), memory: memory)
        return try PostingsReader(folder + "/postings")
    }
}

/// The inverted index against a plain comparison of all rows: the same rows and the same bits.
@Suite struct SparseSearchTests {
    static let sizes = [0, 1, 2, 63, 64, 65, 1_000, 16_384, 16_385, 40_000]

    @Test(arguments: SparseRows.Kind.allCases)
    func equalsAPlainComparison(kind: SparseRows.Kind) throws {
        var random = SeededGenerator()
        print("SparseSearchTests.equalsAPlainComparison \(kind): \(random)")
        for size in Self.sizes {
            let rows = try SparseRows(kind, size, &random)
            try withTemporaryDirectory { folder in
                let searcher = SparseSearcher(try rows.write(folder))
                for (number, query) in try rows.queries(&random).enumerated() {
                    let ranking = rows.ranking(query)
                    for (place, filter) in MemtableTests.filters(size, &random).enumerated() {
                        let kept = ranking.filter { filter?.keeps(Int($0.row)) ?? true }
                        for k in [0, 1, 10, 150, size + 5, .max] {
                            let found = try searcher.search(query, k: k, filter: filter)
                            let what = "\(kind), \(size) rows, query \(number), filter \(place), k \(k), \(random)"
                            #expect(Self.areSame(found, kept.prefix(k)), "\(what)")
                        }
                    }
                }
            }
        }
    }

    static func areSame(_ found: [Neighbor], _ expected: ArraySlice<Neighbor>) -> Bool {
        found.elementsEqual(expected) { $0.row == $1.row && $0.distance.bitPattern == $1.distance.bitPattern }
    }

    /// Long rows and queries, as models write them, where lists are pruned in all ways.
    @Test(arguments: [1, 5, 40]) func longQueriesOverLongRows(length: Int) throws {
        var random = SeededGenerator()
        print("SparseSearchTests.longQueriesOverLongRows \(length): \(random)")
        var rows = try SparseRows(.usual, 0, &random)
        // Parts of the rows are of a topic: other windows have other bounds.
        for row in 0..<36_000 {
            let vector = try rows.vector(40, &random)
            let scale: Float = row / 6_000 % 2 == 0 ? 1 : 0.2
            rows.rows.append(try SparseVector(indices: vector.indices, values: vector.values.map { $0 * scale }))
        }
        try withTemporaryDirectory { folder in
            let searcher = SparseSearcher(try rows.write(folder))
            for number in 0..<12 {
                let query = try rows.vector(length, &random)
                let ranking = rows.ranking(query)
                for k in [1, 10, 500] {
                    let found = try searcher.search(query, k: k)
                    #expect(Self.areSame(found, ranking.prefix(k)), "query \(number), k \(k), \(random)")
                    let few = RowFilter(RowSet((0..<36_000).filter { $0 % 97 == number }, capacity: 36_000))
                    let kept = ranking.filter { few.keeps(Int($0.row)) }
                    let some = try searcher.search(query, k: k, filter: few)
                    #expect(Self.areSame(some, kept.prefix(k)), "filtered, query \(number), k \(k), \(random)")
                }
            }
        }
    }

    @Test func documentFrequenciesAreCounted() throws {
        var random = SeededGenerator()
        let rows = try SparseRows(.alike, 3_000, &random)
        let table = SparseMemtable(rowLimit: 3_000, byteLimit: 1 << 24)
        let taken = table.append(rows.rows)
        #expect(taken == 3_000)
        var counts: [UInt32: Int] = [:]
        for row in rows.rows { for index in row.indices { counts[index, default: 0] += 1 } }
        try withTemporaryDirectory { folder in
            let postings = try rows.write(folder)
            #expect(postings.termCount == counts.count && postings.postingCount == counts.values.reduce(0, +))
            #expect(postings.rowCount == 3_000)
            let asked = Array(counts.keys) + [0, 77_777, .max, counts.keys.first!]
            let expected = asked.map { counts[$0] ?? 0 }
            let (ofFile, ofTable) = (
                postings.documentFrequencies(of: asked), table.view().documentFrequencies(of: asked)
            )
            #expect(ofFile == expected && ofTable == expected)
            #expect(table.view().documentFrequency(of: asked[0]) == expected[0])
        }
    }
}
