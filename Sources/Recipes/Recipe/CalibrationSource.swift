import Belfry
import Files
import Towers

/// Queries that recall targets are calibrated on, for collections whose queries are not like their points.
///
/// ```yaml
/// calibrate:
///   file: sessions.jsonl
///   session: items             # what a query is: text, session or fields
/// ```
/// The users of a recipe serve where this is not said; rows of the data where there are no users.
package struct CalibrationSource: Sendable {
    /// Where the rows are.
    let rows: RowSource
    /// What a row asks for; nil for the query tower's fields by their names.
    let query: Recipe.Evaluation.QueryFields?

    init(_ fields: YAMLFields, folder: String) throws(BelfryError) {
        rows = try RowSource(fields, folder: folder)
        let kinds = Self.kinds.filter { fields.node($0) != nil }
        guard kinds.count == 1 else {
            throw fields.failure("file", "needs beside it one of \(Self.kinds.joined(separator: ", ")).")
        }
        query = try Recipe.Evaluation.query(fields, kinds[0])
    }

    /// The users as queries.
    init(_ users: UserSource) {
        rows = users.rows
        query = nil
    }

    private static let kinds = ["text", "session", "fields"]
    static let fields = RowSource.fields + kinds

    /// Whether the recipe's users are the queries.
    var isUsers: Bool { query == nil }

    /// Refuses queries of a kind that the query tower does not take.
    func requireQueries(of tower: Tower, in folder: String) throws(BelfryError) {
        let refused: String?
        switch query {
        case .text?: refused = tower.takesTexts ? nil : "text"
        case .session?: refused = tower.sessionField != nil ? nil : "session"
        default: refused = nil
        }
        guard let refused else { return }
        throw BelfryError(
            .invalidInput,
            "calibrate gives the query tower a \(refused), but it takes \(tower.fieldsAndTypes).",
            at: .init(file: "\(folder)/recipe.yaml"),
            remedy: "Write text, session or fields under calibrate, as the tower takes them, or leave calibrate out.")
    }

    /// What decides on the queries.
    func digest() throws(BelfryError) -> String {
        try rows.digest(with: ["query": .string(query.map { "\($0)" } ?? "users")])
    }
}
