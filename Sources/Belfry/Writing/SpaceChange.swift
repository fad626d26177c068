import Files

/// What becomes of a collection's kinds of vector.
struct SpaceChange: Sendable {
    /// Those that come, behind the others: nobody has a vector of them yet.
    var added: [VectorSpace] = []
    /// The names of those that go, with all vectors of theirs.
    var dropped: [String] = []
    /// By the names of sparse ones, whether their queries weigh rare terms from now on. The vectors stay as they are.
    var weighing: [String: Bool] = [:]

    /// The configuration with the change.
    /// - Throws: `conflict` for a name that there is, `notFound` for one that there is not, `invalidInput` where nothing is
    ///   left, or where vectors that are not sparse are to weigh terms.
    func applied(to configuration: CollectionConfiguration, _ path: String) throws(BelfryError)
        -> CollectionConfiguration
    {
        var changed = configuration
        func place(of name: String) throws(BelfryError) -> Int {
            if let place = changed.spaces.firstIndex(where: { $0.name == name }) { return place }
            throw BelfryError(
                .notFound, "There are no vectors “\(name)”.", at: .init(file: path),
                remedy: "The collection has these vectors: \(configuration.spaceNames).")
        }
        for name in dropped {
            let place = try place(of: name)
            changed.spaces.remove(at: place)
        }
        for (name, weighs) in weighing {
            let place = try place(of: name)
            guard changed.spaces[place].kind == .sparse else {
                throw BelfryError(
                    .invalidInput, "The \(changed.spaces[place].title) are not sparse: they have no terms to weigh.",
                    at: .init(file: path))
            }
            changed.spaces[place].weighsRareTerms = weighs
        }
        for space in added {
            guard !changed.spaces.contains(where: { $0.name == space.name }) else {
                throw BelfryError(
                    .conflict, "There are \(space.title) already.", at: .init(file: path),
                    remedy: "Give them another name, or drop those.")
            }
            changed.spaces.append(space)
        }
        guard !changed.spaces.isEmpty else {
            throw BelfryError(
                .invalidInput, "A collection needs vectors of one kind at least.", at: .init(file: path),
                remedy: "Add others first.")
        }
        // The first is the main one: that of builds, where there is one.
        func rank(_ space: VectorSpace) -> Int { space.kind != .dense ? 2 : space.name.isEmpty ? 0 : 1 }
        changed.spaces = (0...2).flatMap { wanted in changed.spaces.filter { rank($0) == wanted } }
        return changed
    }
}
