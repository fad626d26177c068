import Files
import Neighbors
import Shards

/// The folder of a segment that is being written: a builder fills it, and ``finish(_:ids:slots:queries:isFastest:)`` makes it one
/// that a catalogue can list.
struct SegmentFolder {
    private let number: Int
    private let space: String
    private let layout: CollectionLayout

    var path: String { layout.segment(number) }

    /// Makes the folder, empty: what an attempt that failed has left is removed.
    /// - Parameter space: the name of the space of its vectors.
    init(_ number: Int, of space: String = "", _ layout: CollectionLayout) throws(BelfryError) {
        (self.number, self.space, self.layout) = (number, space, layout)
        if System.exists(path) { try layout.removeSegment(number) }
        try System.createDirectory(path)
    }

    /// Adds which slot each row has, now that the rows are in the order of the index; makes all files survive a power cut;
    /// and says what the catalogue is to list.
    /// - Parameters:
    ///   - ids: those of the rows, in any order.
    ///   - slots: those of the ids.
    ///   - queries: those that it was calibrated on.
    ///   - isFastest: whether the kind was found to be the fastest on the data.
    func finish(
        _ kind: IndexKind, ids: [PointID], slots: [Slot], queries: [QuerySample] = [], isFastest: Bool = false
    ) throws(BelfryError) -> Catalogue.SegmentRow {
        let slotOfID = Dictionary(zip(ids, slots)) { first, _ in first }
        let rows = try IDsReader(SegmentPaths(path).ids)
        var ordered: [Slot] = []
        ordered.reserveCapacity(rows.count)
        for row in 0..<rows.count {
            guard let slot = slotOfID[try rows.id(row)] else { preconditionFailure("an id that was given") }
            ordered.append(slot)
        }
        try SlotsWriter.write(ordered, to: SegmentPaths(path).slots)
        let asked = try KeptQueries(writing: queries, to: path)
        for folder in [path, layout.segments] { try System.sync(folder) }
        var record = try SegmentRecord(of: path, kind, space: space, queries: asked)
        if isFastest, kind == .exact { record.scanIsFastest = true }
        return .init(number: number, rows: ordered.count, record: record.text)
    }
}
