public import Files
import Shards
import Vectors

extension SegmentFile.Kind {
    /// Recall curves: see ``RecallCalibration``.
    static let calibration = SegmentFile.Kind(rawValue: "calibrat")
}

/// The file `calibration` of a segment.
///
/// A `SegmentFile` of kind `calibrat`, version 3, with six sections of little-endian integers, for Q kinds of query, L
/// levels, and C curves of each kind:
///
/// | section | bytes | what |
/// |---|---|---|
/// | `params` | 16 | u32 levels L, from 1 to 256; u32 integers per level P, at most 16; u32 curves C, from 1 to 16; u32 kinds Q, from 1 to 16 |
/// | `efforts` | 4·P·L | u32 the integers of each level, from cheapest to most expensive |
/// | `buckets` | 4·C | u32 the k of each curve, growing, at most 10,000 |
/// | `kinds` | 16·Q | for each kind u32 its number (see ``QueryStyle``), u32 queries, f32 the usual and f32 the farthest reach |
/// | `totals` | 28·L·C·Q | for each kind, curve and level u64 neighbors missed, u64 distances computed, u64 bytes read, u32 queries that missed the nearest row |
/// | `found` | 42·L·C·Q | for each kind, curve and level u16 how many queries found 0, 1, … 20 twentieths |
///
/// Some tens of kilobytes. Opening verifies every checksum, and that the figures fit each other: each row of `found`
/// adds up to the queries, and what was missed never grows from level to level.
///
/// Version 1 knew one kind of query and no effort that follows the query, version 2 no farthest reach. They are refused:
/// the index is built again.
extension RecallCalibration {
    private static let version = 3
    private static let sections = ["params", "efforts", "buckets", "kinds", "totals", "found"]

    /// Writes the file, and makes it survive a power cut.
    public func write(to path: String) throws(BelfryError) {
        let file = try SegmentFileWriter(path, kind: .calibration, version: Self.version, sections: Self.sections)
        try file.begin("params")
        for count in [levels.count, levels[0].parameters.count, kinds[0].curves.count, kinds.count] {
            try file.write(UInt32(count))
        }
        try file.begin("efforts")
        for parameter in levels.flatMap(\.parameters) { try file.write(parameter) }
        try file.begin("buckets")
        for curve in kinds[0].curves { try file.write(UInt32(curve.k)) }
        try file.begin("kinds")
        for kind in kinds {
            let reach = [kind.reach.usual.bitPattern, kind.reach.farthest.bitPattern]
            for value in [kind.kind.rawValue, UInt32(kind.queries)] + reach { try file.write(value) }
        }
        let rows = kinds.flatMap(\.curves).flatMap(\.levels)
        try file.begin("totals")
        for level in rows {
            for total in [level.losses, level.evaluations, level.bytes] { try file.write(total) }
            try file.write(level.nearestMissed)
        }
        try file.begin("found")
        for level in rows {
            for count in level.found { try file.write(UInt16(count)) }
        }
        try file.finish()
    }

