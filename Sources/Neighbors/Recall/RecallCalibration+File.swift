public import Files
import Shards
import Vectors

extension SegmentFile.Kind {
    /// Recall curves: see ``RecallCalibration``.
    static let calibration = SegmentFile.Kind(rawValue: "calibrat")
}

/// The file `calibration` of a segment.
///
/// A `SegmentFile` of kind `calibrat`, version 1, with five sections of little-endian integers, L levels, C curves:
///
/// | section | bytes | what |
/// |---|---|---|
/// | `params` | 0..<4 | u32 levels of the ladder, L, from 1 to 256 |
/// | | 4..<8 | u32 integers per level, P, at most 16 |
/// | | 8..<12 | u32 curves, C, from 1 to 16 |
/// | | 12..<16 | u32 where the queries came from: 1 given, 2 logged, 3 rows of the data |
/// | `efforts` | 4·P·L | u32 the integers of each level, cheap to dear |
/// | `curves` | 8·C | for each curve u32 k, which grows from curve to curve, at most 10,000, and u32 queries |
/// | `totals` | 24·L·C | for each curve and level u64 neighbours missed (see `RecallCurve.Level`), u64 distances computed, u64 bytes read, over all queries |
/// | `found` | 4·L·Σ(k+1) | for each curve and level u32 how many queries found 0, 1, … k of their neighbours |
///
/// Some kilobytes. Opening verifies every checksum, and that the figures fit each other: each row of `found` adds up to
/// the queries, and what was missed never grows from level to level nor is less than `found` says.
extension RecallCalibration {
    private static let version = 1
    private static let sections = ["params", "efforts", "curves", "totals", "found"]

    /// Writes the file, and makes it survive a power cut.
    public func write(to path: String) throws(BelfryError) {
        let file = try SegmentFileWriter(path, kind: .calibration, version: Self.version, sections: Self.sections)
        try file.begin("params")
        let counts = [levels.count, levels[0].parameters.count, curves.count]
        for count in counts { try file.write(UInt32(count)) }
        try file.write(source.rawValue)
        try file.begin("efforts")
        for level in levels {
            for parameter in level.parameters { try file.write(parameter) }
        }
        try file.begin("curves")
        for curve in curves {
            try file.write(UInt32(curve.k))
            try file.write(UInt32(curve.queries))
        }
        try file.begin("totals")
        for level in curves.flatMap(\.levels) {
            for total in [level.losses, level.evaluations, level.bytes] { try file.write(total) }
        }
        try file.begin("found")
        for level in curves.flatMap(\.levels) {
            for count in level.found { try file.write(count) }
        }
        try file.finish()
    }

    /// Reads and verifies the file.
    /// - Throws: `notFound`, `corruptData` with the byte offset, or `unsupported` for a newer format.
    public init(_ path: String) throws(BelfryError) {
        let file = try SegmentFile(path, kind: .calibration, newest: Self.version)
        defer { withExtendedLifetime(file) {} }

        var params = try Self.reader(of: "params", in: file, bytes: 16)
        let start = params.location
        let levels = Int(try params.read(UInt32.self, "The number of levels"))
        let width = Int(try params.read(UInt32.self, "The integers per level"))
        let count = Int(try params.read(UInt32.self, "The number of curves"))
        let code = try params.read(UInt32.self, "The source of the queries")
        guard (1...Self.levelLimit).contains(levels), width <= Self.parameterLimit,
            (1...Self.curveLimit).contains(count)
        else {
            throw .corrupt("\(levels) levels of \(width) integers and \(count) curves are impossible.", at: start)
        }
        guard let source = QuerySource(rawValue: code) else {
            throw .corrupt("The source of queries \(code) does not exist.", at: start)
        }

        var efforts = try Self.reader(of: "efforts", in: file, bytes: 4 * width * levels)
        var ladder: [EffortLevel] = []
        for _ in 0..<levels {
            var parameters: [UInt32] = []
            for _ in 0..<width { parameters.append(try efforts.read(UInt32.self, "An effort")) }
            ladder.append(EffortLevel(parameters))
        }

        var heads = try Self.reader(of: "curves", in: file, bytes: 8 * count)
        var shapes: [(k: Int, queries: Int)] = []
        for _ in 0..<count {
            let place = heads.location
            let shape = (
                Int(try heads.read(UInt32.self, "The k of a curve")),
                Int(try heads.read(UInt32.self, "The queries of a curve"))
            )
            guard shape.0 > shapes.last?.k ?? 0, shape.0 <= Self.bucketLimit, shape.1 > 0 else {
                throw .corrupt("A curve for k \(shape.0) of \(shape.1) queries is impossible here.", at: place)
            }
            shapes.append(shape)
        }

        var totals = try Self.reader(of: "totals", in: file, bytes: 24 * levels * count)
        let bins = shapes.reduce(0) { $0 + $1.k + 1 }
        var found = try Self.reader(of: "found", in: file, bytes: 4 * levels * bins)
        var curves: [RecallCurve] = []
        for (k, queries) in shapes {
            var read: [RecallCurve.Level] = []
            for _ in 0..<levels {
                let place = totals.location
                let level = try Self.level(&totals, &found, k: k, queries: queries)
                guard level.losses <= read.last?.losses ?? .max else {
                    throw .corrupt("A dearer level misses more than the one before it.", at: place)
                }
                read.append(level)
            }
            curves.append(RecallCurve(k: k, queries: queries, levels: read))
        }
        self.init(checked: ladder, curves, source)
    }

    private static func level(
        _ totals: inout ByteReader, _ found: inout ByteReader, k: Int, queries: Int
    ) throws(BelfryError) -> RecallCurve.Level {
        let (place, row) = (totals.location, found.location)
        let losses = try totals.read(UInt64.self, "What was missed")
        let evaluations = try totals.read(UInt64.self, "The distances computed")
        let bytes = try totals.read(UInt64.self, "The bytes read")
        var counts: [UInt32] = []
        var (sum, missed) = (0, UInt64(0))
        for number in 0...k {
            let count = try found.read(UInt32.self, "A count of queries")
            sum += Int(count)
            missed += UInt64(count) * UInt64(k - number)
            counts.append(count)
        }
        guard sum == queries else {
            throw .corrupt("The counts add up to \(sum) queries; there were \(queries).", at: row)
        }
        guard losses >= missed, losses <= UInt64(k) * UInt64(queries) else {
            throw .corrupt("\(losses) neighbours missed do not fit the counts, which say \(missed).", at: place)
        }
        return RecallCurve.Level(found: counts, losses: losses, evaluations: evaluations, bytes: bytes)
    }

    /// The verified bytes of a section that must have so many.
    private static func reader(
        of section: String, in file: SegmentFile, bytes count: Int
    ) throws(BelfryError) -> ByteReader {
        let bytes = try file.verifiedBytes(of: section)
        let start = try file.range(of: section).lowerBound
        guard bytes.count == count else {
            throw .corrupt(
                "Section “\(section)” has \(bytes.count) bytes, not \(count).", at: .byte(start, of: file.path))
        }
        return ByteReader(bytes, file: file.path, base: start)
    }
}
