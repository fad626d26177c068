import Vectors

/// Memory for some rows of a memtable, which stays where it is: f32 rows, then their tags, then their records, each without
/// gaps.
///
/// It is handed from thread to thread although it holds pointers. Rows are written once, by the one thread that appends,
/// before the table publishes their number, and are only read after that: see ``Memtable``, which alone writes here.
final class MemtableChunk: @unchecked Sendable {
    /// How many rows there is room for.
    let count: Int
    /// The first row's first component, 64-byte aligned.
    let rows: UnsafeMutablePointer<Float>
    /// The first row's tag.
    let tags: UnsafeMutablePointer<UInt32>
    /// Bytes from one record to the next.
    let recordSize: Int
    /// The first row's record. Behind the last record is the padding that the kernels may read.
    let records: UnsafeMutablePointer<UInt8>

    init(_ chunk: Int, of layout: MemtableLayout) {
        (count, recordSize) = (layout.rows(chunk), layout.recordSize)
        // Not made zeros: the system gives a page when it is first written, so that no append waits for a whole chunk.
        let memory = UnsafeMutableRawPointer.allocate(byteCount: layout.bytes(chunk), alignment: 64)
        rows = memory.bindMemory(to: Float.self, capacity: count * layout.dimension)
        tags = (memory + count * layout.dimension * MemoryLayout<Float>.stride).bindMemory(
            to: UInt32.self, capacity: count)
        records = (memory + layout.rowBytes(chunk)).bindMemory(
            to: UInt8.self, capacity: count * layout.recordSize + ByteCode.padding)
        (records + count * layout.recordSize).initialize(repeating: 0, count: ByteCode.padding)
    }

    deinit { UnsafeMutableRawPointer(rows).deallocate() }
}
