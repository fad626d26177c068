import Synchronization

/// Rows of any number of 4-byte words in memory, which never move.
///
/// 1. `append` puts rows behind the last one. Then it publishes how many rows there are, in one step for all rows of the
///    call.
/// 2. Who has read that number may read these rows for as long as the table lives.
/// 3. When the table is full, `append` takes fewer rows than it is given.
///
/// One thread appends at a time: others wait for it. Any number of threads read at the same time as that, and wait for
/// nobody. The number of rows is stored with release order behind everything that belongs to those rows, and loaded with
/// acquire order before anything of them is read.
///
/// All memory is asked for at once, up to the limit, and the system gives a page of it when it is first written. Rows grow
/// from the beginning, what says where they are from the end, until they meet.
final class RowTable: Sendable {
    /// The most rows that it takes.
    let rowLimit: Int
    /// The most bytes that it takes.
    let byteLimit: Int
    nonisolated(unsafe) private let memory: UnsafeMutableRawPointer
    private let published = Atomic<Int>(0)
    private let hasRefused = Atomic<Bool>(false)
    /// How many bytes rows take.
    private let taken = Atomic<Int>(0)
    /// Locked by `append` alone.
    private let appending = Mutex<Void>(())

    /// Where a row is.
    struct Record {
        /// In units of 4 bytes from the beginning of the memory.
        var start: UInt32
        /// How many words it has.
        var words: UInt32
        /// The owner's number.
        var tag: UInt32
    }

    /// An empty table.
    /// - Parameter byteLimit: The most memory that it takes, in bytes, 16 GiB at the most: 12 for a row, beside its words.
    init(rowLimit: Int, byteLimit: Int) {
        precondition(rowLimit >= 0 && byteLimit >= 0 && byteLimit <= 1 << 34)
        self.rowLimit = min(rowLimit, Int(UInt32.max))
        self.byteLimit = byteLimit / 4 * 4
        memory = .allocate(byteCount: self.byteLimit, alignment: 64)
    }

    deinit { memory.deallocate() }

    /// How many rows have been published.
    var count: Int { published.load(ordering: .acquiring) }

    /// Whether a row has been refused, or would be for the number of rows.
    var isFull: Bool { hasRefused.load(ordering: .relaxed) || count == rowLimit }

    /// Bytes that its rows take.
    var bytes: Int { taken.load(ordering: .relaxed) + count * MemoryLayout<Record>.stride }

    /// Whether it takes so many more rows of so many words in all.
    func hasRoom(for rows: Int, words: Int) -> Bool {
        count + rows <= rowLimit && bytes + rows * MemoryLayout<Record>.stride + words * 4 <= byteLimit
    }

    /// Appends the first of some rows, as many as there is room for, and publishes them together.
    /// - Parameters:
    ///   - words: how many words a row has.
    ///   - tag: the owner's number of a row.
    ///   - fill: writes the words of a row.
    /// - Returns: How many were taken: fewer than there are, down to none, says that the table is full.
    func append(
        count rows: Int, words: (Int) -> Int, tag: (Int) -> UInt32, fill: (Int, UnsafeMutableRawPointer) -> Void
    ) -> Int {
        appending.withLock { _ in
            // Only who holds the lock stores them.
            let start = published.load(ordering: .relaxed)
            var (end, next) = (start, taken.load(ordering: .relaxed))
            for row in 0..<rows {
                let size = words(row) * 4
                guard end < rowLimit, size <= byteLimit - (end + 1) * MemoryLayout<Record>.stride - next else {
                    hasRefused.store(true, ordering: .relaxed)
                    break
                }
                fill(row, memory + next)
                let record = Record(start: UInt32(next / 4), words: UInt32(size / 4), tag: tag(row))
                next += size
                end += 1
                (memory + byteLimit - end * MemoryLayout<Record>.stride).storeBytes(of: record, as: Record.self)
            }
            taken.store(next, ordering: .relaxed)
            published.store(end, ordering: .releasing)
            return end - start
        }
    }

    /// Where a row is, of which it is known that it has been published.
    @inline(__always)
    func record(_ row: Int) -> Record {
        (memory + byteLimit - (row + 1) * MemoryLayout<Record>.stride).load(as: Record.self)
    }

    /// The words of a record. Valid while the table is alive.
    @inline(__always)
    func words(_ record: Record) -> UnsafeRawPointer { UnsafeRawPointer(memory) + Int(record.start) * 4 }
}
