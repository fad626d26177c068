package import Vectors

/// The rows that a table of sparse vectors had at one moment, and the nearest of them, by a scan of all rows.
///
/// The answer is what ``SparseSearcher`` would say of the same rows, to the bit. Any number of threads may use one view, or
/// several of the same table.
package struct SparseMemtableView: Sendable {
    /// Whose rows they are.
    package let memtable: SparseMemtable
    /// How many there are: rows `0..<count`.
    package let count: Int

    /// The first `count` rows, which must have been published.
    init(_ memtable: SparseMemtable, _ count: Int) {
        self.memtable = memtable
        self.count = count
    }

    /// The components of one row, as they were appended.
    package func row(_ index: Int) -> SparseVector {
        precondition(index >= 0 && index < count, "row \(index) of \(count)")
        return withExtendedLifetime(memtable) {
            let record = memtable.record(index)
            let (indices, values) = memtable.components(record)
            return SparseVector(
                sorted: Array(UnsafeBufferPointer(start: indices, count: Int(record.count))),
                values: Array(UnsafeBufferPointer(start: values, count: Int(record.count))))
        }
    }

    /// The number that the owner has given a row.
    package func tag(_ index: Int) -> UInt32 {
        precondition(index >= 0 && index < count, "row \(index) of \(count)")
        return memtable.record(index).tag
    }

    /// The `k` nearest rows, nearest first, fewer if fewer share an index with the query.
    /// - Parameter filter: Which rows may be returned; nil for all. It may be of fewer rows than the view has, and then
    ///   keeps none of the others, or of more.
    package func search(_ query: SparseVector, k: Int, filter: RowFilter? = nil) -> [Neighbor] {
        precondition(k >= 0)
        guard k > 0, query.count > 0 else { return [] }
        var top = TopK(k)
        let finder = TermFinder(query.indices)
        query.values.withUnsafeBufferPointer { factors in
            for row in 0..<count {
                if let filter, !filter.keeps(row) { continue }
                let record = memtable.record(row)
                let (indices, values) = memtable.components(record)
                let shared = finder.find(indices, count: Int(record.count))
                guard shared > 0 else { continue }
                let (components, places) = (finder.components, finder.places)
                var score: Float = 0
                for one in 0..<shared { score += factors[Int(places[one])] * values[Int(components[one])] }
                top.offer(UInt32(row), -score)
            }
        }
        return withExtendedLifetime(memtable) { top.sorted }
    }

    /// How many rows have a term.
    package func documentFrequency(of term: UInt32) -> Int { documentFrequencies(of: [term])[0] }

    /// How many rows have each term: one pass over all rows.
    package func documentFrequencies(of terms: [UInt32]) -> [Int] {
        let distinct = Array(Set(terms))
        var counts = [Int](repeating: 0, count: distinct.count)
        let finder = TermFinder(distinct)
        counts.withUnsafeMutableBufferPointer { counts in
            for row in 0..<count {
                let record = memtable.record(row)
                let shared = finder.find(memtable.components(record).indices, count: Int(record.count))
                for one in 0..<shared { counts[Int(finder.places[one])] += 1 }
            }
        }
        let found = Dictionary(uniqueKeysWithValues: zip(distinct, counts))
        return withExtendedLifetime(memtable) { terms.map { found[$0]! } }
    }
}
