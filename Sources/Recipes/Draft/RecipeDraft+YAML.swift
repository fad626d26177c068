import Files

extension RecipeDraft {
    /// The recipe, with a comment for each guess.
    package var yaml: String {
        var lines = [
            "# What `belfry init` guessed from \(count(profile.rows, "row")) of "
                + "\(count(profile.columnCount, "column")); every row was read, and the types below hold for each.",
            "# Change what is wrong, then: belfry build \(folder == "." ? "." : YAMLScalar.text(folder))",
            "name: \(YAMLScalar.text(name))",
        ]
        lines += rows + identity + input + kept + towers + search + evaluation
        return lines.joined(separator: "\n") + "\n"
    }

    // MARK: the rows

    private var rows: [String] {
        let format = profile.format
        var lines = ["rows:", "  file: \(YAMLScalar.text(file))"]
        if !format.isNamed || format.format.kind == .tsv && !file.lowercased().contains(".tsv") {
            lines.append("  format: \(format.format.kind.rawValue)")
        }
        let delimiter = String(Unicode.Scalar(format.format.delimiter))
        if profile.isDelimited, delimiter != (format.format.kind == .tsv ? "\t" : ",") {
            lines.append("  delimiter: \(YAMLScalar.quoted(delimiter))")
        }
        if profile.isDelimited, !format.format.hasHeader {
            lines.append("  header: false  # the first row is like those below it")
        }
        let renamed = used.filter(\.isRenamed)
        if !renamed.isEmpty {
            lines.append("  columns:  # names for columns whose header is empty, there twice, or hard to write")
            lines += renamed.map { field in "    \(YAMLScalar.text(field.name)): \(place(field.column))" }
        }
        if !missing.isEmpty {
            let texts = missing.map(YAMLScalar.quoted).joined(separator: ", ")
            lines.append("  missing: [\(texts)]  # these mean an empty cell, in every column")
        }
        if case .number(let name) = id { lines.append("  number: \(YAMLScalar.text(name))") }
        lines.append("  bad: skip  # a row that cannot be used is reported with its line, and the build goes on")
        return lines
    }

    private func place(_ column: ColumnProfile) -> String {
        switch column.reference {
        case .number(let number): "\(number)"
        case .name(let name): YAMLScalar.quoted(name)
        case .rowNumber: "0"
        }
    }

    /// The fields that the recipe names.
    private var used: [Field] {
        guard case .unique(let field) = id, !payload.contains(where: { $0.name == field.name }) else {
            if case .shared(let field, _) = id, !payload.contains(where: { $0.name == field.name }) {
                return payload + [field]
            }
            return payload
        }
        return payload + [field]
    }

    // MARK: id and text

    private var identity: [String] {
        switch id {
        case .unique(let field):
            let counted = profile.ids.isWhole ? "" : ", as far as they were counted"
            return [
                "# In every row, and never twice\(counted).", "id: \(YAMLScalar.text(field.name))",
            ]
        case .shared(let field, let candidate):
            var lines = ["# The column that is most like an id."]
            if candidate.repeats > 0, let (line, text) = candidate.firstRepeat {
                lines.append(
                    "# \(count(candidate.repeats, "row")) of \(profile.rows.formatted) have one that was there before (line "
                        + "\(line): \(ColumnProfile.quoted(text))): the first row of each id counts.")
            }
            if candidate.empty > 0 { lines.append("# \(count(candidate.empty, "row")) have none, and are left out.") }
            lines.append("# For every row as a point of its own: `number: row` under rows, and `id: row`.")
            return lines + ["id: \(YAMLScalar.text(field.name))"]
        case .number(let name):
            return [
                "# No column has another value in every row: a point's id is the row's number in the file. Rows that move get "
                    + "other ids;",
                "# where the file has an id that is better, name its column here.", "id: \(YAMLScalar.text(name))",
            ]
        }
    }

    private var input: [String] {
        let template = texts.map { "{\($0.name)}" }.joined(separator: "\n")
        return [
            "# What the tower reads of a row, what says most first; a part that is missing leaves nothing behind.",
            "text: \(YAMLScalar.quoted(template))",
        ]
    }

    // MARK: payload

