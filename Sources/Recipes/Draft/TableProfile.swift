package import Files

/// What is in a file of rows: how it is written, and what each of its columns holds, over all of its rows.
///
/// The file is read once, as a stream. What is kept does not grow with it, but for the ids of columns that may be one.
package struct TableProfile {
    /// The file.
    package let file: String
    let format: FormatGuess
    /// In the order of the file; of JSON, in which they came.
    private(set) var columns: [ColumnProfile] = []
    private(set) var ids = IDCandidates()
    /// Rows that can be read.
    package private(set) var rows = 0
    /// Rows that cannot, and the first of them.
    package private(set) var badRows = 0
    private(set) var firstBad: RowProblem?
    /// Fields of JSON that are more than can be looked at.
    private(set) var fieldsLeftOut = 0

    /// Columns of the file.
    package var columnCount: Int { columns.count }
    /// Whether rows are of columns, or else of JSON.
    var isDelimited: Bool { format.format.kind != .jsonl }

    /// JSON may have any number of fields.
    private static let mostFields = 1_000

    /// Reads the file.
    /// - Parameter reading: hears how many bytes are read, and of how many.
    /// - Throws: `notFound`; `invalidInput` for a file without a row that can be read, and for one of another kind, with
    ///   what converts it.
    package init(_ path: String, reading: (_ done: Int, _ total: Int?) -> Void = { _, _ in }) throws(BelfryError) {
        guard path != "-" else {
            throw BelfryError(
                .invalidInput, "A recipe names the file of its rows: standard input has no name.",
                remedy: "Write the rows to a file, and name that.")
        }
        file = path
        format = try FormatGuess(path)
        let reader = try RowReader(path, format: format.format)
        var places: [UTF8Key: Int] = [:]
        var found: [Column] = []
        if isDelimited {
            let names = reader.columnNames ?? []
            for number in 1...max(1, reader.columnCount ?? 0) where number <= reader.columnCount ?? 0 {
                let name = number <= names.count ? names[number - 1] : nil
                append(ColumnProfile(header: name, reference: .number(number)))
                found.append(try reader.column(.number(number)))
            }
        }
        while let event = try reader.next() {
            guard case .row(let row) = event else {
                if case .problem(let problem) = event { firstBad = firstBad ?? problem }
                badRows += 1
                continue
            }
            rows += 1
            if isDelimited {
                for index in found.indices { take(row.value(found[index]), index, row.line) }
            } else {
                take(row.members, row.line, &places)
            }
            if rows % 1_024 == 0 { reading(reader.progress.done, reader.progress.total) }
        }
        guard rows > 0 else { throw noRows }
    }

    private mutating func append(_ column: ColumnProfile) {
        ids.begin(columns.count, named: column.name.asID > 0)
        columns.append(column)
    }

    private mutating func take(_ value: JSON?, _ index: Int, _ line: Int) {
        ids.add(value, column: index, line: line)
        if let value, value != .null { columns[index].add(value, line: line) }
    }

    private mutating func take(_ members: JSON.Members, _ line: Int, _ places: inout [UTF8Key: Int]) {
        for name in members.names where places[UTF8Key(name)] == nil {
            guard columns.count < Self.mostFields else {
                fieldsLeftOut += 1
                continue
            }
            places[UTF8Key(name)] = columns.count
            append(ColumnProfile(header: name, reference: .name(name)))
            // Rows before this one do not have the field.
            if rows > 1 { ids.lacks(rows - 1, column: columns.count - 1) }
        }
        for (key, index) in places { take(members[key.text], index, line) }
    }

    private var noRows: BelfryError {
        if let firstBad {
            let remedy =
                switch firstBad.kind {
                case .zeroByte: RowFormat.withoutZeros(file)
                case .encoding: "If it was written by a spreadsheet: iconv -f WINDOWS-1252 -t UTF-8 \(file) > utf8.csv"
                case .quote: "Close the quote; a quote within a text is written twice."
                default: "Mend the file; docs/recipe.md says what a row may be."
                }
            return BelfryError(
                .invalidInput,
                (badRows == 1 ? "The only row cannot be read" : "Not one of \(badRows) rows can be read. The first")
                    + ": \(firstBad.message)", at: .line(firstBad.line, of: file), remedy: remedy)
        }
        return BelfryError(
            .invalidInput, isDelimited ? "The file has a header and no row behind it." : "The file has no rows.",
            at: .init(file: file), remedy: "Write the rows into it; a recipe is guessed from what is in them.")
    }
}
