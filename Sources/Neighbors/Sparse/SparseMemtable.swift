import Synchronization
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
/// as that, and wait for nobody. The number of rows is stored with release order behind everything that belongs to those
/// rows, and loaded with acquire order before anything of them is read.
///
/// All memory is asked for at once, up to the limit, and the system gives a page of it when it is first written.
/// Components grow from the beginning, what says where a row is from the end, until they meet.
package final class SparseMemtable: Sendable {
    /// The most rows that it takes.
    package let rowLimit: Int
    /// The most bytes that it takes.
    package let byteLimit: Int
    nonisolated(unsafe) private let memory: UnsafeMutableRawPointer
    private let published = Atomic<Int>(0)
    private let hasRefused = Atomic<Bool>(false)
    /// How many bytes components take.
    private let taken = Atomic<Int>(0)
    /// Locked by `append` alone.
    private let appending = Mutex<Void>(())

    /// Where a row is.
    struct Record {
        /// Its indices, in units of 4 bytes from the beginning of the memory. Its values are behind them.
        var start: UInt32
        /// How many components.
        var count: UInt32
        /// The owner's number.
        var tag: UInt32
    }

    /// An empty table.
    /// - Parameters:
    ///   - rowLimit: The most rows that it takes.
    ///   - byteLimit: The most memory that it takes, in bytes, 16 GiB at the most: 12 for a row and 8 for each of its
    ///     components.
    package init(rowLimit: Int, byteLimit: Int) {
        precondition(rowLimit >= 0 && byteLimit >= 0 && byteLimit <= 1 << 34)
        self.rowLimit = min(rowLimit, Int(UInt32.max))
        self.byteLimit = byteLimit / 4 * 4
        memory = .allocate(byteCount: self.byteLimit, alignment: 64)
    }

    deinit { memory.deallocate() }

    /// How many rows have been published.
    package var count: Int { published.load(ordering: .acquiring) }

    /// Whether a row has been refused, or would be for the number of rows.
    package var isFull: Bool { hasRefused.load(ordering: .relaxed) || count == rowLimit }

    /// Bytes that its rows take.
    package var bytes: Int { taken.load(ordering: .relaxed) + count * MemoryLayout<Record>.stride }

    /// The rows published so far.
    package func view() -> SparseMemtableView { SparseMemtableView(self, count) }

    /// Appends the first of some rows, as many as there is room for, and publishes them together.
    /// - Parameter tags: a number of the owner's for each row, which the table keeps; nil for zeros.
    /// - Returns: How many were taken: fewer than there are, down to none, says that the table is full. An empty table
    ///   that takes none is too small for the first of them.
    package func append(_ rows: [SparseVector], tags: [UInt32]? = nil) -> Int {
        precondition(tags == nil || tags!.count == rows.count, "a tag for each row")
        return appending.withLock { _ in
            // Only who holds the lock stores them.
            let start = published.load(ordering: .relaxed)
            var (end, next) = (start, taken.load(ordering: .relaxed))
            for (place, row) in rows.enumerated() {
                let size = row.count * 8
                let left = byteLimit - (end + 1) * MemoryLayout<Record>.stride - next
                guard end < rowLimit, size <= left else {
                    hasRefused.store(true, ordering: .relaxed)
                    break
                }
                let (indices, values) = (memory + next, memory + next + size / 2)
                row.indices.withUnsafeBytes { Self.copy($0, to: indices) }
                row.values.withUnsafeBytes { Self.copy($0, to: values) }
                let record = Record(start: UInt32(next / 4), count: UInt32(row.count), tag: tags?[place] ?? 0)
                next += size
                end += 1
                (memory + byteLimit - end * MemoryLayout<Record>.stride).storeBytes(of: record, as: Record.self)
            }
            taken.store(next, ordering: .relaxed)
            published.store(end, ordering: .releasing)
            return end - start
        }
    }

    private static func copy(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer) {
        guard let start = source.baseAddress else { return }
        target.copyMemory(from: start, byteCount: source.count)
    }

    /// Where a row is, of which it is known that it has been published.
    @inline(__always)
    func record(_ row: Int) -> Record {
        (memory + byteLimit - (row + 1) * MemoryLayout<Record>.stride).load(as: Record.self)
    }

    /// The components of a record. Valid while the table is alive.
    @inline(__always)
    func components(_ record: Record) -> (indices: UnsafePointer<UInt32>, values: UnsafePointer<Float>) {
        let start = UnsafeRawPointer(memory) + Int(record.start) * 4
        return (
            start.assumingMemoryBound(to: UInt32.self),
            (start + Int(record.count) * 4).assumingMemoryBound(to: Float.self)
        )
    }
}
