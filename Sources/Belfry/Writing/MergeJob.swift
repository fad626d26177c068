import Files
import Foundation
import Neighbors
import Shards
import Synchronization
import Vectors

/// A merge that is under way.
package struct MergeStatus: Sendable {
    /// The segments that become one: their numbers, and how many of their vectors are a point's.
    package let sources: [(number: Int, vectors: Int)]
    /// The number of the one that they become.
    package let number: Int
    /// How many rows they have.
    package let rows: Int
    package let began: ContinuousClock.Instant
}

/// Several segments of a space on their way to one.
struct MergeJob: Sendable {
    private let base: CollectionBase
    private let sources: [LiveSegment]
    private let space: VectorSpace
    /// Which of their rows the catalogue knew to be dead when it began: those are left behind.
    private let dropped: [Int: RowSet]
    /// The number of the segment that it makes.
    let number: Int
    let effort: Effort

    /// How much work a merge is worth.
    enum Effort {
        /// No index.
        case copy
        /// One thread, and the kind of index that the largest of the segments has: while writes and searches go on.
        case beside
        /// All threads, and where the collection does not say which, the index that is fastest on the data.
        case thorough
    }

    /// The numbers of the segments that go.
    var numbers: [Int] { sources.map(\.segment.number) }

    init(
        _ sources: [LiveSegment], of space: VectorSpace, _ recorded: [Int: RowSet], number: Int, _ effort: Effort,
        _ base: CollectionBase
    ) {
        (self.sources, self.space, self.number, self.effort, self.base) = (sources, space, number, effort, base)
        dropped = recorded
    }

    /// What is told of it while it is under way.
    var status: MergeStatus {
        MergeStatus(
            sources: sources.map { ($0.segment.number, $0.count) }, number: number,
            rows: sources.reduce(0) { $0 + $1.segment.rows }, began: .now)
    }

    /// Builds a segment of all rows that are left; nil where none is.
    func writeSegment() throws(BelfryError) -> Catalogue.SegmentRow? {
        let places = try alive()
        guard !places.isEmpty else { return nil }
        var segment = GatheredSegment(
            number: number, space: space, layout: base.layout, source: .init(sources, space.kind))
        guard space.kind == .dense else { return try segment.write(places) }
        segment.queries = try sources.keptQueries(base.layout)
        segment.threads = effort == .thorough ? ProcessInfo.processInfo.activeProcessorCount : 1
        if effort == .copy || !space.metric.isIndexed || places.count < Self.fewestWithIndex.load(ordering: .relaxed) {
            segment.index = .kind(.exact)
        } else if let kind = base.index.wanted {
            segment.index = .kind(kind)
        } else {
            segment.index =
                effort == .beside ? usualIndex(places.count) : .fastest(recall: base.configuration.recall)
        }
        return try segment.write(places)
    }

    /// What the largest of the segments has; a graph where that has no index, unless a scan was measured to be faster and
    /// there are not many more rows now.
    private func usualIndex(_ rows: Int) -> GatheredSegment.Index {
        guard let largest = sources.max(by: { $0.segment.rows < $1.segment.rows })?.segment else {
            return .kind(.exact)
        }
        return Self.usualIndex(rows, like: largest.record, rows: largest.rows)
    }

    static func usualIndex(_ rows: Int, like largest: SegmentRecord, rows before: Int) -> GatheredSegment.Index {
        if largest.kind != .exact { return .kind(largest.kind) }
        return largest.scanIsFastest == true && rows <= 2 * before ? .fastestIsScan : .kind(.hnsw)
    }

    /// A scan of fewer rows takes well under a millisecond. Tests want indexes of few rows.
    static let fewestWithIndex = Atomic(40_000)

    /// Whether a segment has no index, and a search through all of its rows takes long.
    static func wantsIndex(_ segment: CollectionSegment, _ wanted: IndexKind?) -> Bool {
        guard let dense = segment.dense else { return false }
        return wantsIndex(
            segment.record, rows: segment.rows, dimension: dense.vectors.dimension, metric: dense.index.metric, wanted)
    }

    static func wantsIndex(
        _ record: SegmentRecord, rows: Int, dimension: Int, metric: Metric, _ wanted: IndexKind?
    ) -> Bool {
        !record.isIndexed
            && wantsIndex(rows: rows, dimension: dimension, metric: metric, wanted)
    }

    /// Whether a search through so many rows takes long, and an index may be built for them.
    static func wantsIndex(rows: Int, dimension: Int, metric: Metric, _ wanted: IndexKind?) -> Bool {
        metric.isIndexed && wanted != .exact && rows >= fewestWithIndex.load(ordering: .relaxed)
            && !DefaultRecall.scans(rows: rows, bytesPerRow: dimension)
    }

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
