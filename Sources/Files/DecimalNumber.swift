/// The f64 nearest to a decimal number, without going through text where that is certain.
enum DecimalNumber {
    /// The f64 nearest to `digits × 10^exponent`; nil where that takes more than one rounding can say.
    ///
    /// Digits of 64 bits and powers of ten up to 10^27 are exact in x86's f80, so that their product or quotient is rounded
    /// once, to 64 bits. Rounding that again to the 53 of an f64 gives the nearest one, unless the 11 bits that go lie so
    /// near their middle that the first rounding may have carried them over it.
    @inline(__always)
    static func nearest(_ digits: UInt64, exponent: Int) -> Double? {
        #if arch(x86_64)
            guard digits > 0, abs(exponent) < powers.count else { return nil }
            let power = powers[abs(exponent)]
            let value = exponent < 0 ? Float80(digits) / power : Float80(digits) * power
            // Far from the smallest and largest f64.
            guard value > 1e-280, value < 1e280 else { return nil }
            let going = value.significandBitPattern & 0x7ff
            return going >= 0x3ff && going <= 0x401 ? nil : Double(value)
        #else
            return nil
        #endif
    }

    #if arch(x86_64)
        private static let powers: [Float80] = {
            var powers: [Float80] = [1]
            for _ in 1...27 { powers.append(powers[powers.count - 1] * 10) }
            return powers
        }()
    #endif
}
