import Files
import Towers

// Which column is what.
extension RecipeDraft {
    // MARK: the id

    /// The column that is the id; nil where there is none.
    static func id(
        _ profile: TableProfile
    ) -> (column: Int, isUnique: Bool, candidate: IDCandidates.Candidate)? {
        var best: (score: Int, column: Int, isUnique: Bool, candidate: IDCandidates.Candidate)?
        for (index, candidate) in profile.ids.candidates.sorted(by: { $0.key < $1.key }) {
            let column = profile.columns[index]
            let bad = candidate.repeats + candidate.empty
            guard !column.isDate, !column.isLink, column.misfits[.number] != nil || column.misfits[.integer] == nil,
                column.sample.meanWords < 1.5, column.sample.meanLength <= 64
            else { continue }
            let named = column.name.asID
            if bad == 0 {
                // Numbers and titles may all differ by chance, and in a short file anything.
                let isCode = column.misfits[.integer] != nil && profile.rows >= 20
                let isOther = column.name.asTitle > 0 || column.name.asDescription > 0
                guard named > 0 || !isOther && (index == 0 || isCode) else { continue }
            } else {
                guard named >= 20, 5 * bad <= profile.rows else { continue }
            }
            let score = named + (bad == 0 ? 30 : 0) + max(0, 8 - 2 * index)
            if score > best?.score ?? .min { best = (score, index, bad == 0, candidate) }
        }
        return best.map { ($0.column, $0.isUnique, $0.candidate) }
    }

    /// Texts that may not be taken for nothing: they are an id, or could be a title.
    static func keptTexts(_ id: ColumnProfile?, _ title: ColumnProfile?) -> Set<String> {
        let titles = (title?.missing ?? [:]).keys.filter { ["None", "none", "Null", "null", "nil"].contains($0) }
        return Set((id?.missing ?? [:]).keys).union(titles)
    }

    // MARK: what the tower reads

    /// The column that is most like a title.
    static func title(_ columns: [ColumnProfile]) -> ColumnProfile? {
        let named = columns.filter { $0.name.asTitle > 0 && $0.sample.meanWords <= 40 }
        if let best = named.max(by: { $0.name.asTitle < $1.name.asTitle }) { return best }
        // Short texts of several words that seldom repeat.
        return columns.filter {
            (1.5...25).contains($0.sample.meanWords) && $0.name.asDescription == 0 && !$0.name.isCode && $0.lists == 0
                && $0.structures == 0
        }.max { first, second in differing(first) < differing(second) }
    }

    private static func differing(_ column: ColumnProfile) -> Double {
        Double(column.distinct.count) / Double(max(1, column.filled))
    }

    static func texts(_ fields: [Field], id: String?, _ profile: TableProfile) throws(BelfryError) -> [Field] {
        let readable = fields.filter { $0.isText && $0.name != id }
        var texts: [Field] = []
        func add(_ field: Field?) {
            if let field, !texts.contains(where: { $0.name == field.name }) { texts.append(field) }
        }
        let title = title(readable.map(\.column))
        add(readable.first { $0.column.reference == title?.reference })
        let description = description(readable.filter { $0.name != texts.first?.name }, rows: profile.rows)
        for attribute in ColumnName.Attribute.allCases {
            // Of several the one that says most: a third category rather than the first.
            let alike = readable.filter {
                $0.column.name.attribute == attribute && $0.column.sample.meanWords <= 8
                    && 2 * $0.column.filled >= profile.rows && $0.name != description?.name
            }
            if attribute == .section, texts.contains(where: { $0.column.name.attribute == .kind }) { continue }
            add(alike.max { $0.column.distinct.count < $1.column.distinct.count })
        }
        add(description)
        // Without a name that says anything: what has words, in the order of the file.
        if texts.isEmpty || title == nil && description == nil {
            let others = readable.filter { !$0.column.name.isCode }
            // Words before measures, such as 34b.
            for field in others where texts.count < 4 && field.column.sample.digits < 0.2 { add(field) }
            for field in others where texts.isEmpty { add(field) }
        }
        if texts.isEmpty { add(fields.first { $0.isText }) }
        guard !texts.isEmpty else {
            let seen = fields.prefix(5).map { field in
                "\(ColumnProfile.quoted(field.name)) (\(field.guess.type.name))"
            }
            throw BelfryError(
                .invalidInput,
                "No column holds texts that a tower could read: "
                    + (seen.isEmpty
                        ? "all are empty."
                        : seen.joined(separator: ", ")
                            + (fields.count > 5 ? " and \(fields.count - 5) more." : ".")),
                at: .init(file: profile.file),
                remedy:
                    "Add a column of names or descriptions. Where the columns are right, write recipe.yaml by hand: "
                    + "docs/recipe.md.")
        }
        return texts
    }

