import Files
import GRDB
import Shards

extension Catalogue.Transaction {
    /// A value of a payload as text, from the columns of SQLite's `json_each`.
    private static let text =
        "CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(value AS TEXT) END"

    /// The place of a payload's member in SQLite's JSON functions.
    private func member(_ field: String) -> String { "$.\"\(field.replacing("\"", with: "\\\""))\"" }

    /// Payload fields with the values of which a point must have one of each.
    typealias Alternatives = [(name: String, values: [String])]

    /// The slots of the points whose payload has one of the values of every field.
    func slots(where fields: Alternatives) throws -> [Slot] {
        let rows = try Int64.fetchAll(
            database, sql: "SELECT slot FROM points WHERE " + test("points.payload", fields),
            arguments: StatementArguments(arguments(fields)))
        return try rows.map { row in
            guard let slot = Slot(exactly: row) else {
                throw BelfryError.corrupt("The slot is none.", at: place("points", "\(row)"))
            }
            return slot
        }
    }

    /// Whether a payload that the catalogue need not have has one of the values of every field.
    func has(_ payload: String, _ fields: Alternatives) throws -> Bool {
        let statement = try database.cachedStatement(
            sql: "SELECT " + test("payloads.payload", fields) + " FROM (SELECT ? AS payload) AS payloads")
        return try Bool.fetchOne(statement, arguments: StatementArguments(arguments(fields) + [payload])) ?? false
    }

    private func test(_ payload: String, _ fields: Alternatives) -> String {
        fields.map { _, values in
            "EXISTS (SELECT 1 FROM json_each(\(payload), ?) WHERE \(Self.text) IN "
                + "(\(values.map { _ in "?" }.joined(separator: ", "))))"
        }.joined(separator: " AND ")
    }

    private func arguments(_ fields: Alternatives) -> [String] {
        fields.flatMap { [member($0.name)] + $0.values }
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
