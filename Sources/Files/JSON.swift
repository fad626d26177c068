public import Foundation

/// A JSON value (RFC 8259). Whole numbers of 64 bits are integers, however they are written: an id survives, and so does
/// the `5.0` of a column that another program took for one of fractions.
public enum JSON: Hashable, Sendable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A whole number that fits 64 signed bits.
    case integer(Int64)
    /// An integer above `Int64.max`.
    case unsigned(UInt64)
    /// Any other number.
    case number(Double)
    /// A string.
    case string(String)
    /// An array.
    case array([JSON])
    /// An object; the order of members carries no meaning.
    case object(Members)
}

extension JSON: Codable {
    /// Reads any JSON value.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(UInt64.self) {
            self = .unsigned(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    /// Writes the value.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .unsigned(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(Dictionary(value.sorted) { _, last in last })
        }
    }
}

extension JSON {
    /// Parses one JSON document.
    /// - Throws: `invalidInput` that names `source` and the byte.
    public init(parsing data: Data, source: String) throws(BelfryError) {
        let bytes = Array(data)
        self = try bytes.withBytes { bytes throws(BelfryError) in try JSON(parsing: bytes, source: source) }
    }

    /// Parses one JSON document from its UTF-8 bytes.
    /// - Throws: `invalidInput` that names `source` and the byte.
    public init(parsing bytes: UnsafeRawBufferPointer, source: String) throws(BelfryError) {
        do throws(JSONParser.Failure) {
            self = try JSONParser.parse(bytes)
        } catch {
            throw BelfryError(
                .invalidInput, "This is not valid JSON: \(error.reason).", at: .byte(error.offset, of: source))
        }
    }

    /// The value as JSON text with sorted members, so that equal values give equal bytes. A number that is not finite,
    /// which no file can hold, is null.
    public func text(pretty: Bool = false) -> String {
        JSONWriter.text(self, pretty: pretty)
    }

    /// The member `name` of an object.
    public subscript(name: String) -> JSON? {
        if case .object(let members) = self { members[name] } else { nil }
    }

    /// The names of an object's members, sorted.
    public var names: [String] {
        if case .object(let members) = self { members.names } else { [] }
    }

    /// The text of a string.
    public var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The value of an integer.
    public var integer: Int? {
        if case .integer(let value) = self { Int(value) } else { nil }
    }

    /// The value of any number.
    public var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .unsigned(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// The value of a boolean.
    public var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The elements of an array.
    public var array: [JSON]? {
        if case .array(let value) = self { value } else { nil }
    }
}
