package import Files
import Shards
import Synchronization
package import Vectors

/// Reads the file `codes` through a mapping: estimated distances of rows, and how far off they may be.
///
/// Opening verifies header, section table and parameters, whatever the file's size. The records are not verified until
/// ``verify()``, which a search that claims to miss nothing calls: a damaged one gives a wrong estimate, which may be NaN,
/// but every read stays inside the file. The format is described at ``CodesFormat``, the arithmetic at `ByteCode`.
package final class CodesReader: Sendable {
    /// A query as the codes need it: owned by one thread, reused from query to query without allocation.
    package typealias Query = ByteCode.Query

    /// How many rows there are.
    package let rowCount: Int
    /// How the records are laid out.
    package let code: ByteCode
    /// The first record. Valid while this object is alive.
    package nonisolated(unsafe) let records: UnsafePointer<UInt8>
    private let file: SegmentFile
    private let verdict = Mutex<Verdict>(.open)

    private enum Verdict { case open, sound, damaged(BelfryError) }

    /// Maps the file at `path`.
    /// - Throws: `notFound`, `corruptData` with the byte offset, or `unsupported` for a newer format.
    package convenience init(_ path: String) throws(BelfryError) {
        try self.init(path, instructionSet: .current)
    }

    init(_ path: String, instructionSet: InstructionSet) throws(BelfryError) {
        file = try SegmentFile(path, kind: .codes, newest: CodesFormat.version)
        let format = try CodesFormat(
            parsing: file.verifiedBytes(of: "params"), file: path, base: file.range(of: "params").lowerBound)
        code = ByteCode(dimension: format.dimension, metric: format.metric, instructionSet: instructionSet)
        rowCount = format.rowCount
        let bytes = try file.bytes(of: "records")
        guard bytes.count == rowCount * code.recordSize + ByteCode.padding, let start = bytes.baseAddress else {
            throw .corrupt(
                "\(bytes.count) bytes of records do not fit \(rowCount) rows of \(code.recordSize) bytes.",
                at: .byte(try file.range(of: "records").lowerBound, of: path))
        }
        records = start.assumingMemoryBound(to: UInt8.self)
    }

    /// Where the file was when it was opened.
    package var path: String { file.path }
    /// Components per row.
    package var dimension: Int { code.dimension }
    /// How vectors are compared.
    package var metric: Metric { code.metric }
    /// Bytes that a search reads per row.
    package var bytesPerVector: Double { Double(code.recordSize) }

    /// A query for these codes, to be prepared.
    package func makeQuery() -> Query {
        Query(dimension: dimension, metric: metric, instructionSet: code.instructionSet)
    }

    /// Estimated distances, the metric's own, of the listed rows.
    /// - Returns: false, with nothing written, if one of `rows` is not below `rowCount`.
    package func estimates(
        _ query: Query, rows: UnsafePointer<UInt32>, count: Int, into estimates: UnsafeMutablePointer<Float>
    ) -> Bool {
        var last: UInt32 = 0
        for index in 0..<count { last = max(last, rows[index]) }
        guard count == 0 || Int(last) < rowCount else { return false }
        code.estimates(query, records, rows: rows, count: count, into: estimates)
        return true
    }

    /// Estimated distances of consecutive rows.
    package func estimates(_ query: Query, rows: Range<Int>, into estimates: UnsafeMutablePointer<Float>) {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= rowCount, "rows of this file")
        code.estimates(query, records, first: rows.lowerBound, count: rows.count, into: estimates)
    }

    /// An upper bound of |estimate - `DistanceKernel`'s distance| for a row with that estimate.
    ///
    /// Infinite or NaN where nothing is known of the distance: a row or a query that is NaN, or far too long or short.
    package func errorBound(_ query: Query, row: Int, estimate: Float) -> Float {
        precondition(row >= 0 && row < rowCount, "a row of this file")
        return code.errorBound(query, records, row: row, estimate: estimate)
    }

    /// One standard deviation of the estimate's error, if the codes' errors point in random directions.
    package func sigma(_ query: Query, row: Int, estimate: Float) -> Float {
        precondition(row >= 0 && row < rowCount, "a row of this file")
        return code.sigma(query, records, row: row, estimate: estimate)
    }

    /// Compares the records with their checksum: all of them at the first call, which takes about as long as a scan of
    /// them, and none later. Callers on other threads wait for the first.
    /// - Throws: `corruptData` with the byte offset.
    package func verify() throws(BelfryError) {
        let found = verdict.withLock { verdict in
            if case .open = verdict {
                do throws(BelfryError) {
                    _ = try file.verifiedBytes(of: "records")
                    verdict = .sound
                } catch {
                    verdict = .damaged(error)
                }
            }
            return verdict
        }
        if case .damaged(let problem) = found { throw problem }
    }

    /// Reads every byte of the file and returns all that is wrong, each with its byte offset.
    package func check() -> [BelfryError] { file.problems() }
}
