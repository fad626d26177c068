import Files
import Foundation

extension FeatureSet {
    /// The value of a field from the text of a table's cell, as the field wants it; `null` for an empty cell.
    ///
    /// A field of numbers gets a number, a field of arrays what a JSON array in the cell has. Text that is neither stays
    /// a text, which `embed` then refuses by name.
    /// - Parameter separator: What stands between the elements in the cells of a field that wants an array and names no
    ///   separator itself; nil where only JSON arrays are taken apart.
    func value(ofCell text: String, field: String, separator: String? = nil) -> JSON {
        if text.isEmpty { return .null }
        let columns = columns.filter { $0.field == field }
        if columns.contains(where: \.kind.wantsNumber), let number = try? JSON(parsing: Data(text.utf8), source: field),
            number.number != nil
        {
            return number
        }
        if columns.contains(where: \.kind.wantsArray), text.first == "[",
            let array = try? JSON(parsing: Data(text.utf8), source: field)
        {
            return array
        }
        if let separator, columns.contains(where: \.kind.takesArraysAlone) {
            let elements = text.components(separatedBy: separator)
                .map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
            return .array(elements.filter { !$0.isEmpty }.map { value(ofElement: $0, field: field) })
        }
        return .string(text)
    }

    /// One element of a field that is a list, from its text: a number where the field's elements are numbers.
    func value(ofElement text: String, field: String) -> JSON {
        let columns = columns.filter { $0.field == field }
        for column in columns {
            switch column.kind {
            case .list(_, let lookup, _), .multiHot(_, let lookup, _):
                switch lookup.keys {
                case .rows: if let number = WholeNumber(text)?.json { return number }
                case .boundaries: if let number = Double(text), number.isFinite { return .number(number) }
                case .vocabulary, .hash: break
                }
            case .vector:
                if let number = Double(text), number.isFinite { return .number(number) }
            default: break
            }
        }
        return .string(text)
    }

    /// The field that holds a session: the one that a row must have, if it is a list.
    var sessionField: String? {
        let required = fields.filter(\.isRequired)
        guard required.count == 1,
            columns.contains(where: {
                if $0.field == required[0].name, case .list = $0.kind { true } else { false }
            })
        else { return nil }
        return required[0].name
    }

    /// The field that is filled where only a text is given: the only text, if a row needs no other field.
    var textField: String? {
        let texts = fields.filter { $0.type == .text }
        return texts.count == 1 && fields.filter(\.isRequired).count <= 1 ? texts[0].name : nil
    }
}

extension FeatureLookup {
    fileprivate var wantsNumber: Bool {
        switch keys {
        case .boundaries, .rows: true
        case .vocabulary, .hash: false
        }
    }
}

extension FeatureColumn.Kind {
    fileprivate var wantsNumber: Bool {
        switch self {
        case .number: true
        case .index(let lookup, _): lookup.wantsNumber
        default: false
        }
    }

    /// Whether a text, too, would be refused unless it were taken apart.
    fileprivate var takesArraysAlone: Bool {
        switch self {
        case .vector, .list(.array, _, _), .multiHot(.array, _, _): true
        default: false
        }
    }

    fileprivate var wantsArray: Bool {
        switch self {
        case .vector, .list(.array, _, _), .multiHot(.array, _, _), .list(.separated, _, _),
            .multiHot(.separated, _, _):
            true
        default: false
        }
    }
}
