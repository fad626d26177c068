import Files
import Foundation
import Neighbors
import Synchronization
import Vectors

/// How much faster writers are than merges: those who write must wait for it, for searches would.
///
/// - Segments without an index, whose copies are behind: writers wait for the copies. That takes seconds at the most.
/// - Rows that no index finds: a search looks at each of them. Up to half a gigabyte of codes, about 50 ms of one core, a
///   burst goes on undisturbed. From there on every batch waits, the longer the more there are of them, and at three times as
///   many no more is taken than is indexed.
struct BackPressure {
    /// Segments without an index of one kind of vector, that are in no merge.
    var segments = 0
    /// Bytes of their codes, and of those that are in a merge.
    var scanned = 0

    /// Above so many segments writers wait.
    static let mostSegments = 2 * MergePolicy.limit
    /// From so many bytes on they are slowed down.
    static let slowing = 512 << 20
    /// With so many, they write as fast as an index grows.
    static let most = 3 * slowing

    var mustWait: Bool { segments > Self.mostSegments }
    var slows: Bool { scanned > Self.slowing }

    /// How long a writer of so many rows is to wait.
    /// - Parameter pace: what indexing takes for a row.
    func pause(rows: Int, pace: Duration) -> Duration {
        let share = Double(scanned - Self.slowing) / Double(Self.most - Self.slowing)
        return .seconds(min(1, max(0, min(share, 2)) * (pace / .seconds(1)) * Double(rows)))
    }
}

extension BackPressure {
    /// That of a space.
    /// - Parameter busy: the segments that are being merged.
    init(_ segments: [LiveSegment], of space: VectorSpace, _ wanted: IndexKind?, busy: Set<Int>) {
        var rows = 0
        for live in segments where !live.segment.record.isIndexed {
            rows += live.segment.rows
            if !busy.contains(live.segment.number) { self.segments += 1 }
        }
        let isIndexed =
            space.kind == .dense
            && MergeJob.wantsIndex(rows: rows, dimension: space.dimension, metric: space.metric, wanted)
        scanned = isIndexed ? rows * space.dimension : 0
    }
}

extension Maintenance {
    /// Lets merges catch up, on the writers' thread.
    func holdBack(_ writer: Writer, after batches: [WriteBatch]) {
        guard !mergesLater.load(ordering: .relaxed) else { return }
        let state = writer.core.withLock { $0.state }
        let busy = mergesUnderWay.withLock { Set($0.flatMap { $0.sources.map(\.number) }) }
        for (place, space) in state.base.configuration.spaces.enumerated() {
            let pressure = BackPressure(
                state.segments.filter { $0.segment.space == place }, of: space, state.base.index.wanted, busy: busy)
            // Where copies fail, for want of room or of a readable segment, they are over at once.
            if pressure.mustWait { copying.wait() }
            guard pressure.slows else { continue }
            let rows = batches.reduce(0) { $0 + ((try? $1.vectors(for: state.base)[place].vectors) ?? 0) }
            let pause = pressure.pause(rows: rows, pace: indexingPace.withLock { $0 })
            if pause > .zero, isOpen(writer) { Thread.sleep(forTimeInterval: pause / .seconds(1)) }
        }
    }
}
