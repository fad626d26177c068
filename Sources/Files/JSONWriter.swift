/// Writes JSON text: members by the bytes of their names, so that equal values give equal bytes.
///
/// A number without a fraction is written without one, any other by its shortest digits that give the same f64 back. What
/// JSON has no number for (NaN, infinity) is null.
struct JSONWriter {
    private var text: [UInt8] = []
    private let isPretty: Bool

    static func text(_ value: JSON, pretty: Bool) -> String {
        var writer = JSONWriter(isPretty: pretty)
        writer.write(value, depth: 0)
        return String(decoding: writer.text, as: UTF8.self)
    }

    private init(isPretty: Bool) { self.isPretty = isPretty }

    private mutating func write(_ value: JSON, depth: Int) {
        switch value {
        case .null: write("null")
        case .bool(let value): write(value ? "true" : "false")
        case .integer(let value): write(value.description)
        case .unsigned(let value): write(value.description)
        case .number(let value): write(number: value)
        case .string(let value): write(string: value)
        case .array(let elements):
            list("[", "]", elements, depth) { writer, element in writer.write(element, depth: depth + 1) }
        case .object(let members):
            list("{", "}", members.sorted, depth) { writer, member in
                writer.write(string: member.name)
                writer.write(writer.isPretty ? " : " : ":")
                writer.write(member.value, depth: depth + 1)
            }
        }
    }

    private mutating func write(_ plain: String) { text.append(contentsOf: plain.utf8) }

    private mutating func list<Part>(
        _ start: String, _ end: String, _ parts: [Part], _ depth: Int, _ part: (inout JSONWriter, Part) -> Void
    ) {
        write(start)
        for (index, value) in parts.enumerated() {
            if index > 0 { write(",") }
            breakLine(depth + 1)
            part(&self, value)
        }
        if parts.isEmpty, isPretty { write("\n") }
        breakLine(depth)
        write(end)
    }

    private mutating func breakLine(_ depth: Int) {
        guard isPretty else { return }
        text.append(10)
        text.append(contentsOf: repeatElement(32, count: 2 * depth))
    }

    private mutating func write(number: Double) {
        guard number.isFinite else { return write("null") }
        write(number.shortestDigits)
    }

    private mutating func write(string: String) {
        text.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""): write("\\\"")
            case UInt8(ascii: "\\"): write("\\\\")
            case 8: write("\\b")
            case 9: write("\\t")
            case 10: write("\\n")
            case 12: write("\\f")
            case 13: write("\\r")
            case 0..<32:
                write("\\u00")
                for half in [byte >> 4, byte & 15] { text.append(Array("0123456789abcdef".utf8)[Int(half)]) }
            default: text.append(byte)
            }
        }
        text.append(UInt8(ascii: "\""))
    }
}

extension JSON: CustomStringConvertible {
    /// The value as JSON text.
    public var description: String { text() }
}
