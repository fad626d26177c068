package import Files

/// What a collection is: fixed when it is made, kept in the catalogue as the document `collection`.
public struct CollectionConfiguration: Equatable, Sendable {
    /// The collection's name.
    public var name: String
    /// The kinds of vector that its points have, at least one.
    public var spaces: [VectorSpace]
    /// The payload fields that a table of answers shows.
    public var show: [String]
    /// Rows of the source that could not be used.
    package var badRows: Int
    /// The mean recall of a search that does not name its own, from above 0 to 1.
    public var recall: Double
    /// How a text is searched for where a search does not say it.
    public var texts = TextSearch.byMeaning
    /// What reads the best answers once more where a search does not say otherwise; nil for nothing.
    public var reranker: CollectionReranker?

    /// The version whose vectors are meant where one of several is; empty for the first.
    package internal(set) var version = ""

    /// The first space: a dense one, if there is any.
    public var main: VectorSpace { spaces[0] }

    /// The towers of its spaces and its cross-encoder, by their folders.
    package var towers: [VectorSpace.TowerReference] {
        Dictionary((spaces.map(\.tower) + [reranker?.tower]).compactMap(\.self).map { ($0.name, $0) }) { first, _ in
            first
        }.values
            .sorted { $0.name < $1.name }
    }

    /// The place of the space of this name in the ``version``. An empty name means the only one as well.
    /// - Throws: `invalidInput` with the names that there are.
    package func place(ofSpace name: String) throws(BelfryError) -> Int {
        for wanted in [VectorSpace.name(name, inVersion: version), name] {
            if let place = spaces.firstIndex(where: { $0.name == wanted }) { return place }
        }
        if name.isEmpty {
            let own = spaces.indices.filter { spaces[$0].versioned.version == version }
            if own.count == 1 { return own[0] }
            if spaces.count == 1 { return 0 }
        }
        throw BelfryError(
            .invalidInput,
            name.isEmpty
                ? "The collection has several kinds of vector, and it is not said which."
                : "There are no vectors “\(name)”.",
            remedy: "The collection has these vectors: \(spaceNames).")
    }

    /// The vectors that are words; of several, the first.
    /// - Throws: `invalidInput` where there are none.
    package func words(at path: String) throws(BelfryError) -> VectorSpace {
        if let space = spaces.first(where: { $0.words != nil }) { return space }
        throw BelfryError(
            .invalidInput, "The collection is not searched by words.", at: .init(file: path),
            remedy: "Write search: hybrid in its recipe and build, or add words to its kinds of vector.")
    }

    /// The names of the spaces, as errors list them.
    var spaceNames: String {
        spaces.map { $0.name.isEmpty ? "one without a name" : "“\($0.name)”" }.joined(separator: ", ")
    }
}

extension CollectionConfiguration: Codable {
    /// The layouts of the directory that are written and read: 1 had no index, 2 no users, 3 one kind of query in its
    /// calibration. 4 has one space without a name, whose members stand beside the others; 5 has `spaces`.
    static let formats = 4...5

    private enum CodingKeys: String, CodingKey { case format, name, spaces, show, badRows, recall, texts, reranker }

    /// Reads either format.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        name = try values.decode(String.self, forKey: .name)
        show = try values.decode([String].self, forKey: .show)
        badRows = try values.decode(Int.self, forKey: .badRows)
        recall = try values.decode(Double.self, forKey: .recall)
        texts = try values.decodeIfPresent(TextSearch.self, forKey: .texts) ?? .byMeaning
        reranker = try values.decodeIfPresent(CollectionReranker.self, forKey: .reranker)
        if let named = try values.decodeIfPresent([VectorSpace].self, forKey: .spaces) {
            spaces = named
        } else {
            // Its name is the collection's.
            spaces = [try VectorSpace(from: decoder)]
            spaces[0].name = ""
        }
    }

    /// Writes the older format where it can say all there is, so that an older belfry reads it.
    public func encode(to encoder: any Encoder) throws {
        let isSimple = spaces.count == 1 && spaces[0].name.isEmpty && spaces[0].kind == .dense
        if isSimple { try spaces[0].encode(to: encoder) }
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(isSimple ? 4 : 5, forKey: .format)
        try values.encode(name, forKey: .name)
        if !isSimple { try values.encode(spaces, forKey: .spaces) }
        try values.encode(show, forKey: .show)
        try values.encode(badRows, forKey: .badRows)
        try values.encode(recall, forKey: .recall)
        if texts != .byMeaning { try values.encode(texts, forKey: .texts) }
        try values.encodeIfPresent(reranker, forKey: .reranker)
    }
}
