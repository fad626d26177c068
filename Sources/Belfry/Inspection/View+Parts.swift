import Shards

// What a view consists of, for whoever watches over a collection.
extension View {
    /// A segment, or a table that will be one.
    package struct Part: Sendable {
        /// The segment's number, or the one that it will have.
        package let number: Int
        /// The place of the space whose vectors it has.
        package let space: Int
        /// How many of its vectors are a point's.
        package let vectors: Int
        /// Whether it is in memory, and in the log, alone.
        package let isPending: Bool
        /// Whether it stays as it is until more is written: it has an index, or is so small that a scan is faster.
        package let isSettled: Bool
    }

    /// The segments, and the tables that have vectors.
    package var parts: [Part] {
        var parts = segments.map { live in
            Part(
                number: live.segment.number, space: live.segment.space, vectors: live.count, isPending: false,
                isSettled: !MergeJob.wantsIndex(live.segment, base.index.wanted))
        }
        for points in pending {
            for (place, table) in points.vectors.enumerated() where table.liveRows > 0 {
                let space = configuration.spaces[place]
                let wantsIndex =
                    space.kind == .dense
                    && MergeJob.wantsIndex(
                        rows: table.liveRows, dimension: space.dimension, metric: space.metric, base.index.wanted)
                parts.append(
                    Part(
                        number: table.number, space: place, vectors: table.liveRows, isPending: true,
                        isSettled: !wantsIndex))
            }
        }
        return parts
    }

    /// How many points were written, or deleted, that are not in the catalogue and its segments yet.
    package var pendingPoints: Int { pending.reduce(0) { $0 + $1.count } }
}
