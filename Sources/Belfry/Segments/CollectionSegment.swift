import Files
import Neighbors
import Shards
import Vectors

/// One immutable segment.
struct CollectionSegment: Sendable {
    let number: Int
    /// The place of its space in the collection's configuration.
    let space: Int
    let record: SegmentRecord
    let index: SegmentIndex
    let ids: IDsReader
    let slots: SegmentSlots
    /// Searchers are expensive to make, and one serves one thread at a time.
    let searchers: Pool<SegmentSearcher>
    var vectors: ShardReader { index.shard }
    var rows: Int { vectors.rowCount }

    /// Opens the files of a segment, which must be what the catalogue says of them.
    /// - Parameter rows: how many rows it lists.
    init(
        _ number: Int, rows listed: Int, _ record: SegmentRecord, _ layout: CollectionLayout,
        _ configuration: CollectionConfiguration
    ) throws(BelfryError) {
        let folder = layout.segment(number)
        space = try record.place(in: configuration, layout)
        let own = configuration.spaces[space]
        for name in record.files {
            if System.isMissing("\(folder)/\(name)") {
                throw .corrupt(
                    "The catalogue lists this file, and it is not there.", at: .init(file: "\(folder)/\(name)"))
            }
            if let problem = try record.problem(with: name, in: folder) { throw problem }
        }
        let index = try SegmentIndex(folder, metric: own.metric, files: Set(record.files))
        let (vectors, ids) = (index.shard, try IDsReader(layout.ids(number)))
        guard index.kind == record.kind else {
            throw .corrupt(
                "The segment has the index \(index.kind.rawValue); the catalogue says \(record.kind.rawValue).",
                at: .init(file: folder))
        }
        guard vectors.dimension == own.dimension, vectors.elementType == own.element else {
            throw .corrupt(
                "The shard holds \(vectors.elementType) vectors of \(vectors.dimension) components; the collection's "
                    + "\(own.title) are \(own.element) of \(own.dimension).",
                at: .init(file: layout.vectors(number)))
        }
        let slots = try SegmentSlots(record, rows: listed, folder)
        let counts = [
            (vectors.rowCount, layout.vectors(number)), (ids.count, layout.ids(number)),
            (slots.count, SegmentPaths(folder).slots),
        ]
        for (rows, file) in counts {
            guard rows == listed else {
                throw .corrupt("The file has \(rows) rows; the catalogue lists \(listed).", at: .init(file: file))
            }
        }
        (self.number, self.record, self.index, self.ids, self.slots) = (number, record, index, ids, slots)
        searchers = Pool { index.makeSearcher() }
    }
}

/// Which slot each row of a segment has.
enum SegmentSlots: Sendable {
    /// The rows' slots follow one another.
    case consecutive(from: Slot, count: Int)
    case listed(SlotsReader)

    /// How many rows there are.
    var count: Int {
        switch self {
        case .consecutive(_, let count): count
        case .listed(let reader): reader.count
        }
    }

    /// The slot of a row.
    func slot(_ row: Int) -> Slot {
        switch self {
        case .consecutive(let first, _): first + Slot(row)
        case .listed(let reader): reader.slot(row)
        }
    }

    /// The row of a slot; nil where none has it.
    func row(of slot: Slot) -> Int? {
        switch self {
        case .consecutive(let first, let count):
            slot >= first && Int(slot - first) < count ? Int(slot - first) : nil
        case .listed(let reader): reader.row(of: slot)
        }
    }
}

extension SegmentSlots {
    /// The slots of a segment's rows, as its record says them.
    init(_ record: SegmentRecord, rows: Int, _ folder: String) throws(BelfryError) {
        guard let first = record.firstSlot else {
            self = .listed(try SlotsReader(SegmentPaths(folder).slots))
            return
        }
        guard Int(first) + rows <= Int(Slot.max) else {
            throw .corrupt("The segment's slots begin with \(first), and are too many.", at: .init(file: folder))
        }
        self = .consecutive(from: first, count: rows)
    }

    init(of segment: Catalogue.SegmentRow, _ layout: CollectionLayout) throws(BelfryError) {
        try self.init(SegmentRecord(segment, layout), rows: segment.rows, layout.segment(segment.number))
    }
}
