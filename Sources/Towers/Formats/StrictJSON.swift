import Files

/// A JSON value read byte by byte from a file that is not ours.
///
/// `Files.JSON` would do for small documents, but not here: a vocabulary may hold names that differ only in their
/// Unicode normal form, which Swift's strings call equal, and a header that names a tensor twice must be refused.
/// So names and strings stay UTF-8 bytes, members keep their order, and a repeated member is an error.
enum StrictJSON {
    case null
    case bool(Bool)
    /// Any number; integers up to 2^53 are exact.
    case number(Double)
    case string([UInt8])
    case array([StrictJSON])
    case object([(name: [UInt8], value: StrictJSON)])

    /// Parses one document that fills `bytes`, which begin at byte `base` of `file`.
    init(
        parsing bytes: UnsafeRawBufferPointer, file: String, base: Int = 0
    ) throws(BelfryError) {
        var parser = StrictJSONParser(bytes: bytes, file: file, base: base)
        self = try parser.document()
    }

    /// The member `name` of an object.
    subscript(name: String) -> StrictJSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name.elementsEqual(name.utf8) }?.value
    }

    /// The text of a string.
    var string: String? { utf8.map { String(decoding: $0, as: UTF8.self) } }

    /// The bytes of a string.
    var utf8: [UInt8]? { if case .string(let bytes) = self { bytes } else { nil } }

    /// An integer that a double holds exactly.
    var integer: Int? {
        if case .number(let value) = self, abs(value) <= 9_007_199_254_740_992 { Int(exactly: value) } else { nil }
    }

    /// Any number.
    var number: Double? { if case .number(let value) = self { value } else { nil } }

    /// A boolean.
    var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

    /// The elements of an array.
    var array: [StrictJSON]? { if case .array(let values) = self { values } else { nil } }

    /// The members of an object.
    var members: [(name: [UInt8], value: StrictJSON)]? { if case .object(let members) = self { members } else { nil } }

    /// Whether it is `null`: such a member counts as absent.
    var isNull: Bool { if case .null = self { true } else { false } }
}

extension Optional where Wrapped == StrictJSON {
    /// The value if it is there and not `null`.
    var present: StrictJSON? { if let self, !self.isNull { self } else { nil } }
}

/// Recursive descent over the bytes; the depth is limited so that hostile nesting cannot exhaust the stack.
private struct StrictJSONParser {
    let bytes: UnsafeRawBufferPointer
    let file: String
    let base: Int
    var position = 0
    static let deepest = 64

