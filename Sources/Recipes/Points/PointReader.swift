package import Belfry
package import Files
import Foundation
import Shards
package import Vectors

/// Reads points from a file, as a stream: what `upsert` and `import` write into a collection.
///
/// | file | a point is |
/// |---|---|
/// | `.jsonl` | a line `{"id": …, "vector": …, "payload": {…}}`. In the place of the vector, `text` or `fields` goes through the collection's tower. Without `payload`, all other members are it |
/// | `.csv`, `.tsv` | a row with a column `id`, and one of `vector` (as JSON) or `text`; all other columns are payload |
/// | `.npy`, `.fvecs`, `.bvecs` | a vector; its id is its row, or the line of a file of ids; or id and payload are those of a row of another file, in the same order: see ``VectorRows`` |
///
/// Several vectors of a point are an object by their names: `{"image": […], "title": "a red lamp"}`, where a text goes
/// through the tower of those vectors. `null` is a point without one. Rows may be compressed by gzip.
package final class PointReader {
    /// A point, before a tower has seen it.
    package struct Point: Sendable {
        /// The id as it was written.
        package var id: String
        /// What the point's vectors are, or are made of, by the names of their spaces.
        package var vectors: [String: Content]
        /// An object.
        package var payload: JSON
    }

    /// What a vector is made of.
    package enum Content: Sendable {
        /// The vector itself.
        case vector(PointVector)
        /// A text for the item tower.
        case text(String)
        /// The fields of the item tower.
        case fields(JSON)
    }

    private enum Source {
        case rows(RowReader)
        case vectors(VectorFile, Names)
    }

    /// Whose vectors those of a file are.
    private enum Names {
        case numbers
        case lines([String])
        case rows(VectorRows)
    }

    /// The file that says whose the vectors of another one are.
    package enum Companion: Sendable {
        /// An id on each line.
        case ids(String)
        /// Rows of ids and payload; `id` is the field of the ids.
        case rows(String, id: String)
    }

    private let source: Source
    private let path: String
    private var row = 0

    /// How far the work is: bytes, or vectors.
    package var progress: (done: Int, total: Int?) {
        switch source {
        case .rows(let reader): reader.progress
        case .vectors(let file, _): (row, file.rows)
        }
    }

    /// Opens a file.
    /// - Parameters:
    ///   - path: `-` for lines of JSON on standard input.
    ///   - companion: for vectors, whose they are; nil for the numbers of their rows.
    package init(_ path: String, with companion: Companion? = nil) throws(BelfryError) {
        self.path = path
        let name = path.hasSuffix(".gz") ? String(path.dropLast(3)) : path
        guard [".npy", ".fvecs", ".bvecs"].contains(where: name.hasSuffix) else {
            guard companion == nil else {
                throw BelfryError(
                    .invalidInput,
                    "The points have ids and payload of their own: only vectors have them in another file.",
                    at: .init(file: path), remedy: "Leave --rows and --ids out, or name a .npy, .fvecs or .bvecs.")
            }
            source = .rows(try RowReader(path, format: path == "-" ? RowFormat(path: "-.jsonl") : nil))
            return
        }
        let file = try VectorFile(path)
        switch companion {
        case nil: source = .vectors(file, .numbers)
        case .ids(let ids): source = .vectors(file, .lines(try Self.lines(ids, of: file)))
        case .rows(let rows, let id):
            source = .vectors(file, .rows(try VectorRows(rows, id: id, vectors: file.rows, in: path)))
        }
    }

    private static func lines(_ path: String, of file: VectorFile) throws(BelfryError) -> [String] {
        let text = String(decoding: try System.read(path), as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: true).map { String($0).trimmed }
        guard lines.count == file.rows else {
            throw BelfryError(
                .invalidInput, "\(lines.count) ids do not go with \(file.rows) vectors.", at: .init(file: path),
                remedy: "Write both from the same table: line i of one belongs to vector i of the other.")
        }
        var seen = Set<PointID>()
        if let twice = lines.first(where: { !seen.insert(PointName($0).id).inserted }) {
            throw BelfryError(
                .invalidInput, "The id \(twice.debugDescription) is there twice.", at: .init(file: path),
                remedy: "Every vector needs an id of its own.")
        }
        return lines
    }

    /// Refuses vectors that a space cannot hold, before any of them is written; of points that come one by one, which are not
    /// there yet, nothing is known.
    /// - Throws: `invalidInput` with file and row.
    package func requireVectors(_ check: VectorCheck) throws(BelfryError) {
        guard case .vectors(let file, _) = source else { return }
        try file.forEachBatch(check: check) { _, _ in }
    }

    /// Components per vector, where the file is one of vectors.
    package var dimension: Int? { if case .vectors(let file, _) = source { file.columns } else { nil } }

    /// The next points, as many as asked for; fewer at the end of the file.
    /// - Throws: `invalidInput` with the line of one that cannot be used.
    package func next(_ count: Int) throws(BelfryError) -> [Point] {
        switch source {
        case .vectors(let file, let names):
            let range = row..<min(row + count, file.rows)
            guard !range.isEmpty else { return [] }
            let vectors = try file.matrix(range)
            row = range.upperBound
            let rows =
                switch names {
                case .numbers: range.map { (id: "\($0)", payload: JSON.object([:])) }
                case .lines(let ids): ids[range].map { (id: $0, payload: JSON.object([:])) }
                case .rows(let rows): try rows.next(range.count)
                }
            guard rows.count == range.count else {
                throw BelfryError(.conflict, "The rows of the vectors were changed meanwhile.", at: .init(file: path))
            }
            return rows.enumerated().map { place, row in
                Point(id: row.id, vectors: ["": .vector(.dense(vectors[place]))], payload: row.payload)
            }
        case .rows(let reader):
            var points: [Point] = []
            while points.count < count {
                let point = try reader.nextUsable(
                    badRow: { problem throws(BelfryError) in throw problem },
                    { row throws(RowProblem) in try self.point(row, reader.columnNames) })
                guard let point else { break }
                points.append(point)
            }
            return points
        }
    }

    private func point(_ row: Row, _ columns: [String]?) throws(RowProblem) -> Point {
        var members = columns.map { JSON.Members(zip($0, row.texts).map { ($0, JSON.string($1)) }) } ?? row.members
        func take(_ name: String) -> JSON? {
            defer { members[name] = nil }
            return members[name]
        }
        guard let value = take("id"), let id = value.name else {
            throw RowProblem(line: row.line, .value, "The row has no id: a text or a whole number of 64 bits.")
        }
        let vectors = try vectors(take("vector"), take("fields"), members["text"], row.line)
        guard let payload = take("payload") else { return Point(id: id, vectors: vectors, payload: .object(members)) }
        members["text"] = nil
        guard members.isEmpty, case .object = payload else {
            throw RowProblem(
                line: row.line, .value,
                members.isEmpty
                    ? "The payload is no object."
                    : "Beside a payload there is \(members.names.joined(separator: ", ")).")
        }
        return Point(id: id, vectors: vectors, payload: payload)
    }

    private func vectors(
        _ vector: JSON?, _ fields: JSON?, _ text: JSON?, _ line: Int
    ) throws(RowProblem) -> [String: Content] {
        if let vector {
            // In a cell, JSON stands as text.
            let value = vector.string.flatMap { try? JSON(parsing: Data($0.utf8), source: "") } ?? vector
            if value == .null { return [:] }
            if let own = try pointVector(value, line) { return ["": .vector(own)] }
            guard case .object(let named) = value else {
                throw RowProblem(
                    line: line, .value, "The vector is no array of numbers, and no object of vectors by their names.")
            }
            var vectors: [String: Content] = [:]
            for (name, value) in named.sorted {
                if let own = try pointVector(value, line) {
                    vectors[name] = .vector(own)
                } else if let text = value.string {
                    vectors[name] = .text(text)
                } else {
                    throw RowProblem(line: line, .value, "The vector “\(name)” is neither numbers nor a text.")
                }
            }
            return vectors
        }
        if let fields {
            guard case .object = fields else { throw RowProblem(line: line, .value, "The fields are no object.") }
            return ["": .fields(fields)]
        }
        guard let text = text?.string else {
            throw RowProblem(line: line, .value, "The row has none of vector, text and fields.")
        }
        return ["": .text(text)]
    }

    private func pointVector(_ value: JSON, _ line: Int) throws(RowProblem) -> PointVector? {
        do throws(BelfryError) {
            return try PointVector(value)
        } catch {
            throw RowProblem(line: line, .value, error.message)
        }
    }
}
