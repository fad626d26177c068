import Files

extension Collection {
    /// Refuses an evaluation whose queries are of a kind that the query tower does not take: not one of them could be
    /// asked.
    func check(_ evaluation: Evaluation, of recipe: Recipe) throws(BelfryError) {
        guard case .file(let queries) = evaluation.source, let kind = queries.query.kind else { return }
        do throws(BelfryError) {
            try require(kind, of: queryTower())
        } catch  where error.code == .invalidInput || error.code == .wrongTower {
            var error = error
            error.message =
                "The evaluation \(evaluation.name) cannot be asked by \(queries.query.word). \(error.message)"
            error.location = .init(file: "\(recipe.folder)/recipe.yaml", place: "evaluate.\(evaluation.name)")
            if error.code == .invalidInput {
                error.remedy =
                    "Say otherwise what its queries are: text, item, user, session or fields. To run the others: "
                    + (recipe.variant == nil ? "--only NAME." : "--only NAME, or --variant NAME.")
            }
            throw error
        }
    }
}

extension Evaluation.QueryFields {
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
