import Files
import Neighbors
import Shards
import Vectors

/// One immutable segment of a space: a row for each vector.
struct CollectionSegment: Sendable {
    let number: Int
    /// The place of its space in the collection's configuration.
    let space: Int
    let record: SegmentRecord
    let content: Content
    let ids: IDsReader
    let slots: SegmentSlots
    var rows: Int { ids.count }

    /// What is searched.
    enum Content: Sendable {
        case dense(DenseSegment)
        case sparse(SparseSegment)
        case multi(MultiSegment)
    }

    /// Its vectors, where they are dense.
    var dense: DenseSegment? { if case .dense(let segment) = content { segment } else { nil } }

    /// Its vectors, where each point has several.
    var multi: MultiSegment? { if case .multi(let segment) = content { segment } else { nil } }

    /// Its vectors, where they are sparse.
    var sparse: SparseSegment? { if case .sparse(let segment) = content { segment } else { nil } }

    /// Opens the files of a segment, which must be what the catalogue says of them.
    /// - Parameter rows: how many rows it lists.
    init(
        _ number: Int, rows listed: Int, _ record: SegmentRecord, _ layout: CollectionLayout,
        _ configuration: CollectionConfiguration
    ) throws(BelfryError) {
        let folder = layout.segment(number)
        space = try record.place(in: configuration, layout)
        for name in record.files {
            if System.isMissing("\(folder)/\(name)") {
                throw .listedAndMissing("\(folder)/\(name)")
            }
            if let problem = try record.problem(with: name, in: folder) { throw problem }
        }
        ids = try IDsReader(layout.ids(number))
        slots = try SegmentSlots(record, rows: listed, folder)
        var counts = [(ids.count, layout.ids(number)), (slots.count, SegmentPaths(folder).slots)]
        switch configuration.spaces[space].kind {
        case .dense:
            let segment = try DenseSegment(folder, record, configuration.spaces[space])
            content = .dense(segment)
            counts.append((segment.rows, layout.vectors(number)))
        case .sparse:
            let segment = try SparseSegment(folder)
            content = .sparse(segment)
            counts.append((segment.rows, SegmentPaths(folder).sparse))
        case .multi:
            let segment = try MultiSegment(folder, configuration.spaces[space])
            content = .multi(segment)
            counts.append((segment.rows, SegmentPaths(folder).bounds))
        }
        for (rows, file) in counts {
            guard rows == listed else {
                throw .corrupt("The file has \(rows) rows; the catalogue lists \(listed).", at: .init(file: file))
            }
        }
        (self.number, self.record) = (number, record)
    }

    /// The vector of a row.
    func vector(_ row: Int) throws(BelfryError) -> PointVector {
        switch content {
        case .dense(let segment): .dense(try segment.vectors.row(row))
        case .sparse(let segment): .sparse(try segment.vectors.row(row))
        case .multi(let segment): .multi(try segment.vectors(row))
        }
    }

    /// What is wrong with its files that no checksum shows.
    func problems() throws(BelfryError) -> [BelfryError] {
        switch content {
        case .dense(let segment): try segment.problems()
        case .sparse(let segment): segment.postings.check(against: segment.vectors)
        case .multi: []
        }
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
