import Files
import Shards
package import Vectors

/// What the file `lists` says about itself in its section `shape`, and where things lie in the others.
///
/// A segment file of kind `lists`, version 2. All integers are little-endian, all numbers f32 or f16 (IEEE 754).
///
/// | section | what |
/// |---|---|
/// | `shape` | u32 dimension D, u32 metric (1 l2, 2 ip, 3 cosine), u64 rows N, u32 lists L, f32 squared length of the longest row (under ip, else 0), f32 unit of the biases, f32 unit of the scales |
/// | `mean` | f32 × D: the mean of the placed rows |
/// | `starts` | u32 × (L + 1): the first row of each list, and N |
/// | `cells` | the centroids, less the mean, as 8-bit codes in blocks of 16 |
/// | `blocks` | the rows of each list, as 4-bit codes of what they are beside its centroid, in blocks of 16 |
///
/// A row is *placed* before anything else: as it is under l2, with length 1 under cosine, and with one more component
/// under ip, which gives all rows one length (Bachrach et al., 2014). Between placed rows and queries, squared Euclidean
/// distance has the order of the metric.
///
/// The row x of the list with centroid c, both less the mean, has the code z of r = x - c and its scale s, so that
/// s z ≈ r; then for a query q
///
///     |q - x|² - |q|² ≈ (|c|² - 2 <q, c>) + (|r|² + 2 <c, s z>) - 2 s <q, z>
///
/// The first bracket is the list's base, estimated from the centroid's own code; the second one the row's bias. That the
/// code stands in the bias, too, leaves <q - c, r - s z> for the error: the nearer the list, the smaller.
package struct ListsFormat: Sendable {
    static let kind = SegmentFile.Kind(rawValue: "lists")
    static let version = 2
    static let sections = ["shape", "mean", "starts", "cells", "blocks"]
    static let shapeBytes = 32
    static let blockRows = 16

    /// Components of a vector.
    package var dimension: Int
    /// How vectors are compared.
    package var metric: Metric
    /// How many rows.
    package var rowCount: Int
    /// How many lists.
    package var listCount: Int
    /// The squared length of the longest row, under `ip`: see ``Space``.
    var largestSquare: Float
    /// What the biases and the scales of the rows are multiples of.
    var biasUnit: Float
    var scaleUnit: Float

    /// 64-byte lines of codes per block.
    var cellLines: Int { (dimension + 3) / 4 }
    var rowLines: Int { (dimension + 7) / 8 }
    /// Bytes per block.
    var cellBlockBytes: Int { cellLines * 64 + 128 }
    var rowBlockBytes: Int { rowLines * 64 + 64 }

    static func blocks(_ rows: Int) -> Int { (rows + blockRows - 1) / blockRows }
}

extension ListsFormat {
    func write(to writer: SegmentFileWriter) throws(BelfryError) {
        try writer.write(UInt32(dimension))
        try writer.write(metric.number)
        try writer.write(UInt64(rowCount))
        try writer.write(UInt32(listCount))
        try writer.write(largestSquare.bitPattern)
        try writer.write(biasUnit.bitPattern)
        try writer.write(scaleUnit.bitPattern)
    }

    /// Reads the section `shape`, and holds it against the lengths of the others.
    init(_ file: SegmentFile) throws(BelfryError) {
        let place = BelfryError.Location.byte(try file.range(of: "shape").lowerBound, of: file.path)
        var reader = ByteReader(try file.verifiedBytes(of: "shape"), file: file.path)
        dimension = Int(try reader.read(UInt32.self, "The dimension"))
        let number = try reader.read(UInt32.self, "The metric")
        rowCount = try reader.readCount(UInt64.self, "The number of rows")
        listCount = Int(try reader.read(UInt32.self, "The number of lists"))
        // Zero in version 1, which knew no effort that follows the query.
        largestSquare = Float(bitPattern: try reader.read(UInt32.self, "The squared length of the longest row"))
        biasUnit = Float(bitPattern: try reader.read(UInt32.self, "The unit of the biases"))
        scaleUnit = Float(bitPattern: try reader.read(UInt32.self, "The unit of the scales"))
        guard let metric = Metric(number: number), dimension > 0, largestSquare.isFinite, largestSquare >= 0,
            reader.remaining == 0, biasUnit.isNormal, scaleUnit.isNormal, biasUnit > 0, scaleUnit > 0,
            rowCount <= Int(UInt32.max), listCount <= rowCount, dimension <= 1 << 16
        else { throw .corrupt("The shape of the lists is not a possible one.", at: place) }
        self.metric = metric
        try demand(file, "mean", dimension * 4)
        try demand(file, "starts", (listCount + 1) * 4)
        try demand(file, "cells", Self.blocks(listCount) * cellBlockBytes)
    }

    func demand(_ file: SegmentFile, _ section: String, _ bytes: Int) throws(BelfryError) {
        let range = try file.range(of: section)
        guard range.count == bytes else {
            throw .corrupt(
                "Section “\(section)” has \(range.count) bytes; \(rowCount) rows in \(listCount) lists need \(bytes).",
                at: .byte(range.lowerBound, of: file.path))
        }
    }
}
