public import Files
import Neighbors
public import Shards
import Synchronization
import Towers
import Vectors

/// An open collection: one directory with a catalogue, the segments it lists, and the tower that filled them.
///
/// 1. The configuration and the list of segments are read from the catalogue.
/// 2. Each segment's shard, codes, index and ids are mapped; little is read from them yet.
/// 3. If another collection was put in the place meanwhile, all of that is done again: parts never mix.
/// 4. A search goes through the segments at the recall that is asked for, merges the nearest, and fetches the payload of
///    those only.
///
/// An open collection does not change: it shows what was there when it was opened, even after a build has replaced it.
/// Opening and searching change nothing on disk, whatever lies there; what a crash left behind is removed by the next
/// writer. Building is ``BuildingDirectory``'s work. Safe to use from several threads.
public final class VectorCollection: Sendable {
    /// All that is read at open.
    private struct Parts {
        let catalogue: Catalogue
        let configuration: CollectionConfiguration
        let index: IndexRecord
        let segments: [CollectionSegment]
    }

    /// What the catalogue says of the collection.
    private struct Listing {
        let configuration: CollectionConfiguration
        let index: IndexRecord
        let rows: [Catalogue.SegmentRow]
    }

    /// The collection's directory.
    public var path: String { layout.path }
    /// What the collection is.
    public let configuration: CollectionConfiguration
    /// How many points it holds.
    public var count: Int { configuration.points }

    let layout: CollectionLayout
    let catalogue: Catalogue
    let index: IndexRecord
    let segments: [CollectionSegment]
    /// What the expected recall was measured on.
    package let calibrationSource: CalibrationSource
    /// What was loaded and found when it was first asked for.
    let loadedTowers = Mutex<TowerPair?>(nil)
    let filters = Mutex<[[PayloadCondition]: PointSet]>([:])
    let plans = Mutex<[SearchPlan.Key: SearchPlan]>([:])
    private let identity: FileIdentity?

    /// Opens the collection at `path`: a `.belfry` directory.
    /// - Throws: `notFound` where nothing is built yet, `corruptData` with file and place.
    public init(_ path: String) throws(BelfryError) {
        layout = CollectionLayout(path: path)
        while true {
            let identity = FileIdentity(layout.path)
            let parts: Parts?
            do throws(BelfryError) {
                parts = try Self.open(layout)
            } catch {
                guard FileIdentity(layout.path) != identity else { throw error }
                parts = nil
            }
            if let parts, FileIdentity(layout.path) == identity {
                (catalogue, configuration) = (parts.catalogue, parts.configuration)
                (index, segments) = (parts.index, parts.segments)
                calibrationSource = CalibrationSource(segments.first?.index.calibration, index.queries)
                self.identity = identity
                return
            }
        }
    }

    /// Whether the directory is still the one that was opened, and not one that a build has put in its place.
    var isInPlace: Bool { FileIdentity(layout.path) == identity }

    /// Changes which payload fields a table of answers shows, and the recall of searches that do not name their own.
    /// - Parameter note: hears what was removed that a killed writer had left.
    package func change(
        show fields: [String], recall: Double, note: (String) -> Void = { _ in }
    ) throws(BelfryError) {
        guard let lock = try WriterLock(layout.lock) else {
            throw BelfryError(.conflict, "Another process is writing to the collection.", at: .init(file: path))
        }
        defer { withExtendedLifetime(lock) {} }
        try layout.sweep(segments: segments.map(\.number), files: Set(index.files), note: note)
        var changed = configuration
        (changed.show, changed.recall) = (fields, recall)
        let catalogue = try Catalogue(layout.catalogue, .create)
        try catalogue.write { try $0.put("collection", changed) }
        try catalogue.close()
    }

    private static func open(_ layout: CollectionLayout) throws(BelfryError) -> Parts {
        let catalogue = try Catalogue(layout.catalogue, .read)
        let listing = try listing(catalogue, layout)
        var segments: [CollectionSegment] = []
        for row in listing.rows {
            segments.append(
                try CollectionSegment(row.number, rows: row.rows, layout, listing.index, listing.configuration))
        }
        return Parts(
            catalogue: catalogue, configuration: listing.configuration, index: listing.index, segments: segments)
    }

    /// The configuration and the segments, where they agree with each other.
    private static func listing(
        _ catalogue: Catalogue, _ layout: CollectionLayout
    ) throws(BelfryError) -> Listing {
        let place = BelfryError.Location(file: layout.catalogue)
        let format = try catalogue.read { try $0.document("collection", as: Format.self)?.format }
        guard let format else {
            throw BelfryError(
                .notFound, "The build of this collection has not finished.", at: place,
                remedy: "Run the build again: it goes on from where it stopped.")
        }
        let current = CollectionConfiguration.currentFormat
        guard format == current else {
            throw BelfryError(
                .unsupported, "The collection has format \(format); this belfry reads format \(current).",
                at: place,
                remedy: format > current
                    ? "Use a newer belfry." : "Build it again: \(.build(recipe: nil, replacing: true)).")
        }
        let (configuration, index, rows) = try catalogue.read { transaction in
            (
                try transaction.document("collection", as: CollectionConfiguration.self),
                try transaction.document("index", as: IndexRecord.self), try transaction.segments()
            )
        }
        guard let configuration, let index else {
            throw .corrupt("The catalogue does not say how the collection is indexed.", at: place)
        }
        let points = rows.reduce(0) { $0 + $1.rows }
        guard rows.count == configuration.segments, points == configuration.points else {
            throw .corrupt(
                "The catalogue lists \(rows.count) segments with \(points) points; it should list "
                    + "\(configuration.segments) with \(configuration.points).", at: place)
        }
        return Listing(configuration: configuration, index: index, rows: rows)
    }

    /// The part of the configuration that every format has.
    private struct Format: Decodable { var format: Int }
}

extension VectorCollection {
    /// A point as its catalogue row and its vector describe it.
    public struct Point: Sendable {
        /// The id.
        public let id: PointID
        /// The id as the rows wrote it, where that is neither a number nor a UUID.
        public let key: String?
        /// The payload: a JSON object.
        public let payload: JSON
        /// Where its vector lies.
        package let place: PointPlace
        /// The vector as stored, widened to f32.
        public let vector: [Float]
    }

    /// The point that `text` names: a number, a UUID, or the key that the rows gave it.
    /// - Throws: `notFound`, `corruptData`.
    public func point(_ text: String) throws(BelfryError) -> Point {
        let name = PointName(text)
        guard let row = try catalogue.read({ try $0.point(name.id) }) else {
            throw BelfryError(
                .notFound, "There is no point \(text.debugDescription) in the collection.", at: .init(file: path),
                remedy: suggestion(forPoint: text))
        }
        let segment = try segment(row.segment, row: row.row, of: "Point \(text.debugDescription)")
        return Point(
            id: row.id, key: row.key, payload: try StoredPoint(row, catalogue).payload(),
            place: PointPlace(segment: row.segment, row: row.row),
            vector: try segment.vectors.row(row.row))
    }
}
