import Belfry
package import Files
import Neighbors
package import Recipes
import Synchronization
import Vectors

/// Evaluates the collection of a recipe, or one that no recipe has made.
///
/// 1. The queries are read with what is relevant to each; those without anything relevant are counted and left out.
/// 2. A batch at a time, queries are embedded and ranked: by exact search, through the index at the recipe's recall, and by
///    the baselines. Only the metrics of each query are kept.
/// 3. The means over queries get intervals by the bootstrap.
///
/// What is relevant and the collection does not hold stays relevant: no ranking can find it.
package struct Evaluator: Sendable {
    /// Whose collection is evaluated; it must be built. Nil for a collection of points that came from elsewhere.
    package let recipe: Recipe?
    /// The collection's directory.
    private let path: String
    /// What is evaluated, in a word.
    package let name: String
    /// The most queries; more of them are sampled. Nil for all.
    package var limit: Int?
    /// What samples and intervals are drawn by.
    package var seed: UInt64
    /// How many threads embed and search.
    package var threads: Int

    /// An evaluator of a recipe's collection.
    package init(_ recipe: Recipe, limit: Int? = nil, seed: UInt64 = 1, threads: Int) {
        (self.recipe, self.limit, self.seed, self.threads) = (recipe, limit, seed, threads)
        (path, name) = (recipe.collectionPath, recipe.name)
    }

    /// An evaluator of a collection.
    package init(collection path: String, name: String, limit: Int? = nil, seed: UInt64 = 1, threads: Int) {
        (recipe, self.path, self.name) = (nil, path, name)
        (self.limit, self.seed, self.threads) = (limit, seed, threads)
    }

    /// What an evaluation tells while it runs.
    package struct Observer: Sendable {
        /// A row that cannot be used, and why.
        package var badRow: @Sendable (BelfryError) -> Void
        /// Bytes of queries read so far, and in all if that is known.
        package var reading: @Sendable (_ done: Int, _ total: Int?) -> Void
        /// Queries answered so far, and in all.
        package var progress: @Sendable (_ done: Int, _ total: Int) -> Void

        /// An observer.
        package init(
            badRow: @escaping @Sendable (BelfryError) -> Void,
            reading: @escaping @Sendable (_ done: Int, _ total: Int?) -> Void,
            progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void
        ) {
            (self.badRow, self.reading, self.progress) = (badRow, reading, progress)
        }
    }

    /// The evaluations that the collection's query tower can be asked. Where the recipe's variants have towers of both
    /// kinds, one whose queries are for the other kind is left out; else it is an error, before any of them runs.
    /// - Parameter leftOut: gets the name of an evaluation, and why.
    /// - Throws: `notFound` where the collection is not built; `invalidInput` that names the evaluation.
    package func askable(
        _ evaluations: [Recipe.Evaluation], leftOut: (_ name: String, _ why: String) -> Void
    ) throws(BelfryError) -> [Recipe.Evaluation] {
        guard let recipe else { return evaluations }
        guard recipe.isBuilt else { throw recipe.notBuilt }
        let collection = try VectorCollection(path)
        var askable: [Recipe.Evaluation] = []
        try collection.requireCurrent(evaluations, of: recipe)
        for evaluation in evaluations {
            if recipe.input.isOfBothKinds, let why = try collection.refusal(of: evaluation) {
                leftOut(evaluation.name, why)
                continue
            }
            try collection.check(evaluation, of: recipe)
            askable.append(evaluation)
        }
        return askable
    }

    /// Runs one evaluation.
    /// - Throws: `notFound` where the collection is not built, or a file is not there; `conflict` where it is not what the
    ///   recipe would build now; `invalidInput` with file and line.
    package func evaluate(_ evaluation: Recipe.Evaluation, _ observer: Observer) throws(BelfryError) -> EvaluationResult
    {
        if let recipe, !recipe.isBuilt { throw recipe.notBuilt }
        let collection = try VectorCollection(path)
        if let recipe {
            try collection.requireCurrent([evaluation], of: recipe)
            try collection.check(evaluation, of: recipe)
        }
        let view = collection.view
        let points = try PointTable(view, fields: evaluation.payloadFields)
        let read = try queries(of: evaluation, collection, points, observer)
        let rankers = try rankers(evaluation, points)

        let figures = evaluation.figures
        let k = evaluation.k.last ?? 1
        var search = PairedSearch(view, points, filters: read.filters, k: k, threads: threads)
        var tally = QueryTally(points, read.filters)
        var values: [Double] = []
        let words = WordRankings(collection, view, points, filters: read.filters, k: k, threads: threads)
        var mixed: [Double] = []
        let reader = try RerankedRankings(collection, view, points, read.queries, words: words, k: k, threads: threads)
        var reread: [Double] = []
        for start in stride(from: 0, to: read.queries.count, by: Self.batch) {
            let batch = Array(read.queries[start..<min(start + Self.batch, read.queries.count)])
            let (queries, vectors) = try ask(batch, collection, evaluation, &tally, observer)
            if !queries.isEmpty {
                let answers = try search.search(queries, vectors)
                var systems = [answers.exact, answers.index]
                for ranker in rankers { systems.append(rank(ranker, queries, points, read.filters, k)) }
                for (place, query) in queries.enumerated() {
                    values += query.values(of: systems.map { $0[place] }, figures)
                }
                if let words {
                    let rankings = try words.rankings(queries, vectors) { search.scope(of: [$0]) }
                    for (query, rankings) in zip(queries, rankings) { mixed += query.values(of: rankings, figures) }
                }
                if let reader {
                    let pairs = try reader.rankings(queries, vectors) { search.scope(of: [$0]) }
                    for (query, pair) in zip(queries, pairs) {
                        let after = query.values(of: [pair.after], figures)
                        reread += after + zip(after, query.values(of: [pair.before], figures)).map { $0 - $1 }
                    }
                }
            }
            observer.progress(start + batch.count, read.queries.count)
        }
        guard tally.queries > 0 else {
            throw BelfryError(
                .invalidInput, "The evaluation \(evaluation.name) has no query with anything relevant.",
                at: .init(file: evaluation.file ?? path))
        }
        var cost = search.cost
        cost.finish()
        (cost.kind, cost.k, cost.threads) = (view.indexKind().rawValue, k, threads)
        let expectation = try view.expectation(k: k)
        (cost.target, cost.effort) = (expectation.target, expectation.effort)
        tally.counts.queriesBeforeSampling = read.beforeSampling
        tally.counts.withoutRelevant = read.withoutRelevant
        tally.counts.badRows += read.badRows
        let headline = evaluation.headline.first
        let wanted = figures.firstIndex { "\($0)" == headline } ?? 0
        let fit = words.map { _ in ShareFit(values: mixed, figures: figures.count, wanted: wanted) }
        return EvaluationResult(
            recipe: recipe?.shortName ?? name, evaluation: evaluation.name, variant: recipe?.variant,
            collection: collection.path, counts: tally.means,
            figures: means(values, fit, reader == nil ? nil : reread, evaluation), headline: headline,
            wordsShare: fit?.best, index: cost,
            seed: seed
        )
    }

    /// Queries that are embedded and searched at a time.
    private static let batch = 500

    private func queries(
        of evaluation: Recipe.Evaluation, _ collection: VectorCollection, _ points: PointTable, _ observer: Observer
    ) throws(BelfryError) -> JudgedQueries {
        let sample = [limit, evaluation.sample].compactMap { $0 }.min().map {
            JudgedQueries.Sample(count: $0, seed: seed)
        }
        switch evaluation.source {
        case .same(let field, _): return JudgedQueries(pointsSharing: field, points, sample)
        case .vectors(let vectors, let relevant, let file):
            var read = try JudgedQueries(vectors, relevant: relevant, file: file, points)
            read.keep(sample)
            return read
        case .file(let source):
            guard let recipe else { preconditionFailure("rows of queries are a recipe's") }
            var reader = try QueryReader(source, recipe, collection, points)
            var read = try reader.read(badRow: observer.badRow, progress: observer.reading)
            read.keep(sample)
            return read
        }
    }

    private func rankers(_ evaluation: Recipe.Evaluation, _ points: PointTable) throws(BelfryError)
        -> [any BaselineRanker]
    {
        var rankers: [any BaselineRanker] = []
        for baseline in evaluation.baselines {
            switch baseline {
            case .popularity(let field): rankers.append(PopularityRanker(field, points))
            case .bm25:
                guard let recipe, let template = recipe.input.template else { continue }
                rankers.append(try WordRanker(recipe, template, points))
            }
        }
        return rankers
    }

    /// The vectors of queries. Those that the tower refuses, or that cannot be compared, are reported and left out, as bad
    /// rows are.
    private func ask(
        _ batch: [JudgedQuery], _ collection: VectorCollection, _ evaluation: Recipe.Evaluation,
        _ tally: inout QueryTally,
        _ observer: Observer
    ) throws(BelfryError) -> (queries: [JudgedQuery], vectors: Matrix) {
        var queries = batch
        let asked: EmbeddedQueries
        do throws(BelfryError) {
            asked = try collection.ask(batch.map(\.query), on: collection.view, includingSeen: true, threads: threads)
        } catch  where error.code == .invalidInput || error.code == .notFound {
            queries = []
            for query in batch {
                do throws(BelfryError) {
                    _ = try collection.ask([query.query], on: collection.view, includingSeen: true)
                    queries.append(query)
                } catch  where error.code == .invalidInput || error.code == .notFound {
                    try leaveOut(query, error, evaluation, &tally, observer)
                }
            }
            asked = try collection.ask(queries.map(\.query), on: collection.view, includingSeen: true, threads: threads)
        }
        tally.counts.unknownUsers += asked.unknownUsers.count
        // One query that cannot be compared must not cost the figures of all others.
        let check = VectorCheck(dimension: asked.vectors.columns, metric: collection.configuration.main.metric)
        var kept: [Int] = []
        for (row, query) in queries.enumerated() {
            do throws(BelfryError) {
                try check.check(UnsafeBufferPointer(asked.vectors.row(row)), "The query's vector")
                kept.append(row)
                tally.add(query)
            } catch {
                try leaveOut(query, error, evaluation, &tally, observer)
            }
        }
        if kept.count == queries.count { return (queries, asked.vectors) }
        return (kept.map { queries[$0] }, Matrix(kept.map { asked.vectors[$0] }))
    }

    /// Reports a query that is left out, or stops where the recipe says that a bad row does.
    private func leaveOut(
        _ query: JudgedQuery, _ problem: BelfryError, _ evaluation: Recipe.Evaluation, _ tally: inout QueryTally,
        _ observer: Observer
    ) throws(BelfryError) {
        var problem = problem
        if let file = evaluation.file, let line = query.line { problem.location = .line(line, of: file) }
        if recipe?.badRows == .fail { throw problem }
        tally.counts.badRows += 1
        observer.badRow(problem)
    }

    private func rank(
        _ ranker: any BaselineRanker, _ queries: [JudgedQuery], _ points: PointTable,
        _ filters: [PointSet],
        _ k: Int
    ) -> [[Int32]] {
        let rankings = Mutex([[Int32]](repeating: [], count: queries.count))
        WorkPool(threads: threads).forEach(queries.count) { place, _ in
            let query = queries[place]
            let filter = query.filter.map { filters[$0] }
            let ranking = ranker.ranking(query, k: k) { point in
                query.admits(point) && query.candidates?.contains(point) != false
                    && filter?.contains(points.places[Int(point)]) != false
            }
            rankings.withLock { $0[place] = ranking }
        }
        return rankings.withLock { $0 }
    }

    /// The means of all systems' figures. A query's values are those of the exact search, of the index, and of each
    /// baseline; of a collection with words, those by words and of the mix follow, and by how much the mix is better; of one with
    /// a cross-encoder, those after it has read the answers, and by how much they are better.
    private func means(
        _ searched: [Double], _ fit: ShareFit?, _ reread: [Double]?, _ evaluation: Recipe.Evaluation
    ) -> [EvaluationResult.Figure] {
        let figures = evaluation.figures
        let systems = 2 + evaluation.baselines.count
        let reranked = systems + (fit == nil ? 0 : 4)
        let mixed = fit.map { Self.joined(searched, systems, $0, seed) } ?? searched
        let values = reread.map { Self.joined(mixed, $0, by: reranked * figures.count, 2 * figures.count) } ?? mixed
        let columns = figures.count * (reranked + (reread == nil ? 0 : 2))
        let intervals = Bootstrap(seed: seed).intervals(values, columns: columns, threads: threads)
        var sums = [Double](repeating: 0, count: columns)
        for (index, value) in values.enumerated() { sums[index % columns] += value }
        let queries = Double(values.count / columns)
        func mean(_ system: Int, _ figure: Int) -> EvaluationResult.Mean {
            let column = system * figures.count + figure
            let interval = intervals[column]
            return .init(mean: sums[column] / queries, low: interval.lowerBound, high: interval.upperBound)
        }
        return figures.enumerated().map { place, figure in
            EvaluationResult.Figure(
                name: "\(figure)", published: evaluation.published["\(figure)"],
                isHeadline: evaluation.headline.contains("\(figure)"), exact: mean(0, place), index: mean(1, place),
                baselines: evaluation.baselines.enumerated().map { .init(name: "\($1)", value: mean(2 + $0, place)) },
                words: fit.map { _ in
                    .init(
                        alone: mean(systems, place), hybrid: mean(systems + 1, place),
                        overTower: mean(systems + 2, place), overWords: mean(systems + 3, place))
                },
                reranked: reread.map { _ in
                    .init(value: mean(reranked, place), gain: mean(reranked + 1, place))
                })
        }
    }

    /// Two lists of figures made one, query by query: of each query `count` values of the first, and `more` of the second.
    private static func joined(_ first: [Double], _ second: [Double], by count: Int, _ more: Int) -> [Double] {
        var joined: [Double] = []
        for query in 0..<first.count / count {
            joined += first[query * count..<(query + 1) * count]
            joined += second[query * more..<(query + 1) * more]
        }
        return joined
    }

    /// The figures of all systems with those of searches by words behind them, query by query.
    private static func joined(_ values: [Double], _ systems: Int, _ fit: ShareFit, _ seed: UInt64) -> [Double] {
        var joined: [Double] = []
        let width = systems * fit.figures
        for (query, (words, mixed)) in zip(fit.byWords, fit.crossFitted(seed: seed)).enumerated() {
            let own = values[query * width..<(query + 1) * width]
            joined += own
            joined += words
            joined += mixed
            joined += zip(mixed, own).map { $0 - $1 }
            joined += zip(mixed, words).map { $0 - $1 }
        }
        return joined
    }
}
