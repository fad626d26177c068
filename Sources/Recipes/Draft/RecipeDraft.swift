package import Files
import Foundation

/// A recipe as it is guessed from a file of rows: what the id is, what the tower reads, what is kept of a row, and why.
///
/// 1. The id is a column that every row has and no two share; where there is none, one that few rows share and that is
///    called like an id; else the row's number.
/// 2. The text is the title, then brand or author, kind and color, then the description: by the columns' names, and where
///    these say nothing, by what stands in them.
/// 3. All else is payload, with types that every row of the file fits.
///
/// ```swift
/// let draft = try RecipeDraft(try TableProfile("products.csv"), folder: ".", towers: try TowerShelf(for: "."))
/// let check = try draft.check()
/// try draft.write(replacing: false)
/// ```
package struct RecipeDraft {
    /// A column as the recipe calls it.
    struct Field {
        let column: ColumnProfile
        let name: String
        /// Whether the name is not what the file calls it.
        let isRenamed: Bool
        var guess: ColumnProfile.Guess

        var isText: Bool {
            if case .list = guess.type { return !column.isLink && column.lists == 0 && column.sample.letters > 0.5 }
            return guess.type == .string && !column.isLink && !column.isDate && column.sample.letters > 0.5
        }
    }

    /// What names a point.
    enum Identity {
        /// A column that no two rows share.
        case unique(Field)
        /// A column that some rows share or lack: those are left out, but for the first.
        case shared(Field, IDCandidates.Candidate)
        /// The row's number, under this name.
        case number(String)
    }

    let profile: TableProfile
    /// Where the recipe is to be.
    package let folder: String
    /// The file as the recipe names it.
    let file: String
    /// The collection's name.
    let name: String
    let id: Identity
    /// What the tower reads, in order; the first is the title.
    let texts: [Field]
    let payload: [Field]
    /// Columns that hold something and are not kept, where there are very many.
    let leftOut: [Field]
    /// Columns that hold nothing.
    let empty: [Field]
    let show: [Field]
    /// Texts that mean an empty cell.
    let missing: [String]
    /// A column whose equal values mean one product.
    let family: Field?
    /// The language of the texts, by its English name; nil for one without a stemmer.
    let language: String?
    /// The tower that the recipe names.
    package let tower: TowerShelf.Choice

    /// A payload of more fields is slow to read, and nobody looks at it.
    static let mostFields = 100

    /// Guesses.
    /// - Parameter folder: where the recipe is to be; paths in it are relative to that.
    /// - Throws: `invalidInput` where no column holds a text, or the file's name cannot stand in a recipe.
    package init(_ profile: TableProfile, folder: String, towers: TowerShelf) throws(BelfryError) {
        (self.profile, self.folder) = (profile, folder)
        file = try Self.written(profile.file, from: folder)
        name = Self.collectionName(profile.file)
        let names = Self.names(profile)
        let chosen = Self.id(profile)
        let title = Self.title(profile.columns.filter { !$0.isEmpty && $0.sample.letters > 0.5 && !$0.isLink })
        let kept = Self.keptTexts(chosen.map { profile.columns[$0.column] }, title)
        var fields: [Field] = []
        for (column, name) in zip(profile.columns, names) {
            let mayMiss = column.missing.keys.allSatisfy { !kept.contains($0) }
            fields.append(
                Field(
                    column: column, name: name.name, isRenamed: name.isRenamed,
                    guess: column.guess(mayMiss: mayMiss, isDelimited: profile.isDelimited)))
        }
        empty = fields.filter(\.column.isEmpty)
        if let chosen {
            let field = fields[chosen.column]
            id = chosen.isUnique ? .unique(field) : .shared(field, chosen.candidate)
        } else {
            id = .number(Self.free(["row", "row_number", "number_of_row"], names.map(\.name)))
        }
        let filled = fields.filter { !$0.column.isEmpty }
        texts = try Self.texts(filled, id: chosen.map { fields[$0.column].name }, profile)
        (payload, leftOut) = Self.payload(filled, texts: texts)
        missing = payload.flatMap(\.guess.missing).withoutRepeats.sorted()
        show = Self.show(payload, texts)
        family = Self.family(payload, id: id, profile)
        language = Self.language(of: texts)
        tower = towers.choice(for: language)
    }

    // MARK: names

    /// What the recipe calls each column: its header, unless that is empty, there twice, or cannot stand in a recipe.
    private static func names(_ profile: TableProfile) -> [(name: String, isRenamed: Bool)] {
        var headers: [String: Int] = [:]
        for column in profile.columns { headers[column.header ?? "", default: 0] += 1 }
        var taken = Set(headers.keys)
        return profile.columns.enumerated().map { place, column in
            let header = column.header ?? ""
            if headers[header] == 1, isUsable(header) { return (header, false) }
            let cleaned = cleaned(header)
            var name = cleaned.isEmpty ? "column_\(place + 1)" : cleaned
            // The first of several may keep the name, by its number.
            if taken.contains(name), !(name == header && headers[header] ?? 0 > 1) {
                var number = 2
                while taken.contains("\(name)_\(number)") { number += 1 }
                name = "\(name)_\(number)"
            }
            if name == header { headers[header] = 0 }
            taken.insert(name)
            return (name, true)
        }
    }

    private static func isUsable(_ header: String) -> Bool {
        !header.isBlank && header == header.trimmed && header.utf8.count <= 200
            && cleaned(header).hasSameBytes(as: header)
    }

    /// A name without braces, line ends and what cannot be seen, which a recipe or a template could not name.
    private static func cleaned(_ header: String) -> String {
        let scalars = header.unicodeScalars.prefix(60).map { scalar -> Unicode.Scalar in
            let isPlain =
                scalar == " "
                || !scalar.properties.isWhitespace && !scalar.properties.isDefaultIgnorableCodePoint
                    && ![.control, .format, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator].contains(
                        scalar.properties.generalCategory)
            return isPlain && !"{}".unicodeScalars.contains(scalar) ? scalar : "_"
        }
        let name = String(String.UnicodeScalarView(scalars)).trimmed
        return name.contains(where: { $0 != "_" && $0 != " " }) ? name : ""
    }

    private static func free(_ names: [String], _ taken: [String]) -> String {
        names.first { !taken.contains($0) } ?? "belfry_row"
    }

    /// A collection's name after the file's.
    private static func collectionName(_ path: String) -> String {
        var name = path.split(separator: "/").last.map(String.init) ?? ""
        for ending in [".gz", ".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json"]
        where name.lowercased().hasSuffix(ending) {
            name.removeLast(ending.count)
        }
        let plain = name.unicodeScalars.prefix(60).map { scalar -> Character in
            scalar.isASCII
                && (Character(scalar).isLetter || Character(scalar).isNumber || "-_.".unicodeScalars.contains(scalar))
                ? Character(scalar) : "-"
        }
        let cut = String(plain).drop { !$0.isLetter && !$0.isNumber }
        return cut.isEmpty ? "products" : String(cut)
    }

    /// The file as a recipe in `folder` names it.
    private static func written(_ file: String, from folder: String) throws(BelfryError) -> String {
        let whole = URL(fileURLWithPath: file).resolvingSymlinksInPath().path
        let inside = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path + "/"
        guard !whole.contains("${") else {
            throw BelfryError(
                .invalidInput, "The path has “${”, which stands for a variable in a recipe.", at: .init(file: file),
                remedy: "Rename the file.")
        }
        guard whole.hasPrefix(inside) else { return whole }
        let name = String(whole.dropFirst(inside.count))
        return name.hasPrefix("~") ? "./" + name : name
    }
}
