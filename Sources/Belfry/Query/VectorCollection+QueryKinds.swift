package import Files
package import Towers

/// What a query is made of, as far as the query tower decides whether it can be asked.
package enum QueryKind {
    case text
    /// An object with fields of these names.
    case fields([String])
    case user
    case session
}

extension VectorCollection {
    /// The tower that embeds queries of a space.
    /// - Throws: `wrongTower` where one tower of a pair filled the collection alone, and that is the item tower.
    package func queryTower(of space: Int = 0) throws(BelfryError) -> Tower { try queryTower(of: space, base) }

    func queryTower(of space: Int, _ base: CollectionBase) throws(BelfryError) -> Tower {
        let tower = try base.towers(of: space).query
        guard tower.role != .document else {
            throw BelfryError(
                .wrongTower, "The collection was filled by the item tower of a pair alone, which embeds no queries.",
                at: .init(file: path),
                remedy:
                    """
                    Write the pair's directory as the recipe's tower, the one that holds query.tower and item.tower, and \
                    build again with \(.setting(.replacing)). Until then: \(startingFromPoints)
                    """)
        }
        return tower
    }

    /// Refuses a query of a kind that `tower` does not take, whatever the query is.
    /// - Throws: `invalidInput` that says what it takes.
    package func require(_ kind: QueryKind, of tower: Tower) throws(BelfryError) {
        if let refused = try refusal(of: kind, by: tower) {
            throw BelfryError(
                .invalidInput, "\(refused): it takes \(tower.whatItTakes).", at: .init(file: path),
                remedy: "\(try wayToAsk(tower)) Or start from points: \(startingFromPoints)")
        }
        if case .fields(let names) = kind { try tower.requireFields(names) }
    }

    /// Why `tower` cannot be asked by such a query; nil where it can, unless a field is misspelt.
    package func refusal(of kind: QueryKind, by tower: Tower) throws(BelfryError) -> String? {
        switch kind {
        case .text: return tower.takesTexts ? nil : "The query tower takes no text"
        case .session: return tower.sessionField != nil ? nil : "The query tower takes no session"
        case .fields(let names):
            let isMeant = tower.fields.contains { names.contains($0.name) }
            return isMeant || !tower.takesTexts ? nil : "The query tower takes no fields of a user"
        case .user:
            let hasUsers = try base.catalogue.read { try $0.hasUsers() }
            let isKnown = hasUsers || tower.userField != nil
            return isKnown ? nil : "The collection has no users, and its query tower knows none by an id alone"
        }
    }

    /// How to ask for what `tower` takes.
    private func wayToAsk(_ tower: Tower) throws(BelfryError) -> Remedy {
        if tower.takesTexts { return "Ask by a text: \(.search(collection: path))." }
        if tower.sessionField != nil { return "Give a session: \(.recommend(collection: path, by: .session))." }
        let required = tower.fields.filter(\.isRequired)
        let fields = Remedy.Source.fields((required.isEmpty ? tower.fields : required).map(\.name))
        return try base.catalogue.read { try $0.hasUsers() }
            ? "Name a user: \(.recommend(collection: path, by: .user)), or \(.recommend(collection: nil, by: fields))."
            : "Give fields: \(.recommend(collection: path, by: fields))."
    }

    private var startingFromPoints: Remedy {
        "\(.similar(collection: path)), or \(.recommend(collection: path, by: .examples))."
    }
}