    private var kept: [String] {
        var lines = ["# What is kept of a row: to show, to filter by, and to search for words in."]
        lines.append("payload:")
        for field in payload {
            let type =
                if case .list(let separator) = field.guess.type, separator != "," {
                    "{type: list, separator: \(YAMLScalar.quoted(separator))}"
                } else {
                    field.guess.type.name
                }
            let note = note(field)
            lines.append("  \(YAMLScalar.text(field.name)): \(type)" + (note.isEmpty ? "" : "  # \(note)"))
        }
        if !empty.isEmpty { lines.append("# Left out, since nothing is in them: \(list(empty)).") }
        if !leftOut.isEmpty {
            lines.append("# Left out, since there are very many: \(list(leftOut)).")
        }
        if profile.fieldsLeftOut > 0 {
            lines.append("# Rows have more fields than the first 1,000: none of those is here.")
        }
        let indexed = payload.filter { filterable($0) != nil }.prefix(4)
        if !indexed.isEmpty {
            let fields = indexed.map { "--field \(YAMLScalar.text($0.name)):\(filterable($0) ?? "")" }
            lines.append(
                "# Filters need no index; one makes them faster: belfry index . " + fields.joined(separator: " "))
        }
        lines.append("show: [\(show.map { YAMLScalar.text($0.name) }.joined(separator: ", "))]")
        return lines
    }

    /// What is known of a field, in a few words.
    private func note(_ field: Field) -> String {
        var notes: [String] = []
        if texts.contains(where: { $0.name == field.name }) {
            notes.append(field.name == texts[0].name ? "the title" : "the tower reads it")
        }
        if field.column.isPicture {
            notes.append("links to pictures")
        } else if field.column.isLink {
            notes.append("links")
        }
        if let note = field.guess.note { notes.append(note) }
        if field.name == family?.name { notes.append("rows of one product share it") }
        if let values = field.column.values, field.guess.type == .string, field.column.filled > values.count,
            !field.column.isLink, !field.column.isDate
        {
            let most = values.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(3).map {
                ColumnProfile.quoted($0.key.text, most: 24)
            }
            notes.append(
                values.count == 1
                    ? "always \(most[0])"
                    : "\(values.count) values, \(most.joined(separator: ", "))\(values.count > 3 ? ", …" : "")")
        }
        if !field.guess.missing.isEmpty {
            let cells = field.column.missing.values.reduce(0, +)
            notes.append(
                "\(field.guess.missing.map { ColumnProfile.quoted($0) }.joined(separator: ", ")) in \(count(cells, "row"))"
            )
        }
        return notes.joined(separator: "; ")
    }

    /// The kind of index that a field would have, where filters by it are likely.
    private func filterable(_ field: Field) -> String? {
        guard field.name.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_]*/) != nil else { return nil }
        switch field.guess.type {
        case .number: return "float"
        case .integer: return field.column.name.isCode ? nil : "integer"
        case .boolean: return "bool"
        case .list where field.column.lists == 0: return "keyword"
        case .string where field.column.isDate: return "datetime"
        case .string where field.column.values?.count ?? .max < field.column.filled / 2: return "keyword"
        default: return nil
        }
    }

    private func list(_ fields: [Field]) -> String {
        fields.prefix(20).map { ColumnProfile.quoted($0.name) }.joined(separator: ", ")
            + (fields.count > 20 ? " and \(fields.count - 20) more" : "")
    }

    // MARK: tower, search, evaluation

    private var towers: [String] {
        ["# \(tower.note)", "tower: \(YAMLScalar.text(tower.written))", "vectors: {metric: cosine}"]
    }

    private var search: [String] {
        let fields = texts.enumerated().map { "\(YAMLScalar.text($1.name)): \($0 == 0 ? 2 : 1)" }
        return [
            "# Names and sizes are found by their words, what is meant by the tower. `share: 0.5` lets words count for more than",
            "# a quarter; `belfry search --by-meaning` and `--by-words` ask for one alone.",
            "search: hybrid", "words:",
            "  language: \(language ?? "none")"
                + (language == nil
                    ? "  # no stemmer for these texts; `belfry vectors --help` names the languages" : ""),
            "  fields: {\(fields.joined(separator: ", "))}",
        ]
    }

    private var evaluation: [String] {
        guard let family else { return [] }
        return [
            "# `belfry evaluate`: does a product find its own colors and sizes, which share \(ColumnProfile.quoted(family.name))? Of titles",
            "# that they share, too, words know it at once: a text without the title is the harder question.",
            "evaluate:", "  same-product:", "    same: \(YAMLScalar.text(family.name))", "    sample: 2000",
            "    k: [5, 10]", "    baselines: [bm25]", "    headline: [ndcg@10, hit_rate@10]",
        ]
    }

    private func count(_ number: Int, _ what: String) -> String {
        "\(number.formatted) \(what)\(number == 1 ? "" : "s")"
    }
}

extension Int {
    /// With commas.
    fileprivate var formatted: String { ProgressLine.grouped(self) }
}
