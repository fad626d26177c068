import Files
import Neighbors
import Shards
import Towers
import Vectors

extension BuildingDirectory {
    /// Builds one segment with an index out of all segments that are there, and puts it in their place.
    ///
    /// 1. All vectors are read back into memory, in the order of their points' ids: the new files depend on the data, and
    ///    not on where the embedding was interrupted.
    /// 2. The files of the new segment are on disk before one transaction lists it instead of the others and notes where
    ///    each point is now.
    /// 3. The old segments are removed.
    ///
    /// A build that finds this done for the same request leaves it; for another one, it begins with the segment that is
    /// there.
    func index(
        _ recipe: Recipe, _ journal: BuildJournal, _ towers: TowerPair, seed: UInt64, threads: Int,
        progress: @escaping @Sendable (_ stage: String, _ done: Int, _ total: Int) -> Void
    ) throws(BelfryError) {
        let request = journal.index ?? ""
        let found = try catalogue.read { try $0.document("index", as: IndexRecord.self) }
        guard found?.request != request else { return }
        let (rows, ids) = try rowsInOrder()

        let number = (segments.last?.number ?? 0) + 1
        let folder = layout.segment(number)
        try System.createDirectory(folder)
        CrashPoint.indexBegun.reach()
        var builder = SegmentBuilder(
            metric: recipe.metric, kind: recipe.index.kind ?? .exact, elementType: recipe.elementType, seed: seed,
            threads: threads, progress: progress)
        var named: IndexRecord.Queries?
        if recipe.isCalibrated(rows: rows.rows, dimension: rows.columns) {
            progress("queries", 0, 1)
            (builder.queries, named) = try queries(recipe, journal, towers, seed: seed, threads: threads)
        }
        var choice: IndexChoice?
        if recipe.index == .auto {
            choice = try builder.buildFastest(rows, ids: { ids[$0] }, in: folder, recall: recipe.recall)
        } else {
            try builder.build(rows, ids: { ids[$0] }, in: folder)
        }
        for folder in [folder, layout.segments] { try System.sync(folder) }
        CrashPoint.indexBuilt.reach()

        let standard = DefaultRecall.recall(of: try Neighbors.Segment(folder, metric: recipe.metric))
        let record = IndexRecord(
            request: request, kind: choice?.kind ?? builder.kind, files: try System.list(folder),
            identities: try IndexRecord.identities(in: folder), choice: choice, queries: named,
            recall: choice?.recall ?? standard.recall, recallReason: choice?.recallReason ?? standard.reason)
        try replaceSegments(with: .init(number: number, rows: ids.count), record)
    }

    /// Queries like those that will be asked: the recipe's, or else what can be made of its texts. Says how many of those
    /// that the recipe names could be used.
    private func queries(
        _ recipe: Recipe, _ journal: BuildJournal, _ towers: TowerPair, seed: UInt64, threads: Int
    ) throws(BelfryError) -> ([QuerySample], IndexRecord.Queries?) {
        if let source = recipe.calibration {
            let vectors = try CalibrationReader(source: source, tower: towers.query, metric: recipe.metric)
                .vectors(threads: threads)
            let samples = vectors.map { [QuerySample(source.isUsers ? .users : .given, $0)] } ?? []
            return (samples, .init(areUsers: source.isUsers, count: vectors?.rows ?? 0))
        }
        guard towers.query.takesTexts else { return ([], nil) }
        let made = try PseudoQueries.sample(of: recipe, towers.item, limit: journal.limit, seed: seed)
        return (try made.samples(towers.query, metric: recipe.metric, threads: threads), nil)
    }

    /// All vectors, widened to f32, and whose they are, by growing id.
    private func rowsInOrder() throws(BelfryError) -> (Matrix, [PointID]) {
        var places: [(id: PointID, segment: Int, row: Int)] = []
        var shards: [ShardReader] = []
        for (index, segment) in segments.enumerated() {
            shards.append(try ShardReader(layout.vectors(segment.number)))
            let ids = try IDsReader(layout.ids(segment.number))
            for row in 0..<segment.rows { places.append((try ids.id(row), index, row)) }
        }
        places.sort { $0.id < $1.id }
        var targets = segments.map { [Int](repeating: 0, count: $0.rows) }
        for (target, place) in places.enumerated() { targets[place.segment][place.row] = target }
        let rows = Matrix(rows: places.count, columns: shards.first?.dimension ?? 0)
        for (shard, targets) in zip(shards, targets) {
            let vectors = try shard.rows(0..<targets.count)
            for (row, target) in targets.enumerated() { _ = rows.row(target).update(fromContentsOf: vectors.row(row)) }
        }
        return (rows, places.map(\.id))
    }

    private func replaceSegments(with new: Catalogue.SegmentRow, _ record: IndexRecord) throws(BelfryError) {
        let ids = try IDsReader(layout.ids(new.number))
        try catalogue.write { transaction in
            for row in 0..<ids.count { try transaction.move(ids.id(row), toSegment: new.number, row: row) }
            CrashPoint.pointsMoved.reach()
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
