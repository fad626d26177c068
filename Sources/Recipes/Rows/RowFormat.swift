package import Files

/// How a file of rows is written.
package struct RowFormat: Hashable, Sendable {
    /// The kinds of files that are read.
    package enum Kind: String, CaseIterable, Codable, Sendable {
        /// Comma-separated values (RFC 4180).
        case csv
        /// Tab-separated values. Quotes mean what they mean in CSV: spreadsheets write them so.
        case tsv
        /// One JSON object a line, or one array of objects.
        case jsonl
    }

    /// Delimited text or JSON lines.
    package var kind: Kind
    /// What stands between the columns of `csv` and `tsv`: one ASCII character.
    package let delimiter: UInt8
    /// Whether the first row of `csv` and `tsv` names the columns.
    package var hasHeader: Bool
    /// The longest row in bytes. A longer one is more likely a quote that is never closed.
    package var maximumRowBytes = 16 << 20
    /// Texts that mean that a cell, or a JSON field, is empty, as `NA`.
    package var missing: [String] = []

    /// A format.
    /// - Parameter delimiter: another one than the kind's own, such as `;`.
    /// - Throws: `invalidInput` for a delimiter that is not one ASCII character, or that would be ambiguous.
    package init(_ kind: Kind, delimiter: String? = nil, hasHeader: Bool = true) throws(BelfryError) {
        self.kind = kind
        self.hasHeader = hasHeader
        let text = delimiter ?? (kind == .tsv ? "\t" : ",")
        guard text.utf8.count == 1, let byte = text.utf8.first, byte < 128, !Self.reserved.contains(byte) else {
            throw BelfryError(
                .invalidInput, "The delimiter '\(text)' cannot separate columns.",
                remedy: "Give one ASCII character that is neither a quote nor a line break, such as ; or |.")
        }
        self.delimiter = byte
    }

    /// The format that a file's name says: `.csv`, `.tsv`, `.jsonl`, `.ndjson` or `.json`, with or without `.gz`.
    /// - Throws: `invalidInput` if the name says nothing.
    package init(path: String) throws(BelfryError) {
        let name = path.lowercased()
        let plain = name.hasSuffix(".gz") ? String(name.dropLast(3)) : name
        let kinds: [(String, Kind)] = [
            (".csv", .csv), (".tsv", .tsv), (".jsonl", .jsonl), (".ndjson", .jsonl), (".json", .jsonl),
        ]
        guard let kind = kinds.first(where: { plain.hasSuffix($0.0) })?.1 else {
            throw BelfryError(
                .invalidInput, "The file's name does not say how its rows are written.", at: .init(file: path),
                remedy: Self.conversion(path) ?? "Give the format (csv, tsv or jsonl), or rename the file.")
        }
        try self.init(kind)
    }

    /// How rows of a kind that is not read become some that are; nil for a name that says nothing.
    /// - Parameter kind: what the file is, as the end of a name, where its own name says otherwise.
    static func conversion(_ path: String, kind: String? = nil) -> String? {
        let parts = path.split(separator: "/").last?.split(separator: ".") ?? []
        guard let kind = kind ?? (parts.count > 1 ? parts.last?.lowercased() : nil) else { return nil }
        let target = "rows.jsonl"
        func pandas(_ reader: String) -> String {
            "Write its rows as JSON lines: python3 -c 'import pandas; pandas.\(reader)(\"\(path)\")"
                + ".to_json(\"\(target)\", orient=\"records\", lines=True)'"
        }
        switch kind {
        case "parquet", "pq": return pandas("read_parquet")
        case "feather", "arrow": return pandas("read_feather")
        case "xlsx", "xls", "xlsm", "ods": return "Save the sheet as CSV in UTF-8, or: " + pandas("read_excel")
        case "db", "sqlite", "sqlite3":
            return "Write a table of it as CSV: sqlite3 -header -csv \(path) \"select * from TABLE\" > rows.csv"
        case "zst": return "Unpack it first: zstd -d \(path)"
        case "xz": return "Unpack it first: xz -dk \(path)"
        case "bz2": return "Unpack it first: bunzip2 -k \(path)"
        case "zip": return "Unpack it first: unzip \(path)"
        default: return nil
        }
    }

    /// What to do about a file with zero bytes.
    static func withoutZeros(_ path: String) -> String {
        "If the text is UTF-16: iconv -f UTF-16LE -t UTF-8 \(path) > utf8.csv. Else take the zero bytes out: "
            + "tr -d '\\000' < \(path) > clean.csv"
    }

    private static let reserved: [UInt8] = [0, 10, 13, UInt8(ascii: "\"")]
}
