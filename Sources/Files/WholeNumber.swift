/// A whole number of 64 bits out of a decimal text that may have a fraction or an exponent: `5.0`, `1e3`,
/// `9007199254740993.0`.
///
/// Programs that keep a column with gaps as floating-point numbers write whole numbers so. The digits are read as they
/// stand: beyond 2^53 an f64 would have rounded them.
public struct WholeNumber: Equatable, Sendable {
    /// Its size.
    public let magnitude: UInt64
    /// Whether it is below zero.
    public let isNegative: Bool

    /// The number that `text` stands for; nil if that is no number, has a fraction, or does not fit 64 bits.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        let found = bytes.withBytes { WholeNumber($0[...], near: nil) }
        guard let found else { return nil }
        self = found
    }

    /// As the first initializer.
    /// - Parameter value: the f64 nearest to the number, if it is known: most numbers are seen to have a fraction by it.
    init?(_ text: Slice<UnsafeRawBufferPointer>, near value: Double?) {
        if let value, value != value.rounded() || abs(value) >= 0x1p64 { return nil }
        var rest = text
        let sign = rest.first
        if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { rest.removeFirst() }
        let whole = rest.prefix { (48...57).contains($0) }
        rest = rest.dropFirst(whole.count)
        var fraction = rest.prefix(0)
        if rest.first == UInt8(ascii: ".") {
            fraction = rest.dropFirst().prefix { (48...57).contains($0) }
            rest = rest.dropFirst(1 + fraction.count)
        }
        guard let exponent = Self.exponent(rest), whole.count + fraction.count > 0 else { return nil }
        // The digits without the zeros at both ends, and how many zeros follow them.
        var digits = Array(whole) + Array(fraction)
        var zeros = exponent - fraction.count
        while digits.last == 48 {
            digits.removeLast()
            zeros += 1
        }
        digits.removeFirst(digits.prefix { $0 == 48 }.count)
        if digits.isEmpty { zeros = 0 }
        guard zeros >= 0, digits.count + zeros <= 20 else { return nil }
        var magnitude: UInt64 = 0
        for digit in digits + [UInt8](repeating: 48, count: zeros) {
            let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit - 48))
            guard !overflow, !carry else { return nil }
            magnitude = sum
        }
        isNegative = sign == UInt8(ascii: "-")
        guard !isNegative || magnitude <= 1 << 63 else { return nil }
        self.magnitude = magnitude
    }

    /// `e5`, `E-3` or nothing at all; nil for anything else. What no number of 64 bits has is cut to 10,000.
    private static func exponent(_ text: Slice<UnsafeRawBufferPointer>) -> Int? {
        guard let letter = text.first else { return 0 }
        guard letter == UInt8(ascii: "e") || letter == UInt8(ascii: "E") else { return nil }
        var digits = text.dropFirst()
        let sign = digits.first
        if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { digits.removeFirst() }
        guard !digits.isEmpty, digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        let size = digits.reduce(0) { min(10_000, 10 * $0 + Int($1 - 48)) }
        return sign == UInt8(ascii: "-") ? -size : size
    }

    /// The number in JSON; nil for the zero that has a sign, which an f64 keeps.
    public var json: JSON? {
        guard isNegative else {
            return magnitude <= UInt64(Int64.max) ? .integer(Int64(magnitude)) : .unsigned(magnitude)
        }
        return magnitude == 0 ? nil : .integer(Int64(truncatingIfNeeded: 0 &- magnitude))
    }
}
