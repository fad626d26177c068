import Belfry
import Files
import Foundation
import Shards

/// The ids and the payload of vectors that lie in a file of their own: row i of one is vector i of the other.
///
/// | file | a row is |
/// |---|---|
/// | `.jsonl` | a line `{"id": …, "payload": {…}}`; without `payload`, all other members are it |
/// | `.csv`, `.tsv` | a row with a column of ids; all other columns are payload, as numbers where every cell of the column is one; an empty cell is absent |
///
/// The whole file is looked at before the first row is handed on: what does not fit together is said before anything is
/// written.
final class VectorRows {
    private let reader: RowReader
    private let id: String
    /// Of a table, the columns that hold numbers.
    private let numbers: Set<String>

    /// Opens a file.
    /// - Parameters:
    ///   - id: the field of the ids.
    ///   - vectors: how many vectors there are in `file`.
    /// - Throws: `invalidInput` with the line of a row that cannot be used, that has no id, or one that an earlier row has;
    ///   where there are more rows than vectors, or fewer.
    init(_ path: String, id: String, vectors: Int, in file: String) throws(BelfryError) {
        guard path != "-" else {
            throw BelfryError(
                .invalidInput, "The rows of vectors are read twice, which standard input cannot be.",
                remedy: "Write them to a file.")
        }
        numbers = try Self.look(at: path, id: id, vectors: vectors, in: file)
        reader = try RowReader(path)
        self.id = id
    }

    /// Looks through the file; returns the columns that hold numbers.
    private static func look(
        at path: String, id: String, vectors: Int, in file: String
    ) throws(BelfryError) -> Set<String> {
        let reader = try RowReader(path)
        let columns = reader.columnNames
        if let columns, !columns.contains(id) {
            throw BelfryError(
                .invalidInput, "The file has no column \(id.debugDescription) of ids.", at: .init(file: path),
                remedy: "Name another one with --id. It has: \(columns.joined(separator: ", ")).")
        }
        var lines: [PointID: Int] = [:]
        var count = 0
        var numbers = columns ?? []
        var filled = Set<String>()
        while let row = try reader.nextUsable(badRow: { problem throws(BelfryError) in throw problem }, { $0 }) {
            let name = try Self.id(of: row, id, columns, path)
            if let line = lines.updateValue(row.line, forKey: PointName(name).id) {
                throw BelfryError(
                    .invalidInput, "The id \(name.debugDescription) is that of line \(line) as well.",
                    at: .line(row.line, of: path), remedy: "Every row needs an id of its own; --id names their field.")
            }
            count += 1
            guard !numbers.isEmpty else { continue }
            let cells = Dictionary(zip(columns ?? [], row.texts)) { first, _ in first }
            numbers.removeAll { column in
                guard let cell = cells[column], !cell.isEmpty else { return false }
                filled.insert(column)
                return number(cell) == nil
            }
        }
        guard count == vectors else {
            throw BelfryError(
                .invalidInput, "The file has \(count) rows, and \(file) has \(vectors) vectors.", at: .init(file: path),
                remedy: "Write both from the same table: row i of one belongs to vector i of the other.")
        }
        return Set(numbers).intersection(filled)
    }

    private static func id(
        of row: Row, _ field: String, _ columns: [String]?, _ path: String
    ) throws(BelfryError) -> String {
        let name =
            if let columns, let place = columns.firstIndex(of: field) {
                row.texts[place].trimmed
            } else { row.members[field]?.name ?? "" }
        guard !name.isEmpty else {
            let others = columns ?? row.members.names
            throw BelfryError(
                .invalidInput,
                "The row has no id in \(field.debugDescription): a text or a whole number of 64 bits.",
                at: .line(row.line, of: path),
                remedy: "Name the field of the ids with --id. The row has: \(others.joined(separator: ", ")).")
        }
        return name
    }

    /// The number that a cell is; nil for a text, such as `00123`.
    private static func number(_ cell: String) -> JSON? {
        guard let value = try? JSON(parsing: Data(cell.trimmed.utf8), source: ""), value.number != nil else {
            return nil
        }
        return value
    }

    /// The next rows, as many as asked for; fewer at the end of the file.
    func next(_ count: Int) throws(BelfryError) -> [(id: String, payload: JSON)] {
        var rows: [(id: String, payload: JSON)] = []
        while rows.count < count,
            let row = try reader.nextUsable(
                badRow: { problem throws(BelfryError) in throw problem },
                { row throws(RowProblem) in (row, try self.payload(of: row)) })
        {
            rows.append((try Self.id(of: row.0, id, reader.columnNames, reader.path), row.1))
        }
        return rows
    }

    private func payload(of row: Row) throws(RowProblem) -> JSON {
        if let columns = reader.columnNames {
            var members = JSON.Members()
            for (column, cell) in zip(columns, row.texts) where column != id && !cell.isEmpty {
                members[column] = numbers.contains(column) ? Self.number(cell) : .string(cell)
            }
            return .object(members)
        }
        var members = row.members
        members[id] = nil
        guard members["vector"] == nil else {
            throw RowProblem(
                line: row.line, .value, "The row has a vector of its own, and there are vectors in a file as well.")
        }
        guard members.count == 1, let payload = members["payload"] else { return .object(members) }
        guard case .object = payload else {
            throw RowProblem(line: row.line, .value, "The payload is no object.")
        }
        return payload
    }
}
