public import Files
import Neighbors
public import Vectors

/// A point or a vector that answers are compared with.
public enum Example: Sendable, ExpressibleByStringLiteral {
    /// A point, by its id or key.
    case point(String)
    /// A vector of the collection's dimension.
    case vector([Float])

    /// The point of this id or key.
    public init(stringLiteral name: String) { self = .point(name) }
}

/// What a search starts from.
public indirect enum SearchQuery: Sendable {
    /// A text, embedded by the query tower.
    case text(String)
    /// A text or a point, searched for by meaning and by words, whose answers are made one ranking. The words count for a
    /// share of the score from 0 to 1; nil for what the collection says. The request's space is the one that is searched by
    /// meaning.
    case hybrid(SearchQuery, words: Double? = nil)
    /// An object of the query tower's fields: a user's features, for example.
    case fields(JSON)
    /// A user by id: one of the recipe's users, or a value of the one field that the query tower needs.
    case user(String)
    /// A session by the ids of its items, the oldest first, embedded by a session tower.
    case session([String])
    /// A point, by its id or key.
    case point(String)
    /// Points that the answers are to be like, and unlike.
    case examples(like: [String], unlike: [String])
    /// A vector of the collection's dimension.
    case vector([Float])
    /// Weights of terms, for sparse vectors.
    case sparse(SparseVector)
    /// Several vectors, for points that have several.
    case multi([[Float]])
    /// Examples, in the order that the score names, by which every point is scored: see ``recommend(like:unlike:bySum:)``,
    /// ``discover(_:context:)`` and ``context(_:)``. All points are looked at.
    case scored(ExampleScore, [Example])
    /// The answers of several searches, made one ranking. Each search answers as many as its `k` says; the request's filter
    /// holds for all of them.
    case fused([SearchRequest], Fusion)
    /// The answers of several searches, scored by a formula of their scores and payloads.
    case formula([SearchRequest], ScoreFormula)
    /// The answers of a search, of which the best are put in the order of a cross-encoder: as many as its `k` says, or where that
    /// is 0, as are read or asked for. An answer that was read has the cross-encoder's score.
    case reranked(SearchRequest, Reranking)
    /// Points by a payload field, in the place of a score.
    case ordered(OrderBy)
    /// These points, by their ids or keys, in their order, as far as they are there.
    case listed([String])
    /// Points at random; the same ones for the same seed, as long as nothing is written.
    case sample(seed: UInt64)

    /// How queries of this kind are; nil for any.
    package var styles: Set<QueryStyle>? {
        switch self {
        case .text: QueryStyle.texts
        case .hybrid(let query, _): query.styles
        case .point: [.rows]
        case .user, .fields: [.users, .given]
        case .session: [.given]
        // A mean of rows is not like a row, and of a vector nobody knows what it is of.
        case .examples, .vector, .sparse, .multi, .scored, .fused, .formula, .reranked, .ordered, .listed, .sample:
            nil
        }
    }
}

extension SearchQuery {
    /// Points like some examples and unlike others, by the most similar one, or by all alike. Without examples of what they are
    /// to be like, the answers are what is least like the others. ``examples(like:unlike:)`` searches for the mean of
    /// examples, which an index finds.
    public static func recommend(like: [Example], unlike: [Example] = [], bySum: Bool = false) -> SearchQuery {
        let score: ExampleScore =
            bySum
            ? .sumScores(positives: like.count, negatives: unlike.count)
            : .bestScore(positives: like.count, negatives: unlike.count)
        return .scored(score, like + unlike)
    }

    /// Points near a target, of those on the right side of most pairs: more like the first of each than like the second.
    public static func discover(_ target: Example, context: [(like: Example, unlike: Example)]) -> SearchQuery {
        .scored(.discovery(pairs: context.count), [target] + context.flatMap { [$0.like, $0.unlike] })
    }

    /// Points on the right side of pairs: more like the first of each than like the second.
    public static func context(_ pairs: [(like: Example, unlike: Example)]) -> SearchQuery {
        .scored(.context(pairs: pairs.count), pairs.flatMap { [$0.like, $0.unlike] })
    }
}
