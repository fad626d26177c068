import Belfry
public import Files
import Foundation
import Neighbors
import Shards
import Synchronization
import Towers
import Vectors

extension CollectionBuilder {
    /// Says what a build will take, without building anything that stays.
    ///
    /// 1. All rows are read once, as a build does first.
    /// 2. Some of them, spread over all, are built into a collection in a temporary folder: as many as the tower embeds in
    ///    about a quarter of a minute. That gives bytes per point of everything on disk, and the speed of the tower.
    /// 3. The trial's vectors get every index that the build would make, which is timed stage by stage.
    /// 4. Disk grows with the points. Memory is that of ``SegmentMemory``, which the build itself goes by. Times grow as
    ///    ``IndexTime`` says.
    public func forecast(_ observer: Observer) throws(BelfryError) -> BuildForecast {
        try requireTower()
        let start = ContinuousClock.now
        let towers = try TowerPair.open(recipe.tower)
        try requireInput(of: towers.item)
        try recipe.calibration?.requireQueries(of: towers.query, in: recipe.folder)
        let survey = try survey(towers.item, observer)
        let reading = start.seconds
        let trialRows = min(survey.points, try trialRows(towers.item))
        let folder = NSTemporaryDirectory() + "belfry-plan-" + UUID().uuidString
        try System.createDirectory(folder)
        defer { try? System.remove(folder) }

        let trial = try trialBuild(of: trialRows, in: "\(folder)/trial.belfry", reading: reading, observer)
        let base = System.ownBytes ?? 0
        let kinds = indexKinds(rows: survey.points, dimension: towers.item.dimension)
        var indexes: [TrialIndex] = []
        if !kinds.isEmpty {
            let queries = try queries(towers).samples
            for kind in kinds {
                indexes.append(
                    try trialIndex(
                        kind, survey.points, of: "\(folder)/trial.belfry", queries, in: "\(folder)/\(kind.rawValue)",
                        observer))
            }
        }
        return try forecast(
            survey, trial, indexes, towers.item.dimension, base: base, reading: reading, total: start.seconds)
    }

    /// What will be built beside the rows: one kind that the recipe names, or those that `auto` tries; none where all rows
    /// are scanned.
    private func indexKinds(rows: Int, dimension: Int) -> [IndexKind] {
        guard recipe.isCalibrated(rows: rows, dimension: dimension) else { return [] }
        return recipe.index.kind.map { [$0] } ?? [.ivf, .hnsw]
    }

    /// So many rows embed in about a quarter of a minute.
    private func trialRows(_ tower: Tower) throws(BelfryError) -> Int {
        var items = try ItemReader(recipe, tower)
        var batch: [Item] = []
        while batch.count < 128, let item = try items.next(badRow: { _ in }) { batch.append(item) }
        // The first text may pay for what is set up once.
        _ = try tower.embed(Array(batch.prefix(8)), threads: threads) { _ in }
        let start = ContinuousClock.now
        _ = try tower.embed(batch, threads: threads) { _ in }
        return min(max(512, Int(15 * Double(batch.count) / max(start.seconds, 1e-6))), 16_384)
    }

    /// So many rows get an index for trial: where fewer were embedded, others that lie between them are made up.
    private static let indexedRows = 8_192
    /// So many in a second trial, where there are several times as many.
    private static let moreIndexedRows = 32_768

    private func enlarged(_ rows: any VectorSource, to count: Int) throws(BelfryError) -> Matrix {
        let all = Matrix(rows: max(count, rows.rowCount), columns: rows.dimension)
        try rows.copy(0..<rows.rowCount, into: all.pointer)
        var random = SplitMix64(seed: seed)
        for row in rows.rowCount..<all.rows {
            let (one, other) = (
                all.row(row % rows.rowCount), all.row(Int(random.next(upperBound: UInt64(rows.rowCount))))
            )
            for index in 0..<all.columns { all.row(row)[index] = 0.7 * one[index] + 0.3 * other[index] }
        }
        return all
    }

    /// What the trial took.
    struct Trial {
        var points: Int
        var embeddingSeconds: Double
        var (vectors, codes, ids, catalogue, towers): (Int, Int, Int, Int, Int)
    }

