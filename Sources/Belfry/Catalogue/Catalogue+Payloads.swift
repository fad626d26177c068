import Files
import GRDB
import Shards

extension Catalogue.Transaction {
    /// A value of a payload as text, from the columns of SQLite's `json_each`.
    private static let text =
        "CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(value AS TEXT) END"

    /// The place of a payload's member in SQLite's JSON functions.
    private func member(_ field: String) -> String { "$.\"\(field.replacing("\"", with: "\\\""))\"" }

    /// Names of payload fields, as the first points have them.
    func payloadFields(ofFirst points: Int, limit: Int) throws -> [String] {
        try String.fetchAll(
            database,
            sql: "SELECT DISTINCT key FROM (SELECT payload FROM points LIMIT ?) AS some, json_each(some.payload) "
                + "ORDER BY key LIMIT ?", arguments: [points, limit])
    }

    /// Values that a payload field has, the most frequent first.
    func values(of field: String, limit: Int) throws -> [String] {
        try String.fetchAll(
            database,
            sql: "SELECT \(Self.text) AS text FROM points, json_each(points.payload, ?) WHERE type <> 'null' "
                + "GROUP BY text ORDER BY COUNT(*) DESC, text LIMIT ?",
            arguments: [member(field), limit])
    }
}

extension Catalogue.Transaction {
    /// Names of points, as the rows wrote them.
    func pointNames(limit: Int) throws -> [String] {
        try DatabaseRow.fetchAll(database, sql: "SELECT id, key FROM points LIMIT ?", arguments: [limit]).compactMap {
            row in
            let key: String? = row["key"]
            return key ?? PointID(databaseValue: row["id"])?.description
        }
    }

    func userNames(limit: Int) throws -> [String] {
        try String.fetchAll(database, sql: "SELECT key FROM users LIMIT ?", arguments: [limit])
    }
}
