import Files
package import Shards
import Vectors

extension SegmentFile.Kind {
    /// The quantized rows: see ``CodesReader``.
    package static let codes = SegmentFile.Kind(rawValue: "codes")
}

/// The format of the file `codes`, version 1: one byte per component of every row, for search before the shard is read.
///
/// A `SegmentFile` of kind `codes` with two sections:
///
/// | section | bytes | what |
/// |---|---|---|
/// | `records` | r per row | the rows' records, in order |
/// | | 64 | zeros, so that a kernel may read beyond the last record |
/// | `params` | 0..<8 | u64 number of rows |
/// | | 8..<12 | u32 dimension: components per row, at most 65,536 |
/// | | 12..<16 | u32 metric: 1 l2, 2 ip, 3 cosine |
///
/// A record of a row y (under cosine: the row divided by its length), where d is the dimension, d' the first multiple of
/// 4 that is not below it, and r = d' + 16:
///
/// | bytes | what |
/// |---|---|
/// | 0..<d | u8 codes u |
/// | d..<d' | zeros |
/// | d'..<d'+4 | f32 scale |
/// | d'+4..<d'+8 | f32 offset: ŷ = scale·u + offset |
/// | d'+8..<d'+12 | f32 |ŷ|² for l2, else at least |ŷ| |
/// | d'+12..<r | f32 at least |y - ŷ|; infinite for a row that cannot be estimated: NaN, or a length beyond 2^±50 |
///
/// Why the factors lie beside the codes: a search that jumps from row to row fetches one run of lines, not two.
/// The bytes are a function of the rows, the metric and nothing else.
struct CodesFormat {
    static let version = 1
    static let parametersSize = 16
    static let sections = ["records", "params"]

    let rowCount: Int
    let dimension: Int
    let metric: Metric

    /// Reads and validates the parameters; `bytes` begin at byte `base` of `file`.
    init(parsing bytes: UnsafeRawBufferPointer, file: String, base: Int) throws(BelfryError) {
        let place = BelfryError.Location.byte(base, of: file)
        guard bytes.count == Self.parametersSize else {
            throw .corrupt("The parameters have \(bytes.count) bytes, not \(Self.parametersSize).", at: place)
        }
        var reader = ByteReader(bytes, file: file, base: base)
        rowCount = try reader.readCount(UInt64.self, "The number of rows")
        dimension = Int(try reader.read(UInt32.self, "The dimension"))
        let code = try reader.read(UInt32.self, "The metric")
        guard dimension >= 1, dimension <= ByteCode.dimensionLimit else {
            throw .corrupt("A dimension of \(dimension) is outside 1...\(ByteCode.dimensionLimit).", at: place)
        }
        // Rows are numbered with 32 bits; with the dimension's limit that also keeps every offset inside 64.
        guard rowCount <= Int(UInt32.max) else {
            throw .corrupt("\(rowCount) rows are more than the \(UInt32.max) of a segment.", at: place)
        }
        guard let metric = Metric(number: code) else {
            throw .corrupt("The metric \(code) does not exist.", at: place)
        }
        self.metric = metric
    }

    init(rowCount: Int, dimension: Int, metric: Metric) {
        self.rowCount = rowCount
        self.dimension = dimension
        self.metric = metric
    }

    /// Writes the parameters.
    func write(to file: SegmentFileWriter) throws(BelfryError) {
        try file.write(UInt64(rowCount))
        try file.write(UInt32(dimension))
        try file.write(metric.number)
    }
}
