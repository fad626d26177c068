import Belfry
import Files
import Neighbors
import Towers
import Vectors

/// The steps of a build: users, points, index.
extension CollectionBuilder {
    /// Writes the recipe's users. Gives the number of rows that could not be used.
    func writeUsers(
        into building: BuildingDirectory, _ tower: Tower, _ observer: Observer
    ) throws(BelfryError) -> Int {
        guard let source = recipe.users else {
            try building.writeUsers { nil }
            return 0
        }
        var users = try UserReader(source, tower)
        try building.writeUsers { () throws(BelfryError) in try users.next(badRow: observer.badRow) }
        return users.badRows
    }

    /// What came of the rows.
    struct Embedded {
        /// Rows whose vectors the collection before had, made of the same.
        var kept = 0
        /// What is wrong with the first vector that could not be stored.
        var refusal: BelfryError?
    }

    /// Embeds the rows that no interrupted build has embedded, and of which the collection before has no vector, one segment
    /// at a time.
    func embed(
        with tower: Tower, into building: BuildingDirectory, _ survey: Survey, _ memory: MemoryBudget,
        _ observer: Observer
    ) throws(BelfryError) -> Embedded {
        var items = try ItemReader(recipe, tower)
        var drawn = EvenSample(survey.points, of: survey.usable)
        func next() throws(BelfryError) -> Item? {
            while let item = try items.next(badRow: { _ in }) {
                if drawn.takesNext() { return item }
            }
            return nil
        }
        let total = survey.points
        var done = 0
        let finished = building.finishedRows + building.refusedRows
        var embedded = Embedded()
        // Small enough that an interruption costs seconds, and no more than 64 however many rows there are, as far as their
        // vectors, twice, and their texts have room.
        let segmentRows =
            recipe.segmentRows
            ?? min(max(1_024, (total + 63) / 64), memory.batchRows(rowBytes: 8 * tower.dimension + 2_048))
        while done < finished, try next() != nil { done += 1 }
        while done < total {
            var batch: [Item] = []
            while batch.count < min(segmentRows, total - done), let item = try next() {
                batch.append(item)
            }
            guard !batch.isEmpty else { throw Self.rowsChanged(recipe) }
            // Points with equal vectors are answered in the order of their ids: here that is the order of rows.
            batch.sort { $0.name.id < $1.name.id }
            let before = done - finished
            let (vectors, versions) = try vectors(of: batch, tower, building.previous) {
                observer.progress(before + $0, total - finished)
            }
            let usable = try usable(batch, vectors) { error in
                embedded.refusal = embedded.refusal ?? error
                observer.badRow(error)
            }
            embedded.kept += versions.count
            let isWhole = usable.count == batch.count
            try building.write(
                usable.map { place in
                    let item = batch[place]
                    var point = NewPoint(id: item.name.id, key: item.name.key, payload: item.payload)
                    (point.source, point.version) = (item.source, versions[place])
                    return point
                },
                isWhole ? vectors : Matrix(usable.map { vectors[$0] }), recipe.elementType,
                refused: batch.count - usable.count, threads: threads)
            done += batch.count
        }
        return embedded
    }

    /// The vectors of a batch, and of those that the collection before had, at their places, the versions.
    private func vectors(
        of batch: [Item], _ tower: Tower, _ previous: PreviousCollection?,
        progress: @escaping @Sendable (Int) -> Void
    ) throws(BelfryError) -> (Matrix, versions: [Int: UInt64]) {
        guard let previous else { return (try tower.embed(batch, threads: threads, progress: progress), [:]) }
        let vectors = Matrix(rows: batch.count, columns: tower.dimension)
        var (versions, new): ([Int: UInt64], [Int]) = ([:], [])
        for (place, item) in batch.enumerated() {
            guard let kept = try previous.kept(item.name.id, source: item.source) else {
                new.append(place)
                continue
            }
            _ = vectors.row(place).update(fromContentsOf: kept.vector)
            versions[place] = kept.version
        }
        let known = versions.count
        if !new.isEmpty {
            let made = try tower.embed(new.map { batch[$0] }, threads: threads) { progress(known + $0) }
            for (row, place) in new.enumerated() { _ = vectors.row(place).update(fromContentsOf: made.row(row)) }
        }
        return (vectors, versions)
    }

    /// The places in a batch of those rows whose vectors can be stored.
    /// - Throws: what is wrong with a vector, where the recipe says that a bad row stops the build.
    private func usable(
        _ batch: [Item], _ vectors: Matrix, badRow: (BelfryError) -> Void
    ) throws(BelfryError) -> [Int] {
        let check = VectorCheck(dimension: vectors.columns, metric: recipe.metric, elementType: recipe.elementType)
        var usable: [Int] = []
        for (row, item) in batch.enumerated() {
            do throws(BelfryError) {
                try check.check(
                    UnsafeBufferPointer(vectors.row(row)), "The tower's embedding",
                    at: .line(item.line, of: recipe.rows.file))
                usable.append(row)
            } catch {
                if recipe.badRows == .fail { throw error }
                badRow(error)
            }
        }
        return usable
    }

    /// Builds the index that the recipe asks for out of all points.
    func index(
        _ building: BuildingDirectory, _ request: String, _ towers: TowerPair, _ memory: MemoryBudget,
        _ observer: Observer
    ) throws(BelfryError) {
        let plan = IndexPlan(
            request: request, kind: recipe.index.kind, metric: recipe.metric, element: recipe.elementType,
            recall: recipe.recall, seed: seed, threads: threads, memory: memory, beside: try towerBytes())
        try building.index(
            plan,
            queries: { rows, dimension throws(BelfryError) in
                guard recipe.isCalibrated(rows: rows, dimension: dimension) else { return nil }
                observer.indexing("queries", 0, 1)
                return try queries(towers)
            }, progress: observer.indexing)
    }

    /// Queries like those that will be asked: the recipe's, or else what can be made of its texts. Says how many of those
    /// that the recipe names could be used.
    func queries(_ towers: TowerPair) throws(BelfryError) -> CalibrationQueries {
        if let source = recipe.calibration {
            let vectors = try CalibrationReader(source: source, tower: towers.query, metric: recipe.metric)
                .vectors(threads: threads)
            let samples = vectors.map { [QuerySample(source.isUsers ? .users : .given, $0)] } ?? []
            return (samples, .init(areUsers: source.isUsers, count: vectors?.rows ?? 0))
        }
        guard towers.query.takesTexts else { return ([], nil) }
        let made = try PseudoQueries.sample(of: recipe, towers.item, limit: limit, seed: seed)
        return (try made.samples(towers.query, metric: recipe.metric, threads: threads), nil)
    }
}