    /// Reads and verifies the file.
    /// - Throws: `notFound`, `corruptData` with the byte offset, or `unsupported` for another format.
    public init(_ path: String) throws(BelfryError) {
        let file = try SegmentFile(path, kind: .calibration, newest: Self.version)
        defer { withExtendedLifetime(file) {} }
        guard file.version == Self.version else {
            throw BelfryError(
                .unsupported, "The calibration has format \(file.version); this belfry reads format \(Self.version).",
                at: .init(file: path),
                remedy: "Build the index again, which embeds nothing anew: \(.build(recipe: nil, replacing: true)).")
        }

        var params = try Self.reader(of: "params", in: file, bytes: 16)
        let start = params.location
        let levels = Int(try params.read(UInt32.self, "The number of levels"))
        let width = Int(try params.read(UInt32.self, "The integers per level"))
        let curves = Int(try params.read(UInt32.self, "The number of curves"))
        let count = Int(try params.read(UInt32.self, "The number of kinds"))
        guard (1...Self.levelLimit).contains(levels), (1...Self.parameterLimit).contains(width),
            (1...Self.curveLimit).contains(curves), (1...Self.kindLimit).contains(count)
        else {
            throw .corrupt(
                "\(levels) levels of \(width) integers and \(curves) curves of \(count) kinds are impossible.",
                at: start)
        }
        var efforts = try Self.reader(of: "efforts", in: file, bytes: 4 * width * levels)
        var ladder: [EffortLevel] = []
        for _ in 0..<levels {
            var parameters: [UInt32] = []
            for _ in 0..<width { parameters.append(try efforts.read(UInt32.self, "An effort")) }
            ladder.append(EffortLevel(parameters))
        }
        let buckets = try Self.buckets(Self.reader(of: "buckets", in: file, bytes: 4 * curves), curves)

        var heads = try Self.reader(of: "kinds", in: file, bytes: 16 * count)
        var totals = try Self.reader(of: "totals", in: file, bytes: 28 * levels * curves * count)
        var found = try Self.reader(of: "found", in: file, bytes: 42 * levels * curves * count)
        var kinds: [Kind] = []
        for _ in 0..<count {
            let place = heads.location
            let number = try heads.read(UInt32.self, "The number of a kind")
            let queries = Int(try heads.read(UInt32.self, "The queries of a kind"))
            let usual = Float(bitPattern: try heads.read(UInt32.self, "The reach of a kind"))
            let farthest = Float(bitPattern: try heads.read(UInt32.self, "The farthest query of a kind"))
            guard let kind = QueryStyle(rawValue: number), !kinds.contains(where: { $0.kind == kind }),
                (1...Self.queryLimit).contains(queries), usual <= farthest
            else {
                throw .corrupt("A kind \(number) of \(queries) queries is impossible here.", at: place)
            }
            var read: [RecallCurve] = []
            for k in buckets {
                read.append(try Self.curve(&totals, &found, levels: levels, k: k, queries: queries))
            }
            kinds.append(Kind(kind, curves: read, reach: .init(usual: usual, farthest: farthest)))
        }
        self.init(checked: ladder, kinds)
    }

    private static func buckets(_ reader: ByteReader, _ count: Int) throws(BelfryError) -> [Int] {
        var (reader, buckets) = (reader, [Int]())
        for _ in 0..<count {
            let place = reader.location
            let k = Int(try reader.read(UInt32.self, "The k of a curve"))
            guard k > buckets.last ?? 0, k <= bucketLimit else {
                throw .corrupt("A curve for k \(k) is impossible here.", at: place)
            }
            buckets.append(k)
        }
        return buckets
    }

    private static func curve(
        _ totals: inout ByteReader, _ found: inout ByteReader, levels: Int, k: Int, queries: Int
    ) throws(BelfryError) -> RecallCurve {
        var read: [RecallCurve.Level] = []
        for _ in 0..<levels {
            let place = totals.location
            let level = try level(&totals, &found, k: k, queries: queries)
            guard level.losses <= read.last?.losses ?? .max, level.nearestMissed <= read.last?.nearestMissed ?? .max
            else {
                throw .corrupt("A more expensive level misses more than the one before it.", at: place)
            }
            read.append(level)
        }
        return RecallCurve(k: k, queries: queries, levels: read)
    }

    private static func level(
        _ totals: inout ByteReader, _ found: inout ByteReader, k: Int, queries: Int
    ) throws(BelfryError) -> RecallCurve.Level {
        let (place, row) = (totals.location, found.location)
        let losses = try totals.read(UInt64.self, "What was missed")
        let evaluations = try totals.read(UInt64.self, "The distances computed")
        let bytes = try totals.read(UInt64.self, "The bytes read")
        let nearestMissed = try totals.read(UInt32.self, "The queries that missed the nearest row")
        var counts: [UInt32] = []
        var sum = 0
        for _ in 0...RecallCurve.parts {
            counts.append(UInt32(try found.read(UInt16.self, "A count of queries")))
            sum += Int(counts.last!)
        }
        guard sum == queries else {
            throw .corrupt("The counts add up to \(sum) queries; there were \(queries).", at: row)
        }
        guard losses <= UInt64(k) * UInt64(queries), nearestMissed <= queries else {
            throw .corrupt("\(losses) neighbors missed, \(nearestMissed) times the nearest, are impossible.", at: place)
        }
        return RecallCurve.Level(
            found: counts, losses: losses, nearestMissed: nearestMissed, evaluations: evaluations, bytes: bytes)
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
