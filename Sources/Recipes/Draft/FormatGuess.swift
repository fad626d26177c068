import Files

/// How a file's rows are written, as far as its name and its first rows tell.
struct FormatGuess {
    /// How the file is read.
    let format: RowFormat
    /// What a recipe must say of it, beside the file: nothing where the name says it.
    let isNamed: Bool

    /// Looks at the first rows.
    /// - Throws: `invalidInput` with the command that converts a file of a kind that is not read.
    init(_ path: String) throws(BelfryError) {
        guard !System.isDirectory(path) else {
            throw BelfryError(
                .invalidInput, "This is a folder, and no file of rows.", at: .init(file: path),
                remedy: "Name a .csv, .tsv, .jsonl or .json in it, each also .gz.")
        }
        var kind: RowFormat.Kind
        do throws(BelfryError) {
            kind = try RowFormat(path: path).kind
            isNamed = true
        } catch {
            // The name says nothing, or that this is something else.
            if RowFormat.conversion(path) != nil { throw error }
            kind = try Self.looksLikeJSON(path) ? .jsonl : .csv
            isNamed = false
        }
        guard kind != .jsonl else {
            format = try RowFormat(.jsonl)
            return
        }
        let usual: Character = kind == .tsv ? "\t" : ","
        let delimiter = try Self.delimiter(path, kind, usual)
        if delimiter == "\t" { kind = .tsv }
        let own: Character = kind == .tsv ? "\t" : ","
        format = try RowFormat(
            kind, delimiter: delimiter == own ? nil : String(delimiter),
            hasHeader: Self.hasHeader(path, kind, delimiter))
    }

    private static func looksLikeJSON(_ path: String) throws(BelfryError) -> Bool {
        let buffer = RecordBuffer(try TextInput(path), capacity: 64)
        try buffer.skipByteOrderMark()
        let first = buffer.bytes.first { $0 != 32 && !(9...13).contains($0) }
        return first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    }

    /// What cuts the first rows into the most columns, nearly all of them into as many as the first.
    private static func delimiter(
        _ path: String, _ kind: RowFormat.Kind, _ usual: Character
    ) throws(BelfryError) -> Character {
        var best: (delimiter: Character, columns: Int) = (usual, 1)
        for delimiter in [usual] + [",", ";", "\t", "|"].filter({ $0 != usual }) {
            // A file that cannot be read at all is said by whoever reads it.
            guard let rows = try? first(path, kind, delimiter), let columns = rows.first?.count, columns > 1 else {
                continue
            }
            let like = rows.count { $0.count == columns }
            if Double(like) >= 0.8 * Double(rows.count), columns > best.columns { best = (delimiter, columns) }
            // What the name says is right where it works.
            if delimiter == usual, best.columns > 1 { break }
        }
        return best.delimiter
    }

    /// Whether the first row names the columns: it does unless a cell of it is a number, a time or a link, and those below
    /// are, too.
    private static func hasHeader(_ path: String, _ kind: RowFormat.Kind, _ delimiter: Character) -> Bool {
        guard let rows = try? first(path, kind, delimiter), let header = rows.first, rows.count > 1 else { return true }
        let below = rows.dropFirst().filter { $0.count == header.count }
        guard !below.isEmpty else { return true }
        for (column, name) in header.enumerated() where isValue(name) {
            let values = below.map { $0[column] }.filter { !$0.isBlank }
            let like = values.count(where: isValue)
            if !values.isEmpty, Double(like) >= 0.9 * Double(values.count) { return false }
        }
        return true
    }

    /// Years stand in headers, too.
    private static func isValue(_ text: String) -> Bool {
        let text = text.trimmed
        if text.hasPrefix("http://") || text.hasPrefix("https://") { return true }
        guard (try? PayloadType.number.convert(text, field: "")) ?? nil != nil else { return false }
        return Int(text).map { !(1_800...2_200).contains($0) } ?? true
    }

    /// The cells of the first rows.
    private static func first(
        _ path: String, _ kind: RowFormat.Kind, _ delimiter: Character
    ) throws(BelfryError) -> [[String]] {
        let reader = CSVReader(
            try TextInput(path), delimiter: try RowFormat(kind, delimiter: String(delimiter)).delimiter,
            limit: 1 << 20)
        var rows: [[String]] = []
        while rows.count < 100, let event = try reader.next() {
            guard case .record(let record) = event else { continue }
            rows.append(Row(line: record.line, content: .delimited(record.text, ends: record.ends)).texts)
        }
        return rows
    }
}
