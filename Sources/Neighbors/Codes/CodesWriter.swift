import Dispatch
package import Files
package import Shards
package import Vectors

/// Writes the file `codes` row by row. The format is described at ``CodesFormat``.
///
/// 1. Rows come as f32, in row order: those that the shard gives back, so that the bounds hold for what is stored.
/// 2. They gather in a batch, whose records are made on all threads, each its own stretch of rows.
/// 3. The records are written in order: the bytes of the file do not depend on the number of threads.
///
/// Memory is one batch of rows. One owner at a time.
package final class CodesWriter {
    /// How many rows have been appended.
    package private(set) var rowCount = 0
    private let file: SegmentFileWriter
    private let code: ByteCode
    private let threads: Int
    private let records: UnsafeMutablePointer<UInt8>
    private let scratch: UnsafeMutablePointer<Double>
    private let batch: Int

    /// Creates the file, or empties it if it is there.
    /// - Throws: `unsupported` for rows of more than 65,536 components, or `io`.
    package init(_ path: String, dimension: Int, metric: Metric, threads: Int = 1) throws(BelfryError) {
        precondition(dimension > 0 && threads > 0)
        guard dimension <= ByteCode.dimensionLimit else {
            throw BelfryError(
                .unsupported, "Codes have at most \(ByteCode.dimensionLimit) components; these rows have \(dimension).",
                at: .init(file: path), remedy: "Search without codes.")
        }
        code = ByteCode(dimension: dimension, metric: metric)
        self.threads = threads
        // Stretches of some 256 KiB of f32 keep the cost of starting the threads out of sight.
        batch = max(1, (1 << 18) / (dimension * MemoryLayout<Float>.size)) * threads
        file = try SegmentFileWriter(
            path, kind: .codes, version: CodesFormat.version, sections: CodesFormat.sections)
        try file.begin("records")
        records = .allocate(capacity: batch * code.recordSize)
        scratch = .allocate(capacity: 2 * dimension * threads)
    }

    deinit {
        records.deallocate()
        scratch.deallocate()
    }

    /// Appends `count` rows, one after another without gaps.
    package func append(_ rows: UnsafePointer<Float>, count: Int) throws(BelfryError) {
        var done = 0
        while done < count {
            let part = min(batch, count - done)
            encode(rows + done * code.dimension, count: part)
            try file.write(UnsafeRawBufferPointer(start: records, count: part * code.recordSize))
            done += part
        }
        rowCount += count
    }

    /// Appends the rows of a matrix.
    package func append(_ rows: Matrix) throws(BelfryError) {
        precondition(rows.columns == code.dimension, "rows of one dimension")
        try append(rows.pointer, count: rows.rows)
    }

    /// Writes what a reader needs and makes the file survive a power cut.
    package func finish() throws(BelfryError) {
        let padding = [UInt8](repeating: 0, count: ByteCode.padding)
        try padding.withBytes { bytes throws(BelfryError) in try file.write(bytes) }
        try file.begin("params")
        try CodesFormat(rowCount: rowCount, dimension: code.dimension, metric: code.metric).write(to: file)
        try file.finish()
    }

    private func encode(_ rows: UnsafePointer<Float>, count: Int) {
        nonisolated(unsafe) let (rows, records, scratch) = (rows, records, scratch)
        let (code, share) = (code, (count + threads - 1) / threads)
        @Sendable func encode(thread: Int) {
            let first = min(thread * share, count)
            code.encode(
                rows + first * code.dimension, count: min(share, count - first),
                into: records + first * code.recordSize, scratch: scratch + thread * 2 * code.dimension)
        }
        if threads == 1 {
            encode(thread: 0)
        } else {
            DispatchQueue.concurrentPerform(iterations: threads, execute: encode)
        }
    }
}

extension CodesWriter {
    /// Writes the codes of all rows of a shard.
    package static func write(
        _ path: String, of shard: ShardReader, metric: Metric, threads: Int = 1
    ) throws(BelfryError) {
        let writer = try CodesWriter(path, dimension: shard.dimension, metric: metric, threads: threads)
        // Whole blocks of some 8 MiB in all.
        let blocks = max(1, (1 << 23) / (shard.rowsPerBlock * shard.dimension * MemoryLayout<Float>.size))
        for first in stride(from: 0, to: shard.rowCount, by: blocks * shard.rowsPerBlock) {
            try WorkEnd.check("build")
            try writer.append(shard.rows(first..<min(first + blocks * shard.rowsPerBlock, shard.rowCount)))
        }
        try writer.finish()
    }
}
