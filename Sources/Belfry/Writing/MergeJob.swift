import Files
import Foundation
import Neighbors
import Shards
import Synchronization
import Vectors

/// Several segments on their way to one.
struct MergeJob: Sendable {
    private let base: CollectionBase
    private let sources: [LiveSegment]
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
    }

    /// Reads all rows that are left, and builds a segment of them; nil where none is.
    func writeSegment() throws(BelfryError) -> Catalogue.SegmentRow? {
        let (rows, ids, slots) = try read()
        guard rows.rows > 0 else { return nil }
        let folder = try SegmentFolder(number, base.layout)
        let configuration = base.configuration
        var builder = SegmentBuilder(
            metric: configuration.metric, kind: .exact, elementType: configuration.element,
            threads: effort == .thorough ? ProcessInfo.processInfo.activeProcessorCount : 1)
        builder.queries = try queries()
        if rows.rows < Self.fewestWithIndex.load(ordering: .relaxed) {
            try builder.build(rows, ids: { ids[$0] }, in: folder.path)
        } else if let kind = base.index.wanted ?? (effort == .beside ? usualKind : nil) {
            builder.kind = kind
            try builder.build(rows, ids: { ids[$0] }, in: folder.path)
        } else {
            builder.kind = try builder.buildFastest(
                rows, ids: { ids[$0] }, in: folder.path, recall: configuration.recall
            ).kind
        }
        return try folder.finish(builder.kind, ids: ids, slots: slots, queries: builder.queries)
    }

    /// What the largest of the segments has; a graph where that has no index.
    private var usualKind: IndexKind {
        let largest = sources.max { $0.segment.rows < $1.segment.rows }?.segment.index.kind ?? .exact
        return largest == .exact ? .hnsw : largest
    }

    /// A scan of fewer rows takes well under a millisecond. Tests want indexes of few rows.
    static let fewestWithIndex = Atomic(40_000)

    private func read() throws(BelfryError) -> (Matrix, [PointID], [Slot]) {
        let alive = sources.map { source in
            (0..<source.segment.rows).filter { dropped[source.segment.number]?.contains($0) != true }
        }
        let rows = Matrix(rows: alive.reduce(0) { $0 + $1.count }, columns: base.configuration.dimension)
        var (ids, slots) = ([PointID](), [Slot]())
        for (source, alive) in zip(sources, alive) {
            let segment = source.segment
            // A block of the shard at a time.
            var (start, first) = (0, 0)
            while start < alive.count {
                first = alive[start]
                let end = alive[start...].prefix { $0 < first + 4_096 }.endIndex
                let block = try segment.vectors.rows(first..<alive[end - 1] + 1)
                for row in alive[start..<end] {
                    _ = rows.row(ids.count).update(fromContentsOf: block.row(row - first))
                    ids.append(try segment.ids.id(row))
                    slots.append(segment.slots.slot(row))
                }
                start = end
            }
        }
        return (rows, ids, slots)
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
