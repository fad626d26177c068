public import Files
public import Vectors

/// Writes `vectors.shard` row by row. The format is described at ``ShardFormat``.
///
/// Memory is a batch of blocks, and 12 bytes per block for `offsets` and `crcs`.
///
/// 1. Rows gather in a batch of a few blocks per thread.
/// 2. Each block is split into bit planes and compressed, on any thread.
/// 3. The blocks are written in order: the bytes of the file do not depend on the number of threads.
/// 4. `finish` writes offsets, checksums and at last the header. Without it the file is recognizably unfinished.
///
/// One owner at a time.
public final class ShardWriter {
    /// Components per row.
    public let dimension: Int
    /// How a component is stored.
    public let elementType: ElementType
    /// Rows in every block but the last.
    public let rowsPerBlock: Int
    /// How many rows have been appended.
    public private(set) var rowCount = 0

    private let file: SegmentFileWriter
    private let encoders: [BlockEncoder]
    private let batchRows: Int
    private let rowBytes: Int
    /// The rows of the batch, and what becomes of them, both with room for `batchRows`.
    private let batch: UnsafeMutableRawBufferPointer
    private let encoded: UnsafeMutableRawBufferPointer
    private var batched = 0
    private var offsets: [UInt64] = [0]
    private var crcs: [UInt32] = []

    /// The LZ4HC level. On bit planes higher ones find nothing more and are slower; lower ones are no faster.
    static let defaultLevel = 9

    /// Creates the file, or empties it if it is there.
    /// - Parameters:
    ///   - rowsPerBlock: nil for as many as fit in 4 KiB, which suits reading single rows; archives may take more.
    ///   - threads: how many threads compress.
    /// - Throws: `invalidInput` for an impossible dimension or block size, or `io`.
    public convenience init(
        _ path: String, dimension: Int, elementType: ElementType, rowsPerBlock: Int? = nil, threads: Int = 1
    ) throws(BelfryError) {
        try self.init(
            path, dimension: dimension, elementType: elementType, rowsPerBlock: rowsPerBlock, threads: threads,
            level: Self.defaultLevel)
    }

    init(
        _ path: String, dimension: Int, elementType: ElementType, rowsPerBlock wanted: Int?, threads: Int, level: Int
    ) throws(BelfryError) {
        let rowsPerBlock =
            wanted ?? ShardFormat.defaultRowsPerBlock(dimension: max(1, dimension), elementType: elementType)
        if let problem = ShardFormat.problem(
            dimension: dimension, elementType: elementType, rowsPerBlock: rowsPerBlock)
        {
            throw BelfryError(.invalidInput, problem, at: .init(file: path))
        }
        precondition(threads > 0)
        self.dimension = dimension
        self.elementType = elementType
        self.rowsPerBlock = rowsPerBlock
        file = try SegmentFileWriter(
            path, kind: .vectors, version: ShardFormat.version, sections: ShardFormat.sections)
        try file.begin("blocks", carriesOwnChecksums: true)
        rowBytes = dimension * elementType.size
        let blockBytes = rowsPerBlock * rowBytes
        // A batch of at least 64 KiB per thread keeps the cost of starting the threads out of sight.
        let blocksPerThread = threads == 1 ? 1 : max(1, (1 << 16) / blockBytes)
        batchRows = rowsPerBlock * blocksPerThread * threads
        encoders = (0..<threads).map { _ in
            BlockEncoder(dimension: dimension, elementType: elementType, blockBytes: blockBytes, level: level)
        }
        batch = .allocate(byteCount: batchRows * rowBytes, alignment: 64)
        encoded = .allocate(byteCount: batchRows * rowBytes, alignment: 64)
    }

    deinit {
        batch.deallocate()
        encoded.deallocate()
    }

    /// Appends one row, narrowed to the element type.
    /// - Throws: `invalidInput` if it has another dimension, or a finite component too large for the element type.
    public func append(_ row: [Float]) throws(BelfryError) {
        guard row.count == dimension else {
            throw BelfryError(
                .invalidInput, "Row \(rowCount) has \(row.count) components; this shard's dimension is \(dimension).",
                at: .init(file: file.path))
        }
        try row.withUnsafeBufferPointer { components throws(BelfryError) in try append(components: components) }
    }

    /// Appends the rows of a matrix, narrowed to the element type.
    public func append(_ rows: Matrix) throws(BelfryError) {
        guard rows.columns == dimension || rows.rows == 0 else {
            throw BelfryError(
                .invalidInput, "The rows have \(rows.columns) components; this shard's dimension is \(dimension).",
                at: .init(file: file.path))
        }
        let components = UnsafeBufferPointer(start: rows.pointer, count: rows.rows * rows.columns)
        try append(components: components)
    }

