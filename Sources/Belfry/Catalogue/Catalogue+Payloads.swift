import Files
import GRDB
import Shards

extension Catalogue.Transaction {
    /// A value of a payload as text, from the columns of SQLite's `json_each`.
    private static let text =
        "CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(value AS TEXT) END"

    /// The place of a payload's member in SQLite's JSON functions.
    private func member(_ field: String) -> String { "$.\"\(field.replacing("\"", with: "\\\""))\"" }

    /// Where the points lie whose payload has one of the values of every field.
    func places(where fields: [(name: String, values: [String])]) throws -> [(segment: Int, row: Int)] {
        let tests = fields.map { _, values in
            "EXISTS (SELECT 1 FROM json_each(points.payload, ?) WHERE \(Self.text) IN "
                + "(\(values.map { _ in "?" }.joined(separator: ", "))))"
        }
        let rows = try DatabaseRow.fetchAll(
            database, sql: "SELECT segment, row FROM points WHERE " + tests.joined(separator: " AND "),
            arguments: StatementArguments(fields.flatMap { [member($0.name)] + $0.values }))
        return try rows.map { (try integer($0[0]), try integer($0[1])) }
    }

    /// Names of payload fields, as the first points have them.
    func payloadFields(limit: Int) throws -> [String] {
        try String.fetchAll(
            database,
            sql: "SELECT DISTINCT key FROM (SELECT payload FROM points LIMIT 1000) AS some, json_each(some.payload) "
                + "ORDER BY key LIMIT ?", arguments: [limit])
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
