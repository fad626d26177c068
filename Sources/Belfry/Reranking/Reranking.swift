public import Files
public import Towers

/// A second look at the best answers: a cross-encoder reads each of them together with the query, and they are put in its
/// order. It knows more than vectors do, and takes about as long for each answer as embedding it.
public struct Reranking: Sendable {
    /// What reads them.
    public let tower: Tower
    /// What they are read with.
    public var text: String
    /// The payload fields that are read of an answer, one after the other.
    public var fields: [JSONPath]
    /// So many of the best answers are read, up to ``mostTop``; those behind follow in their order.
    public var top: Int
    /// How long reading may take; nil for as long as it takes. What has not been read by then follows in its order.
    public var budget: Duration?

    /// So many are read where nobody says it.
    public static let usualTop = 50
    /// More are never read.
    public static let mostTop = 1_000

    /// A second look.
    /// - Throws: `wrongTower` for a tower that is no reranker; `invalidInput` for an empty text, no fields, or a `top` that
    ///   cannot be.
    public init(
        by tower: Tower, with text: String, of fields: [JSONPath], top: Int = usualTop, budget: Duration? = nil
    ) throws(BelfryError) {
        (self.tower, self.text, self.fields, self.top, self.budget) = (tower, text, fields, top, budget)
        try require()
    }

    /// Looks over what may have been changed since it was made.
    func require() throws(BelfryError) {
        try tower.requireReranker()
        guard !text.isBlank else { throw BelfryError(.invalidInput, "There is no text to read the answers with.") }
        guard !fields.isEmpty else {
            throw BelfryError(
                .invalidInput, "It is not said which payload fields of the answers are read.",
                remedy: "Name them, the one that says most first.")
        }
        guard (1...Self.mostTop).contains(top) else {
            throw BelfryError(.invalidInput, "\(top) answers cannot be read: from 1 to \(Self.mostTop) can.")
        }
    }

    /// What was read, and how long it took.
    public struct Report: Codable, Sendable {
        /// Answers that were read, and that were to be.
        public var read, wanted: Int
        /// How long reading took.
        public var milliseconds: Double
    }

    /// The scores of payloads, in their order: of all, or of as many of the first as there is time for.
    /// - Parameter spent: how long reading for the same request has taken before.
    package func scores(
        of payloads: [JSON], spent: Duration = .zero, threads: Int
    ) throws(BelfryError) -> [Float] {
        let documents = payloads.map(document)
        guard let budget else { return try tower.scores(of: documents, for: text, threads: threads) }
        let start = ContinuousClock.now - spent
        var scores: [Float] = []
        var longest = Duration.zero
        // A few at a time, as many as keep all threads busy. How long the very first take nobody knows before.
        while scores.count < documents.count {
            let began = ContinuousClock.now
            let isFirst = spent == .zero && scores.isEmpty
            guard isFirst || start.duration(to: began) + longest <= budget else { break }
            let next = documents[scores.count...].prefix(4 * threads)
            scores += try tower.scores(of: Array(next), for: text, threads: threads)
            longest = max(longest, began.duration(to: .now))
        }
        return scores
    }

    /// What is read of a payload: texts, numbers, and the elements of lists, one after the other.
    private func document(_ payload: JSON) -> String {
        fields.flatMap { $0.values(in: payload) }.flatMap { $0.array ?? [$0] }
            .compactMap { $0.string ?? ($0.number == nil ? nil : $0.text()) }
            .filter { !$0.isBlank }
            .joined(separator: " ")
    }
}
