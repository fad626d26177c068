import Files
import Foundation
import Neighbors
import Shards
import Synchronization
import Vectors

/// Several segments of a space on their way to one.
struct MergeJob: Sendable {
    private let base: CollectionBase
    private let sources: [LiveSegment]
    private let space: VectorSpace
    /// Which of their rows the catalogue knew to be dead when it began: those are left behind.
    private let dropped: [Int: RowSet]
    /// The number of the segment that it makes.
    let number: Int
    private let effort: Effort

    /// How much work a merge is worth.
    enum Effort {
        /// One thread, and the kind of index that the largest of the segments has: while writes and searches go on.
        case beside
        /// All threads, and where the collection does not say which, the index that is fastest on the data.
        case thorough
    }

    /// The numbers of the segments that go.
    var numbers: [Int] { sources.map(\.segment.number) }

    init(
        _ sources: [LiveSegment], _ recorded: [Int: RowSet], number: Int, _ effort: Effort, _ base: CollectionBase
    ) {
        (self.sources, self.number, self.effort, self.base) = (sources, number, effort, base)
        dropped = recorded
        space = base.configuration.spaces[sources[0].segment.space]
    }

    /// Builds a segment of all rows that are left; nil where none is. The vectors stay where they are, and are read when they
    /// are needed.
    func writeSegment() throws(BelfryError) -> Catalogue.SegmentRow? {
        let places = try alive()
        guard !places.isEmpty else { return nil }
        let folder = try SegmentFolder(number, of: space.name, base.layout)
        let (ids, slots) = (places.map(\.id), places.map(\.slot))
        switch space.kind {
        case .dense:
            let builder = try build(places, folder)
            return try folder.finish(builder.kind, ids: ids, slots: slots, queries: builder.queries)
        case .sparse:
            let vectors = sources.compactMap(\.segment.sparse?.vectors)
            try SparseSegment.write(folder.path) { append throws(BelfryError) in
                for place in places { try append(vectors[Int(place.shard)].row(Int(place.row)), place.id) }
            }
            return try folder.finish(.exact, ids: ids, slots: slots)
        case .multi:
            let vectors = sources.compactMap(\.segment.multi)
            try MultiSegment.write(folder.path, space) { append throws(BelfryError) in
                for place in places { try append(vectors[Int(place.shard)].vectors(Int(place.row)), place.id) }
            }
            return try folder.finish(.exact, ids: ids, slots: slots)
        }
    }

    /// Builds a segment of dense vectors.
    private func build(_ places: [SegmentRows.Place], _ folder: SegmentFolder) throws(BelfryError) -> SegmentBuilder {
        let rows = SegmentRows(
            places[...], of: sources.compactMap(\.segment.dense?.vectors), dimension: space.dimension)
        var builder = SegmentBuilder(
            metric: space.metric, kind: .exact, elementType: space.element,
            threads: effort == .thorough ? ProcessInfo.processInfo.activeProcessorCount : 1)
        builder.queries = try queries()
        let ids = { (row: Int) in places[row].id }
        if places.count < Self.fewestWithIndex.load(ordering: .relaxed) {
            try builder.build(rows, ids: ids, in: folder.path)
        } else if let kind = base.index.wanted ?? (effort == .beside ? usualKind : nil) {
            builder.kind = kind
            try builder.build(rows, ids: ids, in: folder.path)
        } else {
            builder.kind = try builder.buildFastest(
                rows, ids: ids, in: folder.path, recall: base.configuration.recall
            ).kind
        }
        return builder
    }

    /// What the largest of the segments has; a graph where that has no index.
    private var usualKind: IndexKind {
        let largest = sources.max { $0.segment.rows < $1.segment.rows }?.segment.record.kind ?? .exact
        return largest == .exact ? .hnsw : largest
    }

    /// A scan of fewer rows takes well under a millisecond. Tests want indexes of few rows.
    static let fewestWithIndex = Atomic(40_000)

    /// Where the rows are that are left.
    private func alive() throws(BelfryError) -> [SegmentRows.Place] {
        var places: [SegmentRows.Place] = []
        places.reserveCapacity(sources.reduce(0) { $0 + $1.segment.rows })
        for (index, source) in sources.enumerated() {
            let segment = source.segment
            let dead = dropped[segment.number]
            for row in 0..<segment.rows where dead?.contains(row) != true {
                places.append(
                    .init(
                        id: try segment.ids.id(row), shard: UInt32(index), row: UInt32(row),
                        slot: segment.slots.slot(row)))
            }
        }
        return places
    }

    /// Queries like those that the collection is asked: what the largest of the segments that know some was calibrated on.
    private func queries() throws(BelfryError) -> [QuerySample] {
        let known = sources.filter { $0.segment.record.queries != nil }.max { $0.segment.rows < $1.segment.rows }
        guard let segment = known?.segment, let queries = segment.record.queries else { return [] }
        return try queries.read(base.layout.segment(segment.number))
    }

    /// Lists the segment in the place of the others.
    /// - Parameter recorded: what the catalogue knows by now to be dead in them.
    func record(
        _ transaction: Catalogue.Transaction, _ row: Catalogue.SegmentRow?, _ dead: RowSet?
    ) throws {
        for number in numbers { try transaction.removeSegment(number) }
        if var row {
            row.dead = dead?.bytes ?? []
            try transaction.insert(row)
        }
        var state = try transaction.state()
        state.segments += (row == nil ? 0 : 1) - numbers.count
        try transaction.put(state)
    }

    /// Whether the catalogue has it: a transaction that failed at its very end may have been done after all.
    func isRecorded(_ catalogue: Catalogue) throws(BelfryError) -> Bool {
        try catalogue.read { transaction in
            let listed = Set(try transaction.segments().map(\.number))
            return listed.isDisjoint(with: numbers)
        }
    }

    /// The rows of the new segment whose rows in the old ones are dead by now.
    /// - Parameter dead: the dead rows of each of the old segments.
    func carried(_ dead: (Int) -> RowSet?, to segment: CollectionSegment) -> RowSet? {
        var carried = RowSet(capacity: segment.rows)
        for source in sources {
            let number = source.segment.number
            guard let dead = dead(number) else { continue }
            // The slot of a row that was left behind may have its vector in another one of the segments.
            for row in dead.listed where dropped[number]?.contains(Int(row)) != true {
                if let place = segment.slots.row(of: source.segment.slots.slot(Int(row))) { carried.insert(place) }
            }
        }
        return carried.count == 0 ? nil : carried
    }

    /// Puts the segment in the place of the others.
    func publish(_ core: inout Writer.Core, _ segment: CollectionSegment?, recorded: RowSet?) {
        let numbers = Set(numbers)
        let old = core.state.segments.filter { numbers.contains($0.segment.number) }
        core.state.segments.removeAll { numbers.contains($0.segment.number) }
        for number in numbers { core.recorded[number] = nil }
        if let segment {
            let dead = carried({ number in old.first { $0.segment.number == number }?.dead }, to: segment)
            core.state.segments.append(LiveSegment(segment: segment, dead: dead))
            core.recorded[segment.number] = recorded
        }
        core.state.plans = PlanCache()
    }
}
