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

    /// A plan.
    package init(
        request: String, kind: IndexKind?, metric: Metric, element: ElementType, recall: Double?, seed: UInt64,
        threads: Int
    ) {
        (self.request, self.kind, self.metric, self.element) = (request, kind, metric, element)
        (self.recall, self.seed, self.threads) = (recall, seed, threads)
    }
}

/// Queries that an index is calibrated on, and how many of those that were named could be used.
package typealias CalibrationQueries = (samples: [QuerySample], named: IndexRecord.Queries?)

extension BuildingDirectory {
    /// Builds one segment with an index out of all segments that are there, and puts it in their place.
    ///
    /// 1. All vectors are read back into memory, in the order of their points' ids: the new files depend on the data, and
    ///    not on where the embedding was interrupted.
    /// 2. The files of the new segment are on disk before one transaction lists it instead of the others.
    /// 3. The old segments are removed.
    ///
    /// A build that finds this done for the same request leaves it; for another one, it begins with the segment that is
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
        let (rows, ids, slots) = try rowsInOrder()

        let folder = try SegmentFolder((segments.last?.number ?? 0) + 1, layout)
        CrashPoint.indexBegun.reach()
        var builder = SegmentBuilder(
            metric: plan.metric, kind: plan.kind ?? .exact, elementType: plan.element, seed: plan.seed,
            threads: plan.threads, progress: progress)
        let calibration = try queries(rows.rows, rows.columns)
        builder.queries = calibration?.samples ?? []
        var choice: IndexChoice?
        if plan.kind == nil {
            choice = try builder.buildFastest(rows, ids: { ids[$0] }, in: folder.path, recall: plan.recall)
        } else {
            try builder.build(rows, ids: { ids[$0] }, in: folder.path)
        }
        let segment = try folder.finish(
            choice?.kind ?? builder.kind, ids: ids, slots: slots, queries: builder.queries)
        CrashPoint.indexBuilt.reach()

        let standard = DefaultRecall.recall(of: try SegmentIndex(folder.path, metric: plan.metric))
        let record = IndexRecord(
            request: plan.request, wanted: plan.kind, choice: choice, queries: calibration?.named,
            recall: choice?.recall ?? standard.recall, recallReason: choice?.recallReason ?? standard.reason)
        try replaceSegments(with: segment, record)
    }

    /// All vectors, widened to f32, whose they are and their slots, by growing id.
    private func rowsInOrder() throws(BelfryError) -> (Matrix, [PointID], [Slot]) {
        var places: [(id: PointID, segment: Int, row: Int, slot: Slot)] = []
        var shards: [ShardReader] = []
        for (index, segment) in segments.enumerated() {
            shards.append(try ShardReader(layout.vectors(segment.number)))
            let ids = try IDsReader(layout.ids(segment.number))
            let slots = try SegmentSlots(of: segment, layout)
            for row in 0..<segment.rows { places.append((try ids.id(row), index, row, slots.slot(row))) }
        }
        places.sort { $0.id < $1.id }
        var targets = segments.map { [Int](repeating: 0, count: $0.rows) }
        for (target, place) in places.enumerated() { targets[place.segment][place.row] = target }
        let rows = Matrix(rows: places.count, columns: shards.first?.dimension ?? 0)
        for (shard, targets) in zip(shards, targets) {
            let vectors = try shard.rows(0..<targets.count)
            for (row, target) in targets.enumerated() { _ = rows.row(target).update(fromContentsOf: vectors.row(row)) }
        }
        return (rows, places.map(\.id), places.map(\.slot))
    }

    private func replaceSegments(with new: Catalogue.SegmentRow, _ record: IndexRecord) throws(BelfryError) {
        try catalogue.write { transaction in
            try transaction.removeSegments()
            try transaction.insert(new)
            try transaction.put("index", record)
        }
        CrashPoint.indexListed.reach()
        for old in segments { try layout.removeSegment(old.number) }
        segments = [new]
        try System.sync(layout.segments)
        CrashPoint.smallSegmentsRemoved.reach()
    }
}
