public import Files
import Neighbors
public import Vectors

/// What a search starts from.
public enum SearchQuery: Sendable {
    /// A text, embedded by the query tower.
    case text(String)
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

    /// How queries of this kind are; nil for any.
    package var styles: Set<QueryStyle>? {
        switch self {
        case .text: QueryStyle.texts
        case .point: [.rows]
        case .user, .fields: [.users, .given]
        case .session: [.given]
        // A mean of rows is not like a row, and of a vector nobody knows what it is of.
        case .examples, .vector, .sparse, .multi: nil
        }
    }
}
