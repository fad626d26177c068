import Files
import Foundation

/// Floating-point formats of 8 and 4 bits (Micikevicius et al., 2022; OCP Microscaling formats, 2023).
///
/// A format is its table of values: decoding looks a code up, encoding searches the nearest value, ties to the even
/// code.
struct SmallFloat: Sendable {
    /// How numbers between two codes, and beyond the last one, are rounded.
    struct Rounding: Sendable {
        /// Whether what is too large becomes the greatest finite value.
        var saturates = true
        /// For exponents alone (float8e8m0): `up`, `down` or `nearest`.
        var mode = "up"

        init() {}

        init(_ node: NodeContext) throws(BelfryError) {
            saturates = try node.flag("saturate", default: true)
            mode = try node.string("round_mode") ?? "up"
            guard ["up", "down", "nearest"].contains(mode) else { throw node.unsupported("the round_mode “\(mode)”") }
        }
    }

    /// The values of the codes without sign, ascending, without infinity and NaN.
    private let values: [Double]
    private let signBit: UInt8
    /// The code without sign for infinity, if there is one.
    private let infinity: UInt8?
    /// The code for NaN, with its sign; nil if there is none.
    private let nan: UInt8?
    /// Whether the code of -0 is a NaN instead.
    private let hasOneZero: Bool
    private let isExponentOnly: Bool

    static func of(_ type: TensorType) -> SmallFloat { formats[type]! }

    private static let formats: [TensorType: SmallFloat] = [
        .float8e4m3fn: SmallFloat(exponentBits: 4, mantissaBits: 3, bias: 7, finite: 0x7f, nan: 0x7f),
        .float8e4m3fnuz: SmallFloat(exponentBits: 4, mantissaBits: 3, bias: 8, finite: 0x80, nan: 0x80, oneZero: true),
        .float8e5m2: SmallFloat(exponentBits: 5, mantissaBits: 2, bias: 15, finite: 0x7c, infinity: 0x7c, nan: 0x7e),
        .float8e5m2fnuz: SmallFloat(exponentBits: 5, mantissaBits: 2, bias: 16, finite: 0x80, nan: 0x80, oneZero: true),
        .float4e2m1: SmallFloat(exponentBits: 2, mantissaBits: 1, bias: 1, finite: 8, nan: nil),
        .float8e8m0: SmallFloat(),
    ]

    private init(
        exponentBits: Int, mantissaBits: Int, bias: Int, finite: Int, infinity: UInt8? = nil, nan: UInt8?,
        oneZero: Bool = false
    ) {
        values = (0..<finite).map { code in
            let exponent = code >> mantissaBits
            let mantissa = Double(code & (1 << mantissaBits - 1)) / Double(1 << mantissaBits)
            return exponent == 0
                ? scalbn(mantissa, 1 - bias) : scalbn(1 + mantissa, exponent - bias)
        }
        signBit = 1 << UInt8(exponentBits + mantissaBits)
        (self.infinity, self.nan, hasOneZero, isExponentOnly) = (infinity, nan, oneZero, false)
    }

    /// Powers of two without a sign: 2^(code - 127), and 255 for NaN.
    private init() {
        values = (0..<255).map { scalbn(1, $0 - 127) }
        (signBit, infinity, nan, hasOneZero, isExponentOnly) = (0, nil, 255, false, true)
    }

    func decode(_ code: UInt8) -> Double {
        if hasOneZero, code == signBit { return .nan }
        let magnitude = Int(code & ~signBit)
        let isNegative = code & signBit != 0
        if magnitude < values.count { return isNegative ? -values[magnitude] : values[magnitude] }
        if let infinity, magnitude == infinity { return isNegative ? -.infinity : .infinity }
        return .nan
    }

    func encode(_ value: Double, _ rounding: Rounding) -> UInt8 {
        if isExponentOnly { return encodeExponent(value, rounding) }
        let sign: UInt8 = value.sign == .minus ? signBit : 0
        guard !value.isNaN else { return nan.map { $0 == signBit ? $0 : $0 | sign } ?? 0 }
        let code = nearest(abs(value))
        // The value that the next code would have.
        let beyond = values[values.count - 1] + (values[values.count - 1] - values[values.count - 2]) / 2
        if abs(value) >= beyond, !rounding.saturates, nan != nil {
            return infinity.map { $0 | sign } ?? (hasOneZero ? nan! : nan! | sign)
        }
        return hasOneZero && code == 0 ? 0 : code | sign
    }

    private func nearest(_ magnitude: Double) -> UInt8 {
        var (low, high) = (0, values.count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if values[middle] <= magnitude { low = middle } else { high = middle - 1 }
        }
        guard low + 1 < values.count else { return UInt8(low) }
        let (below, above) = (magnitude - values[low], values[low + 1] - magnitude)
        return UInt8(above < below || above == below && low & 1 == 1 ? low + 1 : low)
    }

    private func encodeExponent(_ value: Double, _ rounding: Rounding) -> UInt8 {
        guard value.isFinite else { return 255 }
        let magnitude = abs(value)
        guard magnitude > values[0] else { return 0 }
        let exponent = min(Int(magnitude.exponent), 127)
        let significand = magnitude / scalbn(1, exponent)
        let isUp = rounding.mode == "up" ? significand > 1 : rounding.mode == "nearest" && significand >= 1.5
        let code = exponent + 127 + (isUp ? 1 : 0)
        return UInt8(code > 254 ? (rounding.saturates ? 254 : 255) : code)
    }
}
