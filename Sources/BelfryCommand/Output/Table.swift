/// Rows of text in aligned columns, cut to the terminal's width.
struct Table {
    /// Where a column's text stands.
    enum Alignment { case left, right }

    struct Column {
        var title: String
        var alignment: Alignment = .left
        /// Whether this column gives way when the rows are too wide.
        var shrinks = false
    }

    let columns: [Column]
    private(set) var rows: [[String]] = []

    init(_ columns: [Column]) { self.columns = columns }

    mutating func add(_ row: [String]) {
        rows.append(row.map(Self.plain))
    }

    /// On one line, and without the control characters that would steer the terminal.
    private static func plain(_ text: String) -> String {
        let visible = text.unicodeScalars.map { scalar in
            scalar.properties.generalCategory == .control && !scalar.properties.isWhitespace ? "\u{fffd}" : scalar
        }
        return String(String.UnicodeScalarView(visible)).split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    /// The table as lines of at most `width` columns.
    func lines(width: Int) -> [String] {
        var widths = columns.indices.map { index in
            ([columns[index].title] + rows.map { $0[index] }).map(Self.width).max() ?? 0
        }
        let shrinking = columns.indices.filter { columns[$0].shrinks }
        var excess = widths.reduce(0, +) + 2 * (columns.count - 1) - width
        while excess > 0, let widest = shrinking.max(by: { widths[$0] < widths[$1] }), widths[widest] > 12 {
            widths[widest] -= 1
            excess -= 1
        }
        let header = line(columns.map(\.title), widths)
        return [header, String(repeating: "─", count: Self.width(header))] + rows.map { line($0, widths) }
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        let padded = columns.indices.map { index in
            let text = Self.cut(cells[index], to: widths[index])
            let space = String(repeating: " ", count: widths[index] - Self.width(text))
            return columns[index].alignment == .left ? text + space : space + text
        }
        var line = padded.joined(separator: "  ")
        while line.last == " " { line.removeLast() }
        return line
    }

    private static func cut(_ text: String, to limit: Int) -> String {
        guard width(text) > limit else { return text }
        var used = 0
        return text.prefix { character in
            used += width(String(character))
            return used < limit
        } + "…"
    }

    /// Columns that a terminal gives the text: two for wide East Asian characters and emoji.
    static func width(_ text: String) -> Int {
        text.reduce(0) { sum, character in
            guard let first = character.unicodeScalars.first else { return sum }
            switch first.value {
            case 0x1100...0x115f, 0x2e80...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60,
                0xffe0...0xffe6, 0x1f300...0x1faff, 0x20000...0x3fffd:
                return sum + 2
            default: return sum + 1
            }
        }
    }
}
