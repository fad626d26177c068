import Files
import Neighbors
import Shards

/// The folder of a segment that is being written.
struct SegmentFolder {
    private let number: Int
    private let layout: CollectionLayout

    var path: String { layout.segment(number) }

    /// Makes the folder, empty: what an attempt that failed has left is removed.
    init(_ number: Int, _ base: CollectionBase) throws(BelfryError) {
        (self.number, layout) = (number, base.layout)
        if System.exists(path) { try layout.removeSegment(number) }
        try System.createDirectory(path)
    }

    /// Adds the slots, makes all files survive a power cut, and says what the catalogue is to list.
    /// - Parameter queries: those that it was calibrated on.
    func finish(
        _ kind: IndexKind, slots: [Slot], queries: [QuerySample] = []
    ) throws(BelfryError) -> Catalogue.SegmentRow {
        try SlotsWriter.write(slots, to: SegmentPaths(path).slots)
        let asked = try KeptQueries(writing: queries, to: path)
        for folder in [path, layout.segments] { try System.sync(folder) }
        return .init(number: number, rows: slots.count, record: try SegmentRecord(of: path, kind, queries: asked).text)
    }
}
