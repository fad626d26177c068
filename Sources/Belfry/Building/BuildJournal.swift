package import Files

/// How a collection was built: the document `journal`. A build that was interrupted goes on if all but the index and
/// the users match: an index is made from vectors that are there, and users are written anew by every build.
package struct BuildJournal: Codable, Equatable, Sendable {
    /// SHA-256 over the recipe.
    package var recipe: String
    /// SHA-256 over the file of rows.
    package var rows: String
    /// The tower's fingerprint.
    package var tower: String
    /// The most points that were asked for; nil for all.
    package var limit: Int?
    /// How many points were drawn of all rows; nil for a build without a sample.
    package var sample: Int?
    /// What the recipe asks to find near rows with; nil in a collection of format 1.
    package var index: String?
    /// SHA-256 over the recipe's users; nil where it has none.
    package var users: String?
    /// What is searched by words, in words; nil for nothing.
    package var words: String?

    /// What a build is about to do.
    package init(
        recipe: String, rows: String, tower: String, limit: Int? = nil, sample: Int? = nil, index: String? = nil,
        users: String? = nil, words: String? = nil
    ) {
        (self.recipe, self.rows, self.tower) = (recipe, rows, tower)
        (self.users, self.words) = (users, words)
        (self.limit, self.sample, self.index) = (limit, sample, index)
    }

    /// How the collection at `path` was built; nil where it does not say so.
    package static func of(_ path: String) throws(BelfryError) -> BuildJournal? {
        try Catalogue(CollectionLayout(path: path).catalogue, .read).read {
            try $0.document("journal", as: BuildJournal.self)
        }
    }

    /// Whether `other` builds the same of other rows or users.
    package func differsInRowsAlone(from other: BuildJournal) -> Bool {
        var other = other
        (other.rows, other.users) = (rows, users)
        return other == self
    }

    /// Whether `other` has the same points with the same vectors.
    package func hasSameVectors(as other: BuildJournal) -> Bool {
        var other = other
        (other.index, other.users, other.words) = (index, users, words)
        return other == self
    }
}
