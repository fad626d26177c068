import Belfry
import Files
import Neighbors
import Vectors

/// From what a trial took to what the build will take.
extension CollectionBuilder {
    func forecast(
        _ survey: Survey, _ trial: Trial, _ indexes: [TrialIndex], _ dimension: Int, base: Int, reading: Double,
        total: Double
    ) throws(BelfryError) -> BuildForecast {
        let budget = MemoryBudget(limit: memoryLimit)
        let points = survey.points
        let most = try budget.segmentRows(
            SegmentMemory(dimension: dimension, metric: recipe.metric, kind: recipe.index.kind), of: points,
            beside: try towerBytes())
        let parts = EqualParts.of(points, most: most)
        let largest = parts.map(\.count).max() ?? 0
        let scale = Double(points) / Double(max(1, trial.points))
        func scaled(_ bytes: Int) -> Int { Int(Double(bytes) * scale) }

        // Of indexes that are tried on the first segment, one stays.
        let stays = indexes.max { $0.bytes < $1.bytes }
        let rowFiles = scaled(trial.vectors) + scaled(trial.ids)
        let index = stays.map { $0.bytes * points / max(1, $0.time.rows) } ?? 0
        let finished = rowFiles + scaled(trial.codes) + points * 4 + index
        let calibrations = parts.count * ((stays?.fixedBytes ?? 0) + Self.keptQueryBytes(indexes, dimension))
        let disk = finished + calibrations + catalogueBytes(trial, points) + trial.towers
        let firstShare = Double(largest) / Double(max(1, points))
        let other = indexes.count > 1 ? Int(Double(finished) * firstShare) : 0

        let seconds = indexSeconds(indexes, parts)
        let rates = Double(points - trial.points) / Double(max(1, trial.points))
        return BuildForecast(
            points: points, badRows: survey.badRows, dimension: dimension, segments: parts.count,
            rowsPerSegment: largest,
            index: indexes.isEmpty ? "exact" : indexes.map(\.kind.rawValue).joined(separator: " or "),
            embeddingMemory: base + points * Self.bytesPerID
                + min(points, batchRows(budget, dimension, points)) * (12 * dimension + 2_048),
            indexingMemory: base + points * MemoryBudget.bytesPerRow + indexMemory(indexes, dimension, largest),
            memoryLimit: budget.limit, disk: disk,
            diskWhileBuilding: disk - trial.towers + rowFiles + other,
            readingSeconds: 3 * reading, embeddingSeconds: trial.embeddingSeconds * (1 + rates),
            indexingSeconds: seconds, trialPoints: trial.points, trialSeconds: total,
            shardBytesPerVector: Double(trial.vectors) / Double(max(1, trial.points)),
            catalogueBytesPerPoint: Double(trial.catalogue) / Double(max(1, trial.points)))
    }

    /// What the ids that were read take, so that none is used twice.
    private static let bytesPerID = 90

    private func batchRows(_ budget: MemoryBudget, _ dimension: Int, _ points: Int) -> Int {
        recipe.segmentRows
            ?? min(max(1_024, (points + 63) / 64), budget.batchRows(rowBytes: 8 * dimension + 2_048))
    }

    private func indexMemory(_ indexes: [TrialIndex], _ dimension: Int, _ rows: Int) -> Int {
        let kinds = indexes.isEmpty ? [IndexKind.exact] : indexes.map(\.kind)
        let lines = indexes.compactMap(\.routingLines).first
        return kinds.map { kind in
            SegmentMemory(dimension: dimension, metric: recipe.metric, kind: kind, routingLines: lines).bytes(
                rows: rows)
        }.max() ?? 0
    }

    /// All indexes are built of the first segment, and one of the others.
    private func indexSeconds(_ indexes: [TrialIndex], _ parts: [Range<Int>]) -> Double {
        let all = indexes.reduce(0) { $0 + $1.time.seconds(rows: parts[0].count) }
        let one = parts.dropFirst().reduce(0.0) { sum, part in
            sum + indexes.reduce(0) { $0 + $1.time.seconds(rows: part.count) } / Double(max(1, indexes.count))
        }
        return all + one
    }

    /// An empty catalogue has some pages.
    private func catalogueBytes(_ trial: Trial, _ points: Int) -> Int {
        let empty = 64 << 10
        return empty + Int(Double(trial.catalogue - empty) * Double(points) / Double(max(1, trial.points)))
    }

    private static func keptQueryBytes(_ indexes: [TrialIndex], _ dimension: Int) -> Int {
        indexes.map(\.queries).max().map { $0 * dimension * 4 } ?? 0
    }
}
