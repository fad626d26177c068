import Files

/// Which payload type a column has.
extension ColumnProfile {
    /// A type for a column, and why.
    struct Guess: Sendable {
        let type: PayloadType
        /// What a recipe's reader should know of it.
        var note: String?
        /// The texts that must mean nothing for the type to hold.
        var missing: [String] = []
    }

    var isDate: Bool { filled > 0 && misfitDate == nil }
    var isLink: Bool { filled > 0 && Double(links) >= 0.8 * Double(filled) }
    var isPicture: Bool { isLink && (Double(pictures) >= 0.5 * Double(filled) || name.isPicture) }
    /// Whether nothing is in it but what stands for nothing.
    var isEmpty: Bool { filled == 0 }

    /// The type that every cell of the file fits. `string` and `list` cannot fail in delimited rows, `json` in rows of JSON.
    /// - Parameters:
    ///   - mayMiss: whether texts such as `NA` may be taken for empty cells.
    ///   - isDelimited: whether rows are of columns, or else JSON.
    func guess(mayMiss: Bool, isDelimited: Bool) -> Guess {
        let found = missing.keys.sorted()
        if mayMiss || found.isEmpty {
            if let typed = structured(isDelimited) ?? plain() {
                return Guess(type: typed.type, note: typed.note, missing: found)
            }
        }
        if let separator {
            return Guess(type: .list(separator: separator), note: "a list with “\(separator)” between its parts")
        }
        var guess = Guess(type: .string)
        if isDate {
            guess.note = "dates: they are compared as times"
        } else if name.isPrice, range == nil, sample.digits > 0.8, let misfit = misfits[.number] {
            guess.note =
                "a text: \(Self.quoted(misfit.text)) is no number; written as 12.5, without a sign, it could be filtered by"
        } else if range != nil, let misfit = misfits[.number], let mostly = mostlyNumbers {
            guess.note =
                "a text, since line \(misfit.line) has \(Self.quoted(misfit.text)), which is no number\(mostly)"
        }
        return guess
    }

    /// Lists and objects.
    private func structured(_ isDelimited: Bool) -> Guess? {
        let inside = lists + structures
        if misfits[.string] != nil {
            // Only rows of JSON hold what is no text.
            return structures == 0 && lists == filled
                ? Guess(type: .list(separator: ","), note: "a list") : Guess(type: .json, note: "filters reach into it")
        }
        guard inside > 0, isDelimited, Double(inside) >= 0.9 * Double(filled) else { return nil }
        if structures == 0 {
            return Guess(type: .list(separator: ","), note: "a list in brackets")
        }
        return inside == filled ? Guess(type: .json, note: "JSON: filters reach into it") : nil
    }

    /// Numbers, yes and no.
    private func plain() -> Guess? {
        guard filled > 0 else { return nil }
        if misfits[.boolean] == nil, let words = answersInWords {
            return Guess(type: .boolean, note: words)
        }
        if misfits[.integer] == nil { return Guess(type: .integer, note: spread) }
        if misfits[.number] == nil { return Guess(type: .number, note: spread) }
        return nil
    }

    /// What is said of yes and no; nil for a column that may mean something else by the same words.
    private var answersInWords: String? {
        if answers == ["0", "1"] { return filled >= 20 ? "only 0 and 1" : nil }
        let pairs: [Set<String>] = [["true", "false"], ["yes", "no"], ["y", "n"], ["t", "f"]]
        if pairs.contains(answers) { return answers.sorted().joined(separator: ", ") }
        return answers == ["true"] || answers == ["false"] ? "always \(answers.first ?? "")" : nil
    }

    private var spread: String? {
        range.map { range in
            range.lowerBound == range.upperBound
                ? "always \(JSON.number(range.lowerBound).display)"
                : "\(JSON.number(range.lowerBound).display) to \(JSON.number(range.upperBound).display)"
        }
    }

    /// What is between the parts of a list; nil for texts of another kind.
    private var separator: String? {
        guard !isLink, !isDate else { return nil }
        for separator in TextSample.separators {
            let parts = sample.parts(separator)
            // Prose has commas: only a name that means several things makes a list of them.
            let isLikely =
                separator == ","
                ? name.isTags && parts.share >= 0.2 : name.isTags ? parts.share >= 0.05 : parts.share >= 0.5
            if isLikely, parts.length <= 30, parts.words <= 4, sample.letters > 0.5 { return separator }
        }
        return nil
    }

    /// A remark where nearly all of the cells seem to be numbers.
    private var mostlyNumbers: String? {
        guard sample.letters < 0.3, !isDate, !isLink, sample.meanWords < 1.5 else { return nil }
        let hasZero = misfits[.number]?.text.hasPrefix("0") == true
        return hasZero ? " without its first zeros" : ""
    }

    /// A text of the file in a comment: on one line, cut, without what steers a terminal.
    static func quoted(_ text: String, most: Int = 40) -> String {
        let shown = text.unicodeScalars.prefix(most).map { scalar in
            let isPlain =
                !scalar.properties.isWhitespace
                && ![.control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator]
                    .contains(scalar.properties.generalCategory)
            return isPlain || scalar == " " ? Character(scalar) : " "
        }
        return "“" + String(shown).trimmed + (text.unicodeScalars.count > most ? "…" : "") + "”"
    }
}
