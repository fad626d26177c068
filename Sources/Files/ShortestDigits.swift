extension BinaryFloatingPoint where Self: CustomStringConvertible {
    /// The shortest digits that give the same number back, as JSON writes them: whole numbers without `.0`.
    @inlinable package var shortestDigits: String {
        let digits = description
        return digits.hasSuffix(".0") ? String(digits.dropLast(2)) : digits
    }
}
