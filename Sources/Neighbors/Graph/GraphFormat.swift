import Files
package import Shards
import Vectors

extension SegmentFile.Kind {
    /// The graph and its routing codes: see ``GraphReader``.
    package static let graph = SegmentFile.Kind(rawValue: "graph")
}

/// The format of the file `graph`, version 1.
///
/// A `SegmentFile` of kind `graph`:
///
/// | section | bytes | what |
/// |---|---|---|
/// | `params` | 48 | u64 rows; u32 dimension, metric (1 l2, 2 ip, 3 cosine), bits, lines, components, projected (0, 1), degree, levels; f32 largest square (`ip`, see ``Space``); u32 zero |
/// | `sizes` | 8 per level | u64 rows of each level, from all of them upwards |
/// | `center` | 4 per component, padded | f32 the center of the placed rows |
/// | `matrix` | components × padded | s8 the projection, empty if there is none |
/// | `steps` | 4 per component | f32 what a unit of a matrix row is worth |
/// | `records` | 64 · lines per row | the routing codes, see `routing.h` |
/// | `links` | 4 · degree per row and level | u32 the levels' links, level after level |
///
/// A row of level l is one of the first `sizes[l]` rows. Links beyond a row's last are 2^32 − 1.
struct GraphFormat: Sendable {
    static let version = 1
    static let parametersSize = 48
    static let sections = ["params", "sizes", "center", "matrix", "steps", "records", "links"]
    static let degreeLimit = 256

    let rowCount: Int
    let space: Space
    let shape: RoutingShape
    let degree: Int
    let levels: Int

    init(rowCount: Int, space: Space, shape: RoutingShape, degree: Int, levels: Int) {
        (self.rowCount, self.space, self.shape, self.degree, self.levels) = (rowCount, space, shape, degree, levels)
    }

    /// Reads and validates the parameters; `bytes` begin at byte `base` of `file`.
    init(parsing bytes: UnsafeRawBufferPointer, file: String, base: Int) throws(BelfryError) {
        let place = BelfryError.Location.byte(base, of: file)
        guard bytes.count == Self.parametersSize else {
            throw .corrupt("The parameters have \(bytes.count) bytes, not \(Self.parametersSize).", at: place)
        }
        var reader = ByteReader(bytes, file: file, base: base)
        let rowCount = try reader.readCount(UInt64.self, "The number of rows")
        var fields: [Int] = []
        for name in ["dimension", "metric", "bits", "lines", "components", "projection", "degree", "levels"] {
            fields.append(Int(try reader.read(UInt32.self, "The field \(name)")))
        }
        let largest = Float(bitPattern: try reader.read(UInt32.self, "The largest square"))
        guard let metric = Metric(number: UInt32(fields[1])) else {
            throw .corrupt("The metric \(fields[1]) does not exist.", at: place)
        }
        let dimension = fields[0]
        let placed = metric == .ip ? dimension + 1 : dimension
        let shape = RoutingShape(bits: fields[2], lines: fields[3], components: fields[4], projected: fields[5] == 1)
        guard dimension >= 1, dimension <= 1 << 16, fields[2] == 4 || fields[2] == 8, (1...1 << 11).contains(fields[3]),
            shape.components >= 1, shape.components <= min(shape.room, placed), fields[5] <= 1,
            shape.projected || shape.components == placed, (1...Self.degreeLimit).contains(fields[6]),
            (1...16).contains(fields[7]), rowCount < 1 << 31, largest.isFinite, largest >= 0
        else { throw .corrupt("The parameters do not fit each other: \(fields), \(rowCount) rows.", at: place) }
        self.init(
            rowCount: rowCount,
            space: Space(metric: metric, dimension: dimension, largestSquare: largest),
            shape: shape, degree: fields[6], levels: fields[7])
    }

    func write(to file: SegmentFileWriter) throws(BelfryError) {
        try file.write(UInt64(rowCount))
        for field in [
            space.dimension, Int(space.metric.number), shape.bits, shape.lines, shape.components,
            shape.projected ? 1 : 0, degree, levels,
        ] {
            try file.write(UInt32(field))
        }
        try file.write(space.largestSquare.bitPattern)
        try file.write(UInt32(0))
    }
}
