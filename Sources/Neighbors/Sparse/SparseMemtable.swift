package import Vectors

/// The sparse vectors that are written but not yet in a segment: in memory, and searched exactly.
///
/// 1. `append` puts rows behind the last one, where they never move. Then it publishes how many rows there are, in one
///    step for all rows of the call.
/// 2. `view()` reads that number once. The view sees these rows, whole, and none of later ones, for as long as it lives:
///    `SparseMemtableView.swift`.
/// 3. When the table is full, `append` takes fewer rows than it is given. The owner writes what is there to a segment,
///    and goes on with a new table; this one goes when the last view lets go of it.
///
/// One thread appends at a time: others wait for it. Any number of threads make views and search them at the same time
/// as that, and wait for nobody: see `RowTable`. A row is its indices, and behind them its values.
package final class SparseMemtable: Sendable {
    private let table: RowTable

    /// An empty table.
    /// - Parameters:
    ///   - rowLimit: The most rows that it takes.
    ///   - byteLimit: The most memory that it takes, in bytes, 16 GiB at the most: 12 for a row and 8 for each of its
    ///     components.
    package init(rowLimit: Int, byteLimit: Int) { table = RowTable(rowLimit: rowLimit, byteLimit: byteLimit) }

    /// The most rows that it takes.
    package var rowLimit: Int { table.rowLimit }
    /// The most bytes that it takes.
    package var byteLimit: Int { table.byteLimit }
    /// How many rows have been published.
    package var count: Int { table.count }
    /// Whether a row has been refused, or would be for the number of rows.
    package var isFull: Bool { table.isFull }
    /// Bytes that its rows take.
    package var bytes: Int { table.bytes }

    /// Whether it takes so many more rows, with so many components in all.
    package func hasRoom(for rows: Int, components: Int) -> Bool { table.hasRoom(for: rows, words: 2 * components) }

    /// The rows published so far.
    package func view() -> SparseMemtableView { SparseMemtableView(self, count) }

    /// Appends the first of some rows, as many as there is room for, and publishes them together.
    /// - Parameter tags: a number of the owner's for each row, which the table keeps; nil for zeros.
    /// - Returns: How many were taken: fewer than there are, down to none, says that the table is full. An empty table
    ///   that takes none is too small for the first of them.
    package func append(_ rows: [SparseVector], tags: [UInt32]? = nil) -> Int {
        precondition(tags == nil || tags!.count == rows.count, "a tag for each row")
        return table.append(count: rows.count, words: { rows[$0].count * 2 }, tag: { tags?[$0] ?? 0 }) { row, target in
            rows[row].indices.withUnsafeBytes { Self.copy($0, to: target) }
            rows[row].values.withUnsafeBytes { Self.copy($0, to: target + rows[row].count * 4) }
        }
    }

    private static func copy(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer) {
        guard let start = source.baseAddress else { return }
        target.copyMemory(from: start, byteCount: source.count)
    }

    /// Where a row is, of which it is known that it has been published.
    @inline(__always)
    func record(_ row: Int) -> RowTable.Record { table.record(row) }

    /// The components of a record. Valid while the table is alive.
    @inline(__always)
    func components(_ record: RowTable.Record) -> (indices: UnsafePointer<UInt32>, values: UnsafePointer<Float>) {
        let start = table.words(record)
        return (
            start.assumingMemoryBound(to: UInt32.self),
            (start + Int(record.count) * 4).assumingMemoryBound(to: Float.self)
        )
    }
}

extension RowTable.Record {
    /// How many components a sparse row has.
    @inline(__always)
    var count: UInt32 { words / 2 }
}
