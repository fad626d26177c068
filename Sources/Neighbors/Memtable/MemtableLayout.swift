import Vectors

/// Which chunk of a memtable a row is in, and how large the chunks are.
///
/// The first chunk has 1,024 rows, and every other one as many as all before it: a small table is small, a large one has
/// few chunks, and a row's chunk follows from its number. The last chunk ends where the table is full.
struct MemtableLayout: Sendable {
    /// Rows of the first chunk.
    static let firstRows = 1_024
    /// So many chunks hold all rows that a UInt32 can number.
    static let chunkLimit = 23

    /// Components per row.
    let dimension: Int
    /// Bytes per record of codes; 0 without codes.
    let recordSize: Int
    /// How many rows there is room for within both limits.
    let capacity: Int

    /// - Parameters:
    ///   - recordSize: Bytes per record of codes; 0 without codes.
    ///   - rowLimit: The most rows.
    ///   - byteLimit: The most bytes of all chunks together.
    init(dimension: Int, recordSize: Int, rowLimit: Int, byteLimit: Int) {
        self.dimension = dimension
        self.recordSize = recordSize
        let rowBytes = dimension * MemoryLayout<Float>.stride + MemoryLayout<UInt32>.stride + recordSize
        let rowLimit = min(rowLimit, Int(UInt32.max))
        var (rows, bytes) = (0, byteLimit)
        for chunk in 0..<Self.chunkLimit {
            let fitting = min(Self.whole(chunk), rowLimit - rows, (bytes - Self.overhead) / rowBytes)
            guard fitting > 0 else { break }
            rows += fitting
            bytes -= fitting * rowBytes + Self.overhead
        }
        capacity = rows
    }

    /// The chunk of a row.
    func chunk(of row: Int) -> Int {
        row < Self.firstRows ? 0 : Int.bitWidth - (row / Self.firstRows).leadingZeroBitCount
    }

    /// The first row of a chunk.
    func first(_ chunk: Int) -> Int { chunk == 0 ? 0 : Self.firstRows << (chunk - 1) }

    /// How many rows a chunk has room for; none beyond the capacity.
    func rows(_ chunk: Int) -> Int { max(0, min(Self.whole(chunk), capacity - first(chunk))) }

    /// Bytes of f32 rows and their tags in a chunk, up to where its records begin.
    func rowBytes(_ chunk: Int) -> Int {
        (rows(chunk) * (dimension * MemoryLayout<Float>.stride + MemoryLayout<UInt32>.stride) + 63) / 64 * 64
    }

    /// Bytes of a chunk.
    func bytes(_ chunk: Int) -> Int { rowBytes(chunk) + rows(chunk) * recordSize + ByteCode.padding }

    private static func whole(_ chunk: Int) -> Int { firstRows << max(0, chunk - 1) }

    /// What a chunk has beside its rows at the most: the gap before its records, and the padding behind them.
    private static let overhead = 63 + ByteCode.padding
}