    private func trialBuild(
        of rows: Int, in path: String, reading: Double, _ observer: Observer
    ) throws(BelfryError) -> Trial {
        var recipe = recipe
        (recipe.index, recipe.users) = (.exact, nil)
        var builder = CollectionBuilder(recipe, limit: limit, sample: rows, threads: threads)
        (builder.place, builder.seed) = (path, seed)
        let times = Mutex<(first: ContinuousClock.Instant?, last: ContinuousClock.Instant?)>((nil, nil))
        let summary = try builder.build(
            Observer(
                badRow: { _ in },
                reading: { _, _ in },
                progress: { done, total in
                    times.withLock { $0.first = $0.first ?? .now }
                    observer.progress(done, total)
                }, indexing: { _, _, _ in times.withLock { $0.last = $0.last ?? .now } }))
        let segment = try Self.segment(of: path)
        let embedding = times.withLock { times in
            times.first.flatMap { first in times.last.map { ($0 - first) / .seconds(1) } } ?? 0
        }
        return Trial(
            // All rows were read for it once.
            points: summary.points, embeddingSeconds: max(0, embedding - reading),
            vectors: try System.fileSize("\(segment)/vectors.shard"), codes: try System.fileSize("\(segment)/codes"),
            ids: try System.fileSize("\(segment)/ids"), catalogue: try System.fileSize("\(path)/catalog.sqlite"),
            towers: try System.fileBytes(under: "\(path)/towers"))
    }

    /// The folder of the trial's only segment.
    private static func segment(of collection: String) throws(BelfryError) -> String {
        let segments = "\(collection)/segments"
        return "\(segments)/\(try System.list(segments).max() ?? "")"
    }

    /// What an index of the trial's vectors took.
    struct TrialIndex {
        var kind: IndexKind
        var time: IndexTime
        /// Bytes of graph or lists, and of what does not grow with the rows.
        var bytes: Int
        var fixedBytes: Int
        var routingLines: Int?
        /// How many queries it was calibrated on, beside rows.
        var queries: Int
    }

    private func trialIndex(
        _ kind: IndexKind, _ points: Int, of collection: String, _ queries: [QuerySample], in folder: String,
        _ observer: Observer
    ) throws(BelfryError) -> TrialIndex {
        try System.createDirectory(folder)
        let time = try trialTime(kind, points, Self.indexedRows, of: collection, queries, in: folder, observer)
        var larger: IndexTime.Trial?
        if points > 4 * Self.moreIndexedRows {
            let second = folder + ".more"
            try System.createDirectory(second)
            larger = try trialTime(
                kind, points, Self.moreIndexedRows, of: collection, queries, in: second, observer)
            try System.remove(second)
        }
        let index = kind == .hnsw ? "graph" : "lists"
        let bytes = try System.fileSize("\(folder)/\(index)")
        let calibration = "\(folder)/calibration"
        return TrialIndex(
            kind: kind, time: IndexTime(trial: time, larger: larger), bytes: bytes,
            fixedBytes: System.exists(calibration) ? try System.fileSize(calibration) : 0,
            routingLines: kind == .hnsw ? try SegmentIndex(folder, metric: recipe.metric).routingLines : nil,
            queries: queries.reduce(0) { $0 + $1.queries.rows })
    }

    /// Builds an index of some rows, stage by stage.
    private func trialTime(
        _ kind: IndexKind, _ points: Int, _ most: Int, of collection: String, _ queries: [QuerySample],
        in folder: String, _ observer: Observer
    ) throws(BelfryError) -> IndexTime.Trial {
        let segment = try Self.segment(of: collection)
        let rows = try enlarged(ShardReader("\(segment)/vectors.shard"), to: min(points, most))
        let clock = Mutex<(last: ContinuousClock.Instant, stages: [String: Double])>((.now, [:]))
        var builder = SegmentBuilder(
            metric: recipe.metric, kind: kind, elementType: recipe.elementType, seed: seed, threads: threads,
            progress: { stage, done, total in
                clock.withLock { clock in
                    let now = ContinuousClock.now
                    clock.stages[stage, default: 0] += (now - clock.last) / .seconds(1)
                    clock.last = now
                }
                observer.indexing("\(stage) for trial", done, total)
            })
        builder.queries = queries
        try builder.build(rows, in: folder)
        let stages = clock.withLock { clock in
            clock.stages.merging(["writing": clock.last.seconds]) { $0 + $1 }
        }
        return IndexTime.Trial(stages: stages, rows: rows.rows)
    }
}

extension ContinuousClock.Instant {
    /// Seconds from then to now.
    fileprivate var seconds: Double { (ContinuousClock.now - self) / .seconds(1) }
}
