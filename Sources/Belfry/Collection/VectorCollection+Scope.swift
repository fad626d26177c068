package import Files
import GRDB
import Shards
import Synchronization
import Vectors

extension VectorCollection {
    /// Which points a search may answer with.
    package struct Scope: Sendable {
        /// For each query the points that it must not find; empty if there are none for any.
        package var leavingOut: [[Place]]
        /// The only points that may be answered; nil for all.
        package var within: PointSet?

        /// A scope, of all points unless it says otherwise.
        package init(leavingOut: [[Place]] = [], within: PointSet? = nil) {
            (self.leavingOut, self.within) = (leavingOut, within)
        }
    }

    /// Points, by segment and row.
    package struct PointSet: Sendable {
        var rows: [Int: RowSet] = [:]
        /// How many points there are.
        package var count: Int { rows.values.reduce(0) { $0 + $1.count } }

        /// Whether the point at `place` is one of them.
        package func contains(_ place: Place) -> Bool { rows[place.segment]?.contains(place.row) == true }

        /// The points that are in both sets.
        func intersection(_ other: PointSet) -> PointSet {
            var common = PointSet()
            for (segment, set) in rows { common.rows[segment] = other.rows[segment].map(set.intersection) }
            return common
        }
    }

    /// A payload field and the value that it must have; of a list, one of its elements.
    public struct Condition: Hashable, Sendable {
        /// The payload's field.
        public var field: String
        /// The value as text: `5`, `true` and `red` stand for the number, the boolean and the text.
        public var value: String

        /// A condition.
        public init(field: String, value: String) { (self.field, self.value) = (field, value) }

        /// Whether both ask for the same, by the bytes of their texts.
        public static func == (first: Condition, second: Condition) -> Bool {
            first.field.hasSameBytes(as: second.field) && first.value.hasSameBytes(as: second.value)
        }

        /// Feeds the bytes of both texts.
        public func hash(into hasher: inout Hasher) {
            hasher.combine(UTF8Key(field))
            hasher.combine(UTF8Key(value))
        }
    }

    /// The points whose payload meets the conditions, where those of one field are alternatives; nil without conditions.
    /// What was found is kept.
    /// - Throws: `notFound` where no point meets one of them, with values that there are.
    package func points(where conditions: [Condition]) throws(BelfryError) -> PointSet? {
        guard !conditions.isEmpty else { return nil }
        if let known = filters.withLock({ $0[conditions] }) { return known }
        if let cut = conditions.first(where: { $0.field.utf8.contains(0) || $0.value.utf8.contains(0) }) {
            throw BelfryError(
                .invalidInput,
                "The condition on \(cut.field.debugDescription) has the character U+0000: no payload has.")
        }
        var found = PointSet()
        for segment in segments { found.rows[segment.number] = RowSet(capacity: segment.vectors.rowCount) }
        try catalogue.read { transaction in
            for place in try transaction.places(conditions) {
                guard let capacity = found.rows[place.segment]?.capacity, (0..<capacity).contains(place.row) else {
                    throw BelfryError.corrupt(
                        "A point lies in row \(place.row) of segment \(place.segment), which is not there.",
                        at: .init(file: catalogue.path))
                }
                found.rows[place.segment]!.insert(place.row)
            }
        }
        guard found.count > 0 else { throw try nothingMeets(conditions) }
        filters.withLock { $0[conditions] = found }
        return found
    }

    private func nothingMeets(_ conditions: [Condition]) throws(BelfryError) -> BelfryError {
        let named = conditions.map { "\($0.field) = \($0.value)" }.joined(separator: " and ")
        let (known, fields) = try catalogue.read { transaction in
            (try transaction.values(of: conditions[0].field, limit: 20), try transaction.payloadFields(limit: 50))
        }
        return BelfryError(
            .notFound, "No point has \(named) in its payload.", at: .init(file: path),
            remedy: known.isEmpty
                ? "No point has a payload field \(conditions[0].field.debugDescription). "
                    + (fields.isEmpty ? "The points have no payload." : "There are: \(fields.joined(separator: ", ")).")
                : "Values of \(conditions[0].field): \(known.joined(separator: ", ")).")
    }
}

extension Catalogue.Transaction {
    /// A value of a payload as text, from the columns of SQLite's `json_each`.
    private static let text =
        "CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(value AS TEXT) END"

    /// The place of a payload's member in SQLite's JSON functions.
    private func member(_ field: String) -> String { "$.\"\(field.replacing("\"", with: "\\\""))\"" }

    /// Where the points lie whose payload meets the conditions of every field: one of those that the field has.
    func places(_ conditions: [VectorCollection.Condition]) throws -> [VectorCollection.Place] {
        let fields = Dictionary(grouping: conditions) { UTF8Key($0.field) }.sorted { $0.key < $1.key }
        let tests = fields.map { _, values in
            "EXISTS (SELECT 1 FROM json_each(points.payload, ?) WHERE \(Self.text) IN "
                + "(\(values.map { _ in "?" }.joined(separator: ", "))))"
        }
        let rows = try DatabaseRow.fetchAll(
            database, sql: "SELECT segment, row FROM points WHERE " + tests.joined(separator: " AND "),
            arguments: StatementArguments(fields.flatMap { [member($0.key.text)] + $0.value.map(\.value) }))
        return rows.map { VectorCollection.Place(segment: $0["segment"], row: $0["row"]) }
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