    mutating func document() throws(BelfryError) -> StrictJSON {
        let value = try self.value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw failure("something follows the value") }
        return value
    }

    func failure(_ what: String) -> BelfryError {
        .corrupt("This is not valid JSON: \(what).", at: .byte(base + position, of: file))
    }

    mutating func skipSpace() {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return }
            position += 1
        }
    }

    mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    mutating func word(_ text: StaticString, _ value: StrictJSON) throws(BelfryError) -> StrictJSON {
        let count = text.utf8CodeUnitCount
        guard bytes.count - position >= count,
            (0..<count).allSatisfy({ bytes[position + $0] == text.utf8Start[$0] })
        else { throw failure("an unknown word") }
        position += count
        return value
    }

    mutating func value(depth: Int) throws(BelfryError) -> StrictJSON {
        guard depth < Self.deepest else { throw failure("it is nested more than \(Self.deepest) deep") }
        skipSpace()
        guard position < bytes.count else { throw failure("it ends too early") }
        switch bytes[position] {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return .number(try number())
        }
    }

    mutating func array(depth: Int) throws(BelfryError) -> StrictJSON {
        position += 1
        var values: [StrictJSON] = []
        if take(UInt8(ascii: "]")) { return .array(values) }
        repeat { values.append(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw failure("an array is not closed") }
        return .array(values)
    }

    mutating func object(depth: Int) throws(BelfryError) -> StrictJSON {
        position += 1
        var members: [(name: [UInt8], value: StrictJSON)] = []
        var names: Set<[UInt8]> = []
        if take(UInt8(ascii: "}")) { return .object(members) }
        repeat {
            skipSpace()
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                throw failure("a member has no name")
            }
            let name = try string()
            guard names.insert(name).inserted else {
                throw failure("the member “\(String(decoding: name, as: UTF8.self))” is there twice")
            }
            guard take(UInt8(ascii: ":")) else { throw failure("a member has no value") }
            members.append((name, try value(depth: depth + 1)))
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw failure("an object is not closed") }
        return .object(members)
    }

    mutating func number() throws(BelfryError) -> Double {
        let start = position
        while position < bytes.count, Self.numberBytes.contains(bytes[position]) { position += 1 }
        // Ids and offsets: short whole numbers, without the detour through a string.
        if (1...15).contains(position - start), bytes[start] != UInt8(ascii: "0") || position - start == 1,
            bytes[start..<position].allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
        {
            return Double(bytes[start..<position].reduce(0) { $0 * 10 + Int($1 - 0x30) })
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        // `Double` also reads "+1", ".5", "1." and "01", which JSON forbids.
        let digits = text.utf8.drop { $0 == UInt8(ascii: "-") }
        let isWhole =
            digits.first == UInt8(ascii: "0") && digits.dropFirst().first.map { $0 >= 0x30 && $0 <= 0x39 } == true
        // "1." and "1.e5": a point must have a digit after it.
        let afterPoint = text.utf8.firstIndex(of: UInt8(ascii: ".")).map { text.utf8[$0...].dropFirst().first }
        let hasFraction = afterPoint.map { $0.map { $0 >= 0x30 && $0 <= 0x39 } ?? false } ?? true
        guard let first = digits.first, first >= 0x30, first <= 0x39, !isWhole, hasFraction,
            let value = Double(text), value.isFinite
        else { throw failure("a value cannot be read") }
        return value
    }

    private static let numberBytes = Set("+-.0123456789eE".utf8)

    mutating func string() throws(BelfryError) -> [UInt8] {
        position += 1
        let start = position
        while position < bytes.count, bytes[position] != UInt8(ascii: "\""), bytes[position] != UInt8(ascii: "\\"),
            bytes[position] >= 0x20
        { position += 1 }
        var result = Array(bytes[start..<position])
        while true {
            guard position < bytes.count else { throw failure("a string is not closed") }
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard result.allSatisfy({ $0 < 0x80 }) || String(validating: result, as: UTF8.self) != nil else {
                    throw failure("a string is not UTF-8")
                }
                return result
            case UInt8(ascii: "\\"): try escape(into: &result)
            case 0..<0x20: throw failure("a control character in a string")
            default: result.append(byte)
            }
        }
    }

    mutating func escape(into result: inout [UInt8]) throws(BelfryError) {
        guard position < bytes.count else { throw failure("a string is not closed") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(byte)
        case UInt8(ascii: "b"): result.append(0x08)
        case UInt8(ascii: "f"): result.append(0x0c)
        case UInt8(ascii: "n"): result.append(0x0a)
        case UInt8(ascii: "r"): result.append(0x0d)
        case UInt8(ascii: "t"): result.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexadecimal()
            if (0xd800..<0xdc00).contains(code) {
                guard bytes.count - position >= 6, bytes[position] == UInt8(ascii: "\\"),
                    bytes[position + 1] == UInt8(ascii: "u")
                else { throw failure("half of a surrogate pair") }
                position += 2
                let low = try hexadecimal()
                guard (0xdc00..<0xe000).contains(low) else { throw failure("half of a surrogate pair") }
                code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw failure("half of a surrogate pair") }
            result.append(contentsOf: UTF8.encode(scalar)!)
        default: throw failure("an unknown escape")
        }
    }

    mutating func hexadecimal() throws(BelfryError) -> UInt32 {
        guard bytes.count - position >= 4 else { throw failure("a short escape") }
        var code: UInt32 = 0
        for _ in 0..<4 {
            let digit = bytes[position]
            switch digit {
            case 0x30...0x39: code = code << 4 | UInt32(digit - 0x30)
            case 0x41...0x46: code = code << 4 | UInt32(digit - 0x41 + 10)
            case 0x61...0x66: code = code << 4 | UInt32(digit - 0x61 + 10)
            default: throw failure("a bad escape")
            }
            position += 1
        }
        return code
    }
}
