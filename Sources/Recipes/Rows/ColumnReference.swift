import Files

/// How a recipe names a column: by its header, by its number from 1, or by a JSON field (`brand.name` for a nested
/// one); or what no column holds, the row's own number.
package enum ColumnReference: Hashable, Sendable, CustomStringConvertible {
    /// The column's header or the field's name.
    case name(String)
    /// The column's number, from 1.
    case number(Int)
    /// The row's number in the file, from 1: the header does not count, and rows that cannot be used do.
    case rowNumber

    /// The name, or `column 3`.
    package var description: String {
        switch self {
        case .name(let name): "'\(name)'"
        case .number(let number): "column \(number)"
        case .rowNumber: "the row's number"
        }
    }
}

extension ColumnReference: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    /// A name.
    package init(stringLiteral value: String) { self = .name(value) }
    /// A number, from 1.
    package init(integerLiteral value: Int) { self = .number(value) }
}

/// A column that was found in a file: what a row is asked with.
package struct Column: Hashable, Sendable {
    enum Place: Hashable, Sendable {
        case index(Int)
        /// The whole name, and its parts between the dots.
        case field(String, path: [String])
        case rowNumber
    }

    let place: Place
}

/// The columns of a delimited file: finds the one that a recipe means.
struct Header: Sendable {
    /// The names in the first row; nil if the file has no header.
    let names: [String]?
    /// How many columns there are; nil until a row has been read.
    let count: Int?
    let file: String

    func index(of reference: ColumnReference) throws(BelfryError) -> Int {
        let place = BelfryError.Location.line(1, of: file)
        switch reference {
        case .rowNumber: throw BelfryError(.notFound, "The row's number is no column of the file.", at: place)
        case .number(let number):
            guard number >= 1, number <= count ?? .max else {
                throw BelfryError(
                    .notFound, "There is no \(reference): columns are counted from 1 to \(count ?? 0).", at: place)
            }
            return number - 1
        case .name(let name):
            guard let names else {
                throw BelfryError(
                    .notFound, "The file has no header that could name the column '\(name)'.", at: place,
                    remedy: "Give the column's number, counted from 1.")
            }
            let found = names.indices.filter { names[$0].hasSameBytes(as: name) }
            guard let index = found.first else {
                throw BelfryError(
                    .notFound, "There is no column '\(name)'.", at: place,
                    remedy: otherDelimiter(names) ?? otherForm(names, of: name) ?? "The columns are: \(list(names)).")
            }
            guard found.count == 1 else {
                let numbers = found.map { "\($0 + 1)" }.joined(separator: ", ")
                throw BelfryError(
                    .invalidInput, "The columns \(numbers) are all called '\(name)'.", at: place,
                    remedy: "Give the column's number instead of its name.")
            }
            return index
        }
    }

    /// Spreadsheets of half the world separate by semicolons.
    private func otherDelimiter(_ names: [String]) -> String? {
        guard names.count == 1, let found = names[0].first(where: { ";\t|".contains($0) }) else { return nil }
        let shown = found == "\t" ? "\\t" : String(found)
        return "The header looks separated by \"\(shown)\": write delimiter: \"\(shown)\" under rows."
    }

    /// Two names that look the same may be written in different characters: `é` is one, or two.
    private func otherForm(_ names: [String], of name: String) -> String? {
        guard let index = names.firstIndex(of: name) else { return nil }
        return
            "Column \(index + 1) looks the same, but its accents are written in other characters (Unicode normal forms): "
            + "give its number."
    }

    private func list(_ names: [String]) -> String {
        let shown = names.enumerated().prefix(40).map { index, name in name.isEmpty ? "\(index + 1)" : "'\(name)'" }
        return shown.joined(separator: ", ") + (names.count > shown.count ? ", …" : "")
    }
}
