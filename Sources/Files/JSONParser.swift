import Foundation

/// A strict reader of one JSON document (RFC 8259) from UTF-8 bytes.
///
/// It exists for its speed on rows and requests, and because it can say at which byte the text goes wrong. Of members
/// with the same name the last one counts. Nesting is bounded, so that no document can exhaust the stack.
struct JSONParser {
    /// Why, and at which byte.
    struct Failure: Error {
        var offset: Int
        var reason: String
    }

    private let bytes: UnsafeRawBufferPointer
    private var index = 0
    private static let deepest = JSON.deepest

    /// Parses `bytes`, which may have white space around the value and nothing else.
    static func parse(_ bytes: UnsafeRawBufferPointer) throws(Failure) -> JSON {
        var parser = JSONParser(bytes: bytes)
        parser.skipSpace()
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.index == bytes.count else { throw parser.failure("more text follows the value") }
        return value
    }

    private init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private func failure(_ reason: String) -> Failure {
        Failure(offset: index, reason: index == bytes.count ? "the text ends too early" : reason)
    }

    private mutating func skipSpace() {
        while index < bytes.count {
            switch bytes[index] {
            case 32, 9, 10, 13: index += 1
            default: return
            }
        }
    }

    private mutating func value(depth: Int) throws(Failure) -> JSON {
        guard depth < Self.deepest else { throw failure("more than \(Self.deepest) levels of nesting") }
        guard index < bytes.count else { throw failure("") }
        switch bytes[index] {
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), 48...57: return try number()
        default: throw failure("a value is expected")
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSON) throws(Failure) -> JSON {
        let letters = UnsafeRawBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        for letter in letters {
            guard index < bytes.count, bytes[index] == letter else { throw failure("'\(word)' is expected") }
            index += 1
        }
        return value
    }

    private mutating func object(depth: Int) throws(Failure) -> JSON.Members {
        var members = JSON.Members()
        index += 1
        skipSpace()
        if take(UInt8(ascii: "}")) { return members }
        while true {
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else {
                throw failure("a member's name in double quotes is expected")
            }
            let name = try string()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw failure("':' is expected") }
            skipSpace()
            members[name] = try value(depth: depth + 1)
            skipSpace()
            if take(UInt8(ascii: "}")) { return members }
            guard take(UInt8(ascii: ",")) else { throw failure("',' or '}' is expected") }
            skipSpace()
        }
    }

    private mutating func array(depth: Int) throws(Failure) -> [JSON] {
        var elements: [JSON] = []
        index += 1
        skipSpace()
        if take(UInt8(ascii: "]")) { return elements }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if take(UInt8(ascii: "]")) { return elements }
            guard take(UInt8(ascii: ",")) else { throw failure("',' or ']' is expected") }
            skipSpace()
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    // MARK: strings

    private mutating func string() throws(Failure) -> String {
        index += 1
        var start = index
        var escaped: [UInt8] = []
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                let last = UnsafeRawBufferPointer(rebasing: bytes[start..<index])
                let text: String?
                if escaped.isEmpty {
                    text = String(validating: last.bindMemory(to: UInt8.self), as: UTF8.self)
                } else {
                    escaped.append(contentsOf: last)
                    text = String(validating: escaped, as: UTF8.self)
                }
                guard let text else { throw failure("the string before is not UTF-8") }
                index += 1
                return text
            }
            guard byte >= 32 else { throw failure("a control character inside a string") }
            if byte == UInt8(ascii: "\\") {
                escaped.append(contentsOf: bytes[start..<index])
                try escape(into: &escaped)
                start = index
            } else {
                index += 1
            }
        }
        throw failure("")
    }

    private mutating func escape(into text: inout [UInt8]) throws(Failure) {
        index += 1
        guard index < bytes.count else { throw failure("") }
        switch bytes[index] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(bytes[index])
        case UInt8(ascii: "b"): text.append(8)
        case UInt8(ascii: "f"): text.append(12)
        case UInt8(ascii: "n"): text.append(10)
        case UInt8(ascii: "r"): text.append(13)
        case UInt8(ascii: "t"): text.append(9)
        case UInt8(ascii: "u"):
            index += 1
            return try unicode(into: &text)
        default: throw failure("an unknown escape")
        }
        index += 1
    }

    private mutating func unicode(into text: inout [UInt8]) throws(Failure) {
        var code = try hexadecimal()
        if (0xd800...0xdbff).contains(code) {
            guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else { throw failure("half a surrogate pair") }
            let low = try hexadecimal()
            guard (0xdc00...0xdfff).contains(low) else { throw failure("half a surrogate pair") }
            code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw failure("half a surrogate pair") }
        text.append(contentsOf: UTF8.encode(scalar)!)
    }

    private mutating func hexadecimal() throws(Failure) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard index < bytes.count, let digit = Character(Unicode.Scalar(bytes[index])).hexDigitValue,
                bytes[index] < 128
            else { throw failure("four hexadecimal digits are expected") }
            code = code << 4 | UInt32(digit)
            index += 1
        }
        return code
    }

    // MARK: numbers

    /// Takes decimal digits, at least one.
    /// - Parameters:
    ///   - magnitude: what the digits before them say, and then those as well.
    ///   - fits: made false where that is beyond 64 bits.
    @inline(__always)
    private mutating func digits(_ magnitude: inout UInt64, _ fits: inout Bool) throws(Failure) {
        let first = index
        while index < bytes.count, case let digit = bytes[index] &- 48, digit < 10 {
            let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
            if overflow || carry { fits = false }
            magnitude = sum
            index += 1
        }
        guard index > first else { throw failure("a digit is expected") }
    }

    private mutating func number() throws(Failure) -> JSON {
        let start = index
        let negative = take(UInt8(ascii: "-"))
        var magnitude: UInt64 = 0
        var fits = true
        let first = index
        try digits(&magnitude, &fits)
        guard index == first + 1 || bytes[first] != 48 else {
            index = first
            throw failure("a number with a leading zero")
        }
        var whole = true
        var exponent = 0
        if take(UInt8(ascii: ".")) {
            whole = false
            let first = index
            try digits(&magnitude, &fits)
            exponent = first - index
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            whole = false
            let isNegative = !take(UInt8(ascii: "+")) && take(UInt8(ascii: "-"))
            let first = index
            try digits()
            // What has more digits is beyond any f64, or zero.
            let power = index - first < 6 ? bytes[first..<index].reduce(0) { $0 * 10 + Int($1 - 48) } : 1_000_000
            exponent += isNegative ? -power : power
        }
        if whole && fits {
            if !negative { return magnitude <= UInt64(Int64.max) ? .integer(Int64(magnitude)) : .unsigned(magnitude) }
            if magnitude > 0, magnitude <= 1 << 63 { return .integer(Int64(truncatingIfNeeded: 0 &- magnitude)) }
            if magnitude == 0 { return .integer(0) }
        }
        // Most numbers are components of vectors. One that may be whole is looked at closely.
        if fits, let value = DecimalNumber.nearest(magnitude, exponent: exponent), value < 0x1p53,
            Double(Int64(value)) != value
        {
            return .number(negative ? -value : value)
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        guard let value = Double(text), value.isFinite else {
            index = start
            throw failure("a number beyond the range of f64")
        }
        return WholeNumber(bytes[start..<index], near: value)?.json ?? .number(value)
    }

    private mutating func digits() throws(Failure) {
        let first = index
        while index < bytes.count, bytes[index] &- 48 < 10 { index += 1 }
        guard index > first else { throw failure("a digit is expected") }
    }
}
