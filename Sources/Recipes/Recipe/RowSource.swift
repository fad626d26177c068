import Files
import Foundation
import Yams

/// Where the rows of a recipe come from: a file, its format, and names for its columns.
package struct RowSource: Sendable {
    /// The file.
    package let file: String
    /// How its rows are written.
    package let format: RowFormat
    /// What the recipe calls columns; any other name is a header or a JSON field.
    package let columns: [String: ColumnReference]

    static let fields = ["file", "format", "header", "delimiter", "columns", "missing", "number"]

    init(_ fields: YAMLFields, folder: String) throws(BelfryError) {
        file = try Recipe.path(fields.text("file"), in: folder)
        let kind = try fields.optionalChoice("format", of: RowFormat.Kind.self)
        let delimiter = try fields.optionalText("delimiter")
        let hasHeader = try fields.optionalBool("header") ?? true
        let named = if let kind { kind } else { try RowFormat(path: file).kind }
        var format = try RowFormat(named, delimiter: delimiter, hasHeader: hasHeader)
        format.missing = try Self.missing(fields)
        self.format = format
        var columns = try Self.columns(fields)
        if let name = try fields.optionalText("number") {
            guard columns[name] == nil else {
                throw fields.failure("number", "names \(name.debugDescription), as columns does.")
            }
            columns[name] = .rowNumber
        }
        self.columns = columns
    }

    private static func missing(_ fields: YAMLFields) throws(BelfryError) -> [String] {
        guard let node = fields.node("missing") else { return [] }
        let texts = (node.sequence.map { Array($0) } ?? [node]).map { $0.scalar?.string ?? "" }
        guard !texts.isEmpty, texts.allSatisfy({ !$0.isEmpty }) else {
            throw fields.failure("missing", "must be a list of texts that mean an empty cell, as [NA, \"-\"].")
        }
        return texts
    }

    private static func columns(_ fields: YAMLFields) throws(BelfryError) -> [String: ColumnReference] {
        guard let entries = try fields.optionalFields("columns", known: nil) else { return [:] }
        var columns: [String: ColumnReference] = [:]
        for name in entries.names {
            guard let scalar = entries.node(name)?.scalar else {
                throw entries.failure(name, "must be a column's number, from 1, or its header.")
            }
            // A quoted number is a header.
            if scalar.style == .plain, let number = Int(scalar.string) {
                guard number >= 1 else { throw entries.failure(name, "is \(number); columns count from 1.") }
                columns[name] = .number(number)
            } else {
                columns[name] = .name(scalar.string)
            }
        }
        return columns
    }

    /// What `field` of the recipe means in the file.
    package func reference(_ field: String) -> ColumnReference { columns[field] ?? .name(field) }

    /// Everything but the file's place, for the recipe's digest.
    var canonical: JSON {
        var members: [String: JSON] = [
            "format": .string(format.kind.rawValue), "delimiter": .integer(Int64(format.delimiter)),
            "header": .bool(format.hasHeader), "columns": .object(columns.mapValues { .string("\($0)") }),
        ]
        if !format.missing.isEmpty { members["missing"] = .array(format.missing.map { .string($0) }) }
        return .object(members)
    }

    /// SHA-256 over the file, how it is read, and what else decides what becomes of its rows.
    func digest(with members: [String: JSON]) throws(BelfryError) -> String {
        var content = members
        content["rows"] = canonical
        content["file"] = .string(try Digest.sha256(file: file))
        return Digest.sha256(Data(JSON.object(content).text().utf8))
    }
}