    /// Appends whole rows, one after another without gaps, narrowed to the element type.
    public func append(components: UnsafeBufferPointer<Float>) throws(BelfryError) {
        try append(UnsafeRawBufferPointer(components), sourceSize: 4) { [elementType] source, target, count in
            elementType.narrow(source, to: target, count: count)
        }
    }

    /// Appends whole rows that are of the element type already. Every bit is kept.
    public func append(raw bytes: UnsafeRawBufferPointer) throws(BelfryError) {
        try append(bytes, sourceSize: nil) { [elementType] source, target, count in
            target.copyMemory(from: source, byteCount: count * elementType.size)
        }
    }

    /// Writes what is left and everything that a reader needs, and makes the file survive a power cut.
    public func finish() throws(BelfryError) {
        try flush()
        try file.begin("offsets")
        for offset in offsets { try file.write(offset) }
        try file.begin("crcs")
        for crc in crcs { try file.write(crc) }
        try file.begin("params")
        let format = ShardFormat(
            rowCount: rowCount, dimension: dimension, elementType: elementType, rowsPerBlock: rowsPerBlock)
        try format.write(to: file)
        try file.finish()
    }

    // MARK: the batch

    private func append(
        _ source: UnsafeRawBufferPointer, sourceSize: Int?,
        _ convert: (UnsafeRawPointer, UnsafeMutableRawPointer, Int) -> Void
    ) throws(BelfryError) {
        let sourceRow = dimension * (sourceSize ?? elementType.size)
        guard source.count % sourceRow == 0 else {
            throw BelfryError(
                .invalidInput,
                "\(source.count) bytes are not a whole number of rows of \(dimension) components (\(sourceRow) bytes).",
                at: .init(file: file.path))
        }
        var left = source.count / sourceRow
        var next = 0
        while left > 0 {
            let count = min(left, batchRows - batched)
            let target = batch.baseAddress! + batched * rowBytes
            convert(source.baseAddress! + next, target, count * dimension)
            if sourceSize != nil && elementType != .f32 { try verifyRange(source.baseAddress! + next, target, count) }
            batched += count
            rowCount += count
            left -= count
            next += count * sourceRow
            if batched == batchRows { try flush() }
        }
    }

    /// Refuses a finite component that became infinite: better than a distance that is infinite ever after.
    private func verifyRange(_ source: UnsafeRawPointer, _ target: UnsafeRawPointer, _ rows: Int) throws(BelfryError) {
        let infinity: UInt16 = elementType == .f16 ? 0x7c00 : 0x7f80
        for index in 0..<rows * dimension {
            let narrow = target.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
            guard narrow & 0x7fff == infinity else { continue }
            let value = source.loadUnaligned(fromByteOffset: index * 4, as: Float.self)
            guard value.isFinite else { continue }
            throw BelfryError(
                .invalidInput,
                "Component \(index % dimension) of row \(rowCount + index / dimension) is \(value), beyond the largest "
                    + "\(elementType.rawValue), \(elementType.largest).",
                at: .init(file: file.path), remedy: "Store these vectors as f32, or scale them.")
        }
    }

    private func flush() throws(BelfryError) {
        let blocks = (batched + rowsPerBlock - 1) / rowsPerBlock
        guard blocks > 0 else { return }
        var lengths = [Int](repeating: 0, count: blocks)
        lengths.withUnsafeMutableBufferPointer { lengths in
            let (batched, rowsPerBlock, rowBytes) = (batched, rowsPerBlock, rowBytes)
            // Each block is encoded into the place of its own rows.
            WorkPool(threads: encoders.count).forEach(
                blocks, sharing: (batch: batch, encoded: encoded, encoders: encoders, lengths: lengths)
            ) { block, worker, shared in
                let start = block * rowsPerBlock * rowBytes
                let end = min((block + 1) * rowsPerBlock, batched) * rowBytes
                let rows = UnsafeRawBufferPointer(rebasing: shared.batch[start..<end])
                shared.lengths[block] = shared.encoders[worker].encode(rows, to: shared.encoded.baseAddress! + start)
            }
        }
        for (block, length) in lengths.enumerated() {
            let start = block * rowsPerBlock * rowBytes
            let bytes = UnsafeRawBufferPointer(rebasing: encoded[start..<start + length])
            try file.write(bytes)
            offsets.append(offsets.last! + UInt64(length))
            crcs.append(CRC32C.of(bytes))
        }
        batched = 0
    }
}
