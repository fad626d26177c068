import Files
import Vectors

/// The format of `vectors.shard`, version 1: the full-precision vectors of a segment, losslessly.
///
/// A ``SegmentFile`` of kind `vectors` with four sections:
///
/// | section | bytes | what |
/// |---|---|---|
/// | `blocks` | | the blocks, one after another without gaps |
/// | `offsets` | 8 per block + 8 | u64 where each block begins in `blocks`, and at last where the last one ends |
/// | `crcs` | 4 per block | u32 CRC-32C of each block as it is stored |
/// | `params` | 0..<8 | u64 number of rows |
/// | | 8..<12 | u32 dimension: components per row |
/// | | 12..<16 | u32 element type: 1 f32, 2 f16, 3 bf16 |
/// | | 16..<20 | u32 rows per block; the last block has what is left |
/// | | 20..<24 | u32 block coding: 1, as follows |
///
/// A block is its rows, in order. Each row is split into bit planes (`bits.h`), and the whole is one LZ4 block. A block
/// that this does not shrink by 2 % holds the rows as they came instead, and is known by its length: that of its rows.
/// `blocks` carries its own checksums, those of `crcs`, so that one row can be verified without reading the others.
///
/// Why bit planes: the components of embeddings share sign and exponent bits but not mantissas. LZ4 finds nothing in
/// the rows themselves, and 12 % in the planes of f32. Why row by row: one row can be joined without its neighbors.
/// Why 2 %: below it a block saves less than a cache line per row and costs a decode at every read.
struct ShardFormat: Equatable, Sendable {
    static let version = 1
    static let parametersSize = 24
    static let planesWithLZ4: UInt32 = 1
    static let sections = ["blocks", "offsets", "crcs", "params"]

    /// The longest row: 2^20 components, far above any embedding.
    static let dimensionLimit = 1 << 20
    /// The largest block: what a reader allocates for a block is bounded whatever a damaged header says.
    static let blockLimit = 1 << 26
    /// A block of about this size is fetched and decoded in less time than the page fault that may come with it.
    static let defaultBlock = 4096

    let rowCount: Int
    let dimension: Int
    let elementType: ElementType
    let rowsPerBlock: Int

    /// Bytes of one row as the caller wrote it.
    var rowBytes: Int { dimension * elementType.size }
    /// Bytes of a full block's rows.
    var blockBytes: Int { rowsPerBlock * rowBytes }
    /// How many blocks hold the rows.
    var blockCount: Int { rowCount / rowsPerBlock + (rowCount % rowsPerBlock == 0 ? 0 : 1) }

    /// The rows of one block.
    func rows(ofBlock index: Int) -> Range<Int> {
        index * rowsPerBlock..<min((index + 1) * rowsPerBlock, rowCount)
    }

    /// The longest that a compressed block may be: at least 2 % shorter than its rows.
    static func compressedLimit(_ rawBytes: Int) -> Int { rawBytes * 100 / 102 }

    /// As many rows as fit in the usual block size, and at least one.
    static func defaultRowsPerBlock(dimension: Int, elementType: ElementType) -> Int {
        max(1, defaultBlock / (dimension * elementType.size))
    }

    /// What makes these parameters impossible, if anything does.
    static func problem(dimension: Int, elementType: ElementType, rowsPerBlock: Int) -> String? {
        if dimension < 1 || dimension > dimensionLimit {
            return "A dimension of \(dimension) is outside 1...\(dimensionLimit)."
        }
        let (bytes, overflow) = rowsPerBlock.multipliedReportingOverflow(by: dimension * elementType.size)
        if rowsPerBlock < 1 || overflow || bytes > blockLimit {
            return "\(rowsPerBlock) rows per block are not between 1 and what fits in \(blockLimit) bytes."
        }
        return nil
    }
}

// MARK: the section `params`

extension ShardFormat {
    /// Reads and validates the parameters; `bytes` begin at byte `base` of `file`.
    init(parsing bytes: UnsafeRawBufferPointer, file: String, base: Int) throws(BelfryError) {
        let place = BelfryError.Location.byte(base, of: file)
        guard bytes.count == Self.parametersSize else {
            throw .corrupt("The parameters have \(bytes.count) bytes, not \(Self.parametersSize).", at: place)
        }
        var reader = ByteReader(bytes, file: file, base: base)
        let rowCount = try reader.readCount(UInt64.self, "The number of rows")
        let dimension = Int(try reader.read(UInt32.self, "The dimension"))
        let code = try reader.read(UInt32.self, "The element type")
        let rowsPerBlock = Int(try reader.read(UInt32.self, "The rows per block"))
        let coding = try reader.read(UInt32.self, "The block coding")
        guard let elementType = ElementType.allCases.first(where: { Self.code(of: $0) == code }) else {
            throw .corrupt("The element type \(code) does not exist.", at: place)
        }
        guard coding == Self.planesWithLZ4 else {
            throw .corrupt("The block coding \(coding) does not exist.", at: place)
        }
        if let problem = Self.problem(dimension: dimension, elementType: elementType, rowsPerBlock: rowsPerBlock) {
            throw .corrupt(problem, at: place)
        }
        guard !rowCount.multipliedReportingOverflow(by: dimension * elementType.size).overflow else {
            throw .corrupt("\(rowCount) rows are more than any file can hold.", at: place)
        }
        self.init(rowCount: rowCount, dimension: dimension, elementType: elementType, rowsPerBlock: rowsPerBlock)
    }

    /// Writes the parameters.
    func write(to file: SegmentFileWriter) throws(BelfryError) {
        try file.write(UInt64(rowCount))
        try file.write(UInt32(dimension))
        try file.write(Self.code(of: elementType))
        try file.write(UInt32(rowsPerBlock))
        try file.write(Self.planesWithLZ4)
    }

    private static func code(of type: ElementType) -> UInt32 {
        switch type {
        case .f32: 1
        case .f16: 2
        case .bf16: 3
        }
    }
}
