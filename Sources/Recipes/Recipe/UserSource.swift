import Files

/// Where a recipe's users come from: rows with an id, the query tower's fields, and what each has had already.
///
/// ```yaml
/// users:
///   file: users.jsonl
///   id: user_id
///   seen: watched          # a list of ids that a recommendation leaves out
/// ```
package struct UserSource: Sendable {
    /// Where the rows are.
    package let rows: RowSource
    /// The field that holds the user's id.
    package let id: String
    /// The field that lists the points that a recommendation leaves out.
    package let seen: String?

    static let fields = RowSource.fields + ["id", "seen"]

    init(_ fields: YAMLFields, folder: String) throws(BelfryError) {
        rows = try RowSource(fields, folder: folder)
        id = try fields.text("id")
        seen = try fields.optionalText("seen")
    }

    /// What decides who the users are, with the rows' own digest, for the build's journal.
    func digest() throws(BelfryError) -> String {
        try rows.digest(with: ["id": .string(id), "seen": seen.map { .string($0) } ?? .null])
    }
}
