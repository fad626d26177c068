package import Files
package import Neighbors
import Shards
package import Vectors

/// Which index a build makes, and what is random in it.
package struct IndexPlan: Sendable {
    /// What is asked for, in words: an index that was made for the same request is not made again.
    package var request: String
    /// The kind of index; nil for the one that is fastest on the data.
    package var kind: IndexKind?
    /// How vectors are compared.
    package var metric: Metric
    /// How vectors are stored.
    package var element: ElementType
    /// The recall at which the fastest is wanted; nil for the best that one has in about a millisecond.
    package var recall: Double?
    /// What all that is random starts from.
    package var seed: UInt64
    /// How many threads build.
    package var threads: Int
    /// What may be held in memory: more rows than fit become several segments.
    package var memory: MemoryBudget
    /// Bytes that are in memory beside the build.
    package var beside: Int

    /// A plan.
    package init(
        request: String, kind: IndexKind?, metric: Metric, element: ElementType, recall: Double?, seed: UInt64,
        threads: Int, memory: MemoryBudget, beside: Int
    ) {
        (self.request, self.kind, self.metric, self.element) = (request, kind, metric, element)
        (self.recall, self.seed, self.threads) = (recall, seed, threads)
        (self.memory, self.beside) = (memory, beside)
    }
}

/// Queries that an index is calibrated on, and how many of those that were named could be used.
package typealias CalibrationQueries = (samples: [QuerySample], named: IndexRecord.Queries?)

extension BuildingDirectory {
    /// Builds segments with an index out of all segments that are there, and puts them in their place: one, or as few as fit
    /// into the memory that there is.
    ///
    /// 1. Where every row is, is sorted by the points' ids: the new files depend on the data and on the limit, and not on
    ///    where the embedding was interrupted. The vectors stay where they are, and are read when they are needed.
    /// 2. The rows are cut into stretches of about equal length. Each becomes a segment with an index of its own, which keeps
    ///    the target by itself: so all of them keep it together.
    /// 3. The files of the new segments are on disk before one transaction lists them instead of the others.
    /// 4. The old segments are removed.
    ///
    /// A build that finds this done for the same request leaves it; for another one, it begins with the segments that are
    /// there.
    /// - Parameter queries: makes the queries that the index is calibrated on; nil for rows of the data alone. It is asked
    ///   only if there is an index to build.
    package func index(
        _ plan: IndexPlan,
        queries: (_ rows: Int, _ dimension: Int) throws(BelfryError) -> CalibrationQueries?,
        progress: @escaping @Sendable (_ stage: String, _ done: Int, _ total: Int) -> Void
    ) throws(BelfryError) {
        let found = try catalogue.read { try $0.document("index", as: IndexRecord.self) }
        guard found?.request != plan.request else { return }
        let (places, shards) = try placesInOrder()
        let dimension = shards.first?.dimension ?? 0
        let most = try plan.memory.segmentRows(
            SegmentMemory(dimension: dimension, metric: plan.metric, kind: plan.kind), of: places.count,
            beside: plan.beside)
        let parts = EqualParts.of(places.count, most: most)

        let first = (segments.last?.number ?? 0) + 1
        var builder = SegmentBuilder(
            metric: plan.metric, kind: plan.kind ?? .exact, elementType: plan.element, seed: plan.seed,
            threads: plan.threads)
        var calibration: CalibrationQueries?
        var (choice, standard): (IndexChoice?, (recall: Double, reason: String)?)
        var made: [Catalogue.SegmentRow] = []
        for (part, range) in parts.enumerated() {
            let folder = try SegmentFolder(first + part, layout)
            if part == 0 {
                CrashPoint.indexBegun.reach()
                calibration = try queries(places.count, dimension)
                builder.queries = calibration?.samples ?? []
            }
            builder.progress = Self.told(progress, part, of: parts.count)
            let rows = SegmentRows(places[range], of: shards, dimension: dimension)
            let ids = { (row: Int) in rows.place(row).id }
            if plan.kind == nil, part == 0 {
                choice = try builder.buildFastest(rows, ids: ids, in: folder.path, recall: plan.recall)
                // What is fastest on one stretch is so on the next.
                builder.kind = choice?.kind ?? .exact
            } else {
                try builder.build(rows, ids: ids, in: folder.path)
            }
            made.append(
                try folder.finish(
                    builder.kind, ids: rows.places.map(\.id), slots: rows.places.map(\.slot), queries: builder.queries,
                    isFastest: plan.kind == nil))
            let own = DefaultRecall.recall(of: try SegmentIndex(folder.path, metric: plan.metric))
            if own.recall < standard?.recall ?? 2 { standard = own }
        }
        CrashPoint.indexBuilt.reach()

        let record = IndexRecord(
            request: plan.request, wanted: plan.kind, choice: choice, queries: calibration?.named,
            recall: choice?.recall ?? standard?.recall ?? 1,
            recallReason: choice?.recallReason ?? standard?.reason ?? "there is nothing to find")
        try replaceSegments(with: made, record)
    }

    /// What is told of a stage, with the segment that it is of where there are several.
    private static func told(
        _ progress: @escaping @Sendable (String, Int, Int) -> Void, _ part: Int, of parts: Int
    ) -> @Sendable (String, Int, Int) -> Void {
        guard parts > 1 else { return progress }
        return { stage, done, total in progress("\(stage), segment \(part + 1) of \(parts)", done, total) }
    }

    /// Where all vectors are, by growing id.
    private func placesInOrder() throws(BelfryError) -> ([SegmentRows.Place], [ShardReader]) {
        var places: [SegmentRows.Place] = []
        places.reserveCapacity(finishedRows)
        var shards: [ShardReader] = []
        for (index, segment) in segments.enumerated() {
            shards.append(try ShardReader(layout.vectors(segment.number)))
            let ids = try IDsReader(layout.ids(segment.number))
            let slots = try SegmentSlots(of: segment, layout)
            for row in 0..<segment.rows {
                places.append(
                    .init(id: try ids.id(row), shard: UInt32(index), row: UInt32(row), slot: slots.slot(row)))
            }
        }
        places.sort { $0.id < $1.id }
        return (places, shards)
    }

    private func replaceSegments(
        with made: [Catalogue.SegmentRow], _ record: IndexRecord
    ) throws(BelfryError) {
        try catalogue.write { transaction in
            try transaction.removeSegments()
            for segment in made { try transaction.insert(segment) }
            try transaction.put("index", record)
        }
        CrashPoint.indexListed.reach()
        for old in segments { try layout.removeSegment(old.number) }
        segments = made
        try System.sync(layout.segments)
        CrashPoint.smallSegmentsRemoved.reach()
    }
}