    /// The column that is most like a description.
    private static func description(_ fields: [Field], rows: Int) -> Field? {
        let named = fields.filter {
            $0.column.name.asDescription > 0 && $0.guess.type == .string && 5 * $0.column.filled >= rows
        }
        if let best = named.max(by: { weight($0) < weight($1) }), best.column.sample.meanWords >= 1.5 { return best }
        let long = fields.filter {
            $0.column.sample.meanWords >= 8 && $0.guess.type == .string && 3 * $0.column.filled >= rows
                && differing($0.column) > 0.2 && $0.column.structures == 0
        }
        return long.max { $0.column.sample.meanWords < $1.column.sample.meanWords }
    }

    private static func weight(_ field: Field) -> Double {
        Double(field.column.name.asDescription) * min(field.column.sample.meanWords, 60) * Double(field.column.filled)
    }

    // MARK: what is kept

    /// All that holds something, what the tower reads first; the rest is left out where there is very much.
    static func payload(_ fields: [Field], texts: [Field]) -> (kept: [Field], leftOut: [Field]) {
        let others = fields.filter { field in !texts.contains { $0.name == field.name } }
        let all = texts + others
        guard all.count > mostFields else {
            // In the order of the file.
            return (fields, [])
        }
        return (Array(all.prefix(mostFields)), Array(all.dropFirst(mostFields)))
    }

    /// What a table of answers shows.
    static func show(_ payload: [Field], _ texts: [Field]) -> [Field] {
        var show = Array(texts.prefix(1))
        func add(_ field: Field?) {
            if let field, show.count < 4, !show.contains(where: { $0.name == field.name }) { show.append(field) }
        }
        let numbers = payload.filter { [.integer, .number].contains($0.guess.type) }
        add(texts.dropFirst().first { $0.column.name.attribute == .brand || $0.column.name.attribute == .creator })
        add(numbers.first { $0.column.name.isPrice && !$0.column.name.isCode })
        add(texts.dropFirst().first { $0.column.name.attribute == .kind })
        add(texts.dropFirst().first { $0.column.name.attribute == .color })
        add(numbers.first { $0.column.name.isRating })
        if show.count == 1 { add(texts.dropFirst().first) }
        return show
    }

    /// A column that calls several rows one product.
    static func family(_ payload: [Field], id: Identity, _ profile: TableProfile) -> Field? {
        guard case .unique(let id) = id else { return nil }
        return payload.first { field in
            let groups = field.column.distinct.count
            return field.name != id.name && field.column.name.isFamily && 2 * field.column.filled > profile.rows
                && groups >= 5 && Double(field.column.filled) >= 1.2 * Double(groups)
                && field.column.filled <= 200 * groups && field.guess.type != .json
        }
    }

    /// The language of which most of the texts' words are articles, pronouns and such. English where none says it in Latin
    /// letters, nil in others.
    static func language(of fields: [Field]) -> String? {
        let texts = fields.flatMap(\.column.sample.texts)
        var best: (language: String, share: Double)?
        var english = 0.0
        for language in ["english", "german", "french", "spanish", "italian", "portuguese", "dutch"] {
            guard let analyzer = try? WordAnalyzer(language: language) else { continue }
            var (words, said) = (0, [UInt32: Int]())
            for text in texts {
                analyzer.forEach(in: text) { term, isStopWord in
                    words += 1
                    if isStopWord { said[WordAnalyzer.number(of: term), default: 0] += 1 }
                }
            }
            // One word alone says nothing: “de” stands in the names of perfumes.
            let count = said.values.reduce(0, +) - (said.values.max() ?? 0)
            let share = words == 0 ? 0 : Double(count) / Double(words)
            if language == "english" { english = share }
            if share > best?.share ?? 0 { best = (language, share) }
        }
        // Names of brands look like words of any language.
        if let best, best.share >= 0.04, best.share > 1.5 * english { return best.language }
        let letters = texts.joined().unicodeScalars.filter(\.properties.isAlphabetic)
        return letters.count(where: { $0.value < 0x250 }) * 2 >= letters.count ? "english" : nil
    }
}
