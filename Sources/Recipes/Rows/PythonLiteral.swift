import Files

/// Reads a list or a dictionary as Python prints it, which is what pandas writes into the cells of a CSV file:
/// `['a', "b's", 1, None]`, `[{'id': 28, 'name': 'Action'}]`.
///
/// It takes lists, tuples, dictionaries with names that are texts, texts with Python's escapes, numbers, `True`, `False`,
/// `None` and `nan` (which is null). It does not take sets, bytes, or texts one behind the other.
struct PythonLiteral {
    private let bytes: [UInt8]
    private var place = 0

    /// The value of a text that is a list or a dictionary; nil for any other text.
    static func json(_ text: String) -> JSON? {
        var literal = PythonLiteral(bytes: Array(text.utf8))
        literal.skipSpace()
        guard let first = literal.next, first == UInt8(ascii: "[") || first == UInt8(ascii: "{"),
            let value = literal.value(depth: 0)
        else { return nil }
        literal.skipSpace()
        return literal.next == nil ? value : nil
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    /// Lists and dictionaries may stand so deep in one another.
    private static let deepest = 64

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = next, byte == 32 || (9...13).contains(byte) { place += 1 }
    }

    private mutating func value(depth: Int) -> JSON? {
        guard depth < Self.deepest else { return nil }
        if take("[") { return elements(until: "]", depth: depth + 1).map { .array($0) } }
        if take("(") { return elements(until: ")", depth: depth + 1).map { .array($0) } }
        if take("{") { return members(depth: depth + 1) }
        if next == UInt8(ascii: "'") || next == UInt8(ascii: "\"") { return text().map { .string($0) } }
        return word()
    }

    /// What stands between brackets, with commas between, and perhaps one behind the last.
    private mutating func elements(until end: Unicode.Scalar, depth: Int) -> [JSON]? {
        var elements: [JSON] = []
        while true {
            skipSpace()
            if take(end) { return elements }
            guard let value = value(depth: depth) else { return nil }
            elements.append(value)
            skipSpace()
            guard take(",") || next == UInt8(ascii: end) else { return nil }
        }
    }

    private mutating func members(depth: Int) -> JSON? {
        var members = JSON.Members()
        while true {
            skipSpace()
            if take("}") { return .object(members) }
            guard let name = text() else { return nil }
            skipSpace()
            guard take(":") else { return nil }
            skipSpace()
            guard let value = value(depth: depth) else { return nil }
            members[name] = value
            skipSpace()
            guard take(",") || next == UInt8(ascii: "}") else { return nil }
        }
    }

    /// A number or one of the words that are values.
    private mutating func word() -> JSON? {
        let start = place
        while let byte = next, !", \t\n\r]})".utf8.contains(byte) { place += 1 }
        switch String(decoding: bytes[start..<place], as: UTF8.self) {
        case "None", "nan", "NaN": return .null
        case "True": return .bool(true)
        case "False": return .bool(false)
        case let word: return try? PayloadType.number.convert(word, field: "")
        }
    }

    /// A text in single or double quotes.
    private mutating func text() -> String? {
        guard let quote = next, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else { return nil }
        place += 1
        var text: [UInt8] = []
        while let byte = next {
            place += 1
            if byte == quote { return String(validating: text, as: UTF8.self) }
            if byte != UInt8(ascii: "\\") {
                text.append(byte)
            } else if !escape(&text) {
                return nil
            }
        }
        return nil
    }

    /// What stands behind a backslash.
    private mutating func escape(_ text: inout [UInt8]) -> Bool {
        guard let byte = next else { return false }
        place += 1
        switch byte {
        case UInt8(ascii: "n"): text.append(10)
        case UInt8(ascii: "r"): text.append(13)
        case UInt8(ascii: "t"): text.append(9)
        case UInt8(ascii: "x"): return scalar(digits: 2, &text)
        case UInt8(ascii: "u"): return scalar(digits: 4, &text)
        case UInt8(ascii: "U"): return scalar(digits: 8, &text)
        case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): text.append(byte)
        // Python leaves what it does not know as it is.
        default: text += [UInt8(ascii: "\\"), byte]
        }
        return true
    }

    private mutating func scalar(digits: Int, _ text: inout [UInt8]) -> Bool {
        guard place + digits <= bytes.count,
            let value = UInt32(String(decoding: bytes[place..<place + digits], as: UTF8.self), radix: 16),
            let scalar = Unicode.Scalar(value)
        else { return false }
        place += digits
        text += Array(String(Character(scalar)).utf8)
        return true
    }
}
