package import Files

/// Reads the rows of a CSV, TSV or JSONL file, plain or gzip-compressed, as a stream: memory does not grow with the
/// file.
///
/// ```swift
/// let rows = try RowReader("products.csv")
/// let title = try rows.column("title")
/// while let event = try rows.next() {
///     switch event {
///     case .row(let row): print(row.line, row.text(title) ?? "")
///     case .problem(let problem): print(problem)
///     }
/// }
/// ```
/// A row that cannot be used is a problem, not an error: reading goes on behind it. Errors are thrown for the file as
/// a whole: it cannot be read, its gzip stream is damaged, a row is longer than the format allows.
/// Not safe to share between threads.
package final class RowReader {
    /// What `next` gives.
    package enum Event: Sendable {
        /// A row.
        case row(Row)
        /// A row that cannot be used.
        case problem(RowProblem)
    }

    private enum Source {
        case delimited(CSVReader)
        case lines(JSONLReader)
    }

    /// The file, for errors.
    package var path: String { input.path }
    /// The names of the columns; nil for JSONL and for a file without a header.
    package var columnNames: [String]? { header.names }
    /// How many columns each row has; nil for JSONL, and for a file without a header or a row.
    package var columnCount: Int? { header.count }
    private let input: TextInput
    private let source: Source
    private var header: Header
    /// The first record of a file without a header, which was read to count the columns.
    private var first: CSVReader.Event?
    private let missing: MissingTexts?
    /// How many rows have been read.
    private var number = 0

    /// Opens a file and reads its header.
    /// - Parameters:
    ///   - path: the file, or `-` for standard input, which needs a format.
    ///   - format: how the rows are written; without it the file's name says so.
    /// - Throws: `notFound`, `invalidInput` for a file without a header row, `corruptData` for a damaged gzip file.
    package init(_ path: String, format: RowFormat? = nil) throws(BelfryError) {
        let resolved: RowFormat
        if let format { resolved = format } else { resolved = try RowFormat(path: path) }
        let input = try TextInput(path)
        self.input = input
        missing = MissingTexts(resolved.missing)
        guard resolved.kind != .jsonl else {
            source = .lines(JSONLReader(input, limit: resolved.maximumRowBytes))
            header = Header(names: nil, count: nil, file: input.path)
            return
        }
        let reader = CSVReader(input, delimiter: resolved.delimiter, limit: resolved.maximumRowBytes)
        source = .delimited(reader)
        guard resolved.hasHeader else {
            first = try reader.next()
            var count: Int?
            if case .record(let record)? = first { count = record.ends.count }
            header = Header(names: nil, count: count, file: input.path)
            return
        }
        switch try reader.next() {
        case .record(let record):
            let row = Row(line: record.line, content: .delimited(record.text, ends: record.ends))
            header = Header(names: row.texts, count: row.count, file: input.path)
        case .problem(let problem):
            var error = problem.error(in: input.path)
            if problem.kind == .zeroByte { error.remedy = Remedy(RowFormat.withoutZeros(input.path)) }
            throw error
        case nil:
            throw BelfryError(
                .invalidInput, "The file is empty: it has no header row.", at: .init(file: input.path),
                remedy: "Write the columns' names into its first line, and the rows below.")
        }
    }

    /// Finds a column, once, before the rows are read.
    /// - Throws: `notFound` with the columns that are there, or `invalidInput` for a name that several columns have.
    package func column(_ reference: ColumnReference) throws(BelfryError) -> Column {
        switch (source, reference) {
        case (_, .rowNumber): return Column(place: .rowNumber)
        case (.delimited, _): return Column(place: .index(try header.index(of: reference)))
        case (.lines, .name(let name)):
            let path = name.split(separator: ".", omittingEmptySubsequences: false).map { String($0) }
            return Column(place: .field(name, path: path))
        case (.lines, .number(let number)):
            throw BelfryError(
                .invalidInput, "Rows of JSON have no column \(number).", at: .init(file: path),
                remedy: "Give the field's name, with dots for a nested one.")
        }
    }

    /// The next row or problem; nil at the end of the file.
    package func next() throws(BelfryError) -> Event? {
        let event = try read()
        number += 1
        guard case .row(var row)? = event else { return event }
        row.number = number
        return .row(row)
    }

    private func read() throws(BelfryError) -> Event? {
        switch source {
        case .lines(let reader):
            switch try reader.next() {
            case .object(let members, let line)?:
                return .row(Row(line: line, content: .object(missing?.leftOut(of: members) ?? members)))
            case .problem(let problem)?: return .problem(problem)
            case nil: return nil
            }
        case .delimited(let reader):
            let event: CSVReader.Event?
            if let waiting = first {
                event = waiting
                first = nil
            } else {
                event = try reader.next()
            }
            switch event {
            case .record(let record)?: return check(record)
            case .problem(let problem)?: return .problem(problem)
            case nil: return nil
            }
        }
    }

    private func check(_ record: CSVReader.Record) -> Event {
        let expected = header.count ?? record.ends.count
        if header.count == nil { header = Header(names: nil, count: expected, file: path) }
        guard record.ends.count == expected else {
            return .problem(
                RowProblem(
                    line: record.line, .columnCount,
                    "The row has \(record.ends.count) \(record.ends.count == 1 ? "column" : "columns"); \(expected) are expected."
                ))
        }
        let kept = missing?.leftOut(of: record) ?? record
        return .row(Row(line: kept.line, content: .delimited(kept.text, ends: kept.ends)))
    }

    /// How many bytes of the file have been read, and how many it has (nil for a pipe): how far the work is.
    package var progress: (done: Int, total: Int?) { (input.position, input.size) }
}
