package import Vectors

/// Points with several vectors each that are written but not yet in a segment: in memory, and compared exactly.
///
/// One thread appends at a time; any number of threads make views and search them meanwhile, and wait for nobody: see
/// `RowTable`.
package final class MultiMemtable: Sendable {
    /// Components per vector.
    package let dimension: Int
    let table: RowTable

    /// An empty table, within two limits.
    package init(dimension: Int, rowLimit: Int, byteLimit: Int) {
        precondition(dimension > 0)
        self.dimension = dimension
        table = RowTable(rowLimit: rowLimit, byteLimit: byteLimit)
    }

    /// The most points that it takes.
    package var rowLimit: Int { table.rowLimit }
    /// The most bytes that it takes.
    package var byteLimit: Int { table.byteLimit }
    /// How many points have been published.
    package var count: Int { table.count }
    /// Bytes that they take.
    package var bytes: Int { table.bytes }

    /// Whether it takes so many more points, with so many vectors in all.
    package func hasRoom(for points: Int, vectors: Int) -> Bool {
        table.hasRoom(for: points, words: vectors * dimension)
    }

    /// The points published so far.
    package func view() -> MultiMemtableView { MultiMemtableView(memtable: self, count: count) }

    /// Appends the first of some points, as many as there is room for, and publishes them together.
    /// - Parameters:
    ///   - points: the vectors of each, at least one.
    ///   - tags: a number of the owner's for each point, which the table keeps.
    /// - Returns: How many were taken.
    package func append(_ points: [[[Float]]], tags: [UInt32]) -> Int {
        precondition(tags.count == points.count, "a tag for each point")
        return table.append(count: points.count, words: { points[$0].count * dimension }, tag: { tags[$0] }) {
            let target = $1.assumingMemoryBound(to: Float.self)
            for (place, vector) in points[$0].enumerated() {
                precondition(vector.count == dimension, "vectors of one dimension")
                (target + place * dimension).initialize(from: vector, count: dimension)
            }
        }
    }
}

/// The points that a table had at one moment.
package struct MultiMemtableView: Sendable {
    let memtable: MultiMemtable
    /// How many there are.
    package let count: Int

    /// The vectors of a point.
    package func row(_ row: Int) -> [[Float]] {
        precondition(row >= 0 && row < count, "row \(row) of \(count)")
        return withVectors(row) { first, count in
            (0..<count).map {
                Array(UnsafeBufferPointer(start: first + $0 * memtable.dimension, count: memtable.dimension))
            }
        }
    }

    /// The number that the owner has given a point.
    package func tag(_ row: Int) -> UInt32 {
        precondition(row >= 0 && row < count, "row \(row) of \(count)")
        return memtable.table.record(row).tag
    }

    /// The `k` nearest points, nearest first, of those that the filter keeps. It may be of fewer points than the view has,
    /// and then keeps none of the others.
    package func search(_ query: MaxSim, k: Int, filter: RowFilter? = nil) -> [Neighbor] {
        var top = TopK(k)
        for row in 0..<count where filter?.keeps(row) ?? true {
            withVectors(row) { top.offer(UInt32(row), query.distance(to: $0, count: $1)) }
        }
        return top.sorted
    }

    private func withVectors<Result>(_ row: Int, _ body: (UnsafePointer<Float>, Int) -> Result) -> Result {
        withExtendedLifetime(memtable) {
            let record = memtable.table.record(row)
            return body(
                memtable.table.words(record).assumingMemoryBound(to: Float.self),
                Int(record.words) / memtable.dimension)
        }
    }
}
