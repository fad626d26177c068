import Belfry
import Files
import Recipes

extension VectorCollection {
    /// Refuses a collection of another recipe, whose figures would be taken for this one's, and words of rows that have
    /// changed since they were embedded.
    func requireCurrent(_ evaluations: [Recipe.Evaluation], of recipe: Recipe) throws(BelfryError) {
        guard let built = try BuildJournal.of(path) else { return }
        let change: String
        // Which of the two its tower made of it is known without opening the tower.
        if ![true, false].map(recipe.digest).contains(built.recipe) {
            change = "the recipe has changed"
        } else if recipe.wordsInWords != built.words {
            change = "what is searched by words has changed"
        } else if evaluations.contains(where: { $0.baselines.contains(.bm25) }),
            try Digest.sha256(file: recipe.rows.file) != built.rows
        {
            change = "the rows, whose words bm25 counts, have changed"
        } else {
            return
        }
        throw BelfryError(
            .conflict, "The collection is not what the recipe would build now: \(change).",
            at: .init(file: path),
            remedy: "Run: \(.build(recipe: recipe.buildPath, replacing: true))")
    }

    /// Refuses an evaluation whose queries are of a kind that the query tower does not take: not one of them could be
    /// asked.
    func check(_ evaluation: Recipe.Evaluation, of recipe: Recipe) throws(BelfryError) {
        guard case .file(let queries) = evaluation.source, let kind = queries.query.kind else { return }
        do throws(BelfryError) {
            try require(kind, of: queryTower())
        } catch  where error.code == .invalidInput || error.code == .wrongTower {
            var error = error
            error.message =
                "The evaluation \(evaluation.name) cannot be asked by \(queries.query.word). \(error.message)"
            error.location = .init(file: "\(recipe.folder)/recipe.yaml", place: "evaluate.\(evaluation.name)")
            if error.code == .invalidInput {
                // The kind is wrong, or one of the fields.
                let way: Remedy =
                    try refusal(of: evaluation) == nil
                    ? error.remedy ?? "" : "Say otherwise what its queries are: text, item, user, session or fields."
                error.remedy =
                    "\(way) To run the others: "
                    + (recipe.variant == nil
                        ? "\(.setting(.evaluation))." : "\(.setting(.evaluation)), or \(.setting(.variant)).")
            }
            throw error
        }
    }

    /// Why the query tower cannot be asked by the evaluation's kind of query; nil where it can.
    func refusal(of evaluation: Recipe.Evaluation) throws(BelfryError) -> String? {
        guard case .file(let queries) = evaluation.source, let kind = queries.query.kind else { return nil }
        return try refusal(of: kind, by: queryTower())
    }
}

extension Recipe.Evaluation.QueryFields {
    /// What the query tower must take; nil where the queries are points.
    fileprivate var kind: QueryKind? {
        switch self {
        case .text: .text
        case .item: nil
        case .user: .user
        case .session: .session
        case .fields(let names): .fields(names)
        }
    }

    /// As a recipe says it.
    fileprivate var word: String {
        switch self {
        case .text: "text"
        case .item: "item"
        case .user: "user"
        case .session: "session"
        case .fields: "fields"
        }
    }
}
