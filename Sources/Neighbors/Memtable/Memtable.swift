import Synchronization
package import Vectors

/// The rows that are written but not yet in a segment: in memory, and searched exactly.
///
/// 1. `append` copies rows behind the last one, in chunks that never move, and makes their codes. Then it publishes how
///    many rows there are, in one step for all rows of the call.
/// 2. `view()` reads that number once. The view sees these rows, whole, and none of later ones, for as long as it lives:
///    `MemtableView.swift`.
/// 3. When the table is full, `append` takes fewer rows than it is given. The owner writes what is there to a segment,
///    and goes on with a new table; this one goes when the last view lets go of it.
///
/// One thread appends at a time: others wait for it. Any number of threads make views and search them at the same time
/// as that, and wait for nobody. The number of rows is stored with release order behind everything that belongs to those
/// rows, and loaded with acquire order before anything of them is read; a chunk is published once, in a slot of its own.
///
/// A row's number is its place in the order of the appends. It does not look at components (`VectorCheck` does), changes
/// or removes nothing (a filter leaves out what is dead), and knows neither ids nor files.
package final class Memtable: Sendable {
    /// Components per row.
    package let dimension: Int
    /// How vectors are compared.
    package var metric: Metric { kernel.metric }

    let kernel: DistanceKernel
    /// How the records are laid out; nil where rows have too many components for codes, or the metric has none.
    let code: ByteCode?
    let layout: MemtableLayout
    private let chunks = InlineArray<23, AtomicLazyReference<MemtableChunk>> { _ in AtomicLazyReference() }
    private let published = Atomic<Int>(0)
    /// What the one who appends makes codes with. Locked by `append` alone.
    private let scratch: Mutex<[Double]>

    /// An empty table.
    /// - Parameters:
    ///   - rowLimit: The most rows that it takes.
    ///   - byteLimit: The most memory that it takes, in bytes; see ``capacity``.
    package init(
        dimension: Int, metric: Metric, rowLimit: Int, byteLimit: Int, instructionSet: InstructionSet = .current
    ) {
        precondition(dimension > 0 && rowLimit >= 0 && byteLimit >= 0)
        self.dimension = dimension
        kernel = DistanceKernel(metric: metric, instructionSet: instructionSet)
        code =
            metric.isIndexed && dimension <= ByteCode.dimensionLimit
            ? ByteCode(dimension: dimension, metric: metric, instructionSet: instructionSet) : nil
        layout = MemtableLayout(
            dimension: dimension, recordSize: code?.recordSize ?? 0, rowLimit: rowLimit, byteLimit: byteLimit)
        scratch = Mutex([Double](repeating: 0, count: code == nil ? 0 : 2 * dimension))
        precondition(chunks.count == MemtableLayout.chunkLimit)
    }

    /// How many rows there is room for within both limits; 0 if the limit in bytes is below a row.
    package var capacity: Int { layout.capacity }

    /// How many rows have been published.
    package var count: Int { published.load(ordering: .acquiring) }

    /// Whether no more rows will be taken.
    package var isFull: Bool { count == capacity }

    /// Bytes of the chunks that there are. Of the last one the system has given those pages that were written.
    package var bytes: Int {
        (0..<MemtableLayout.chunkLimit).reduce(0) { $0 + (chunks[$1].load() == nil ? 0 : layout.bytes($1)) }
    }

    /// The rows published so far.
    package func view() -> MemtableView { MemtableView(self, count) }

    /// Appends the first rows of `count` that lie one after another without gaps, as many as there is room for, and
    /// publishes them together.
    /// - Parameter tags: a number of the owner's for each row, which the table keeps; nil for zeros.
    /// - Returns: How many were taken: fewer than `count`, down to none, says that the table is full.
    package func append(_ rows: UnsafePointer<Float>, tags: UnsafePointer<UInt32>? = nil, count: Int) -> Int {
        precondition(count >= 0)
        return scratch.withLock { scratch in
            // Only who holds the lock stores it.
            let start = published.load(ordering: .relaxed)
            let end = start + min(count, capacity - start)
            var next = start
            while next < end {
                let index = layout.chunk(of: next)
                let place = next - layout.first(index)
                let chunk = chunks[index].load() ?? chunks[index].storeIfNil(MemtableChunk(index, of: layout))
                let taken = min(end - next, chunk.count - place)
                let source = rows + (next - start) * dimension
                (chunk.rows + place * dimension).initialize(from: source, count: taken * dimension)
                if let tags {
                    (chunk.tags + place).initialize(from: tags + (next - start), count: taken)
                } else {
                    (chunk.tags + place).initialize(repeating: 0, count: taken)
                }
                if let code {
                    scratch.withUnsafeMutableBufferPointer {
                        code.encode(
                            source, count: taken, into: chunk.records + place * layout.recordSize,
                            scratch: $0.baseAddress!)
                    }
                }
                next += taken
            }
            published.store(end, ordering: .releasing)
            return end - start
        }
    }

    /// Appends the rows of a matrix, as the pointer's `append` does.
    package func append(_ rows: Matrix, tags: [UInt32]? = nil) -> Int {
        precondition(rows.rows == 0 || rows.columns == dimension, "rows of one dimension")
        guard let tags else { return append(rows.pointer, count: rows.rows) }
        precondition(tags.count == rows.rows, "a tag for each row")
        return tags.withUnsafeBufferPointer { append(rows.pointer, tags: $0.baseAddress, count: rows.rows) }
    }

    /// A chunk of which a row has been published.
    func chunk(_ index: Int) -> MemtableChunk { chunks[index].load()! }
}
