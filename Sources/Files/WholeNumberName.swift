extension String {
    /// `5` for `5.0`: a whole number as programs write it that took its column for one of fractions. Nil for any other text.
    package var wholeNumberName: String? {
        let parts = split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[1].isEmpty, parts[1].utf8.allSatisfy({ $0 == 48 }),
            let number = UInt64(parts[0]), "\(number)" == parts[0]
        else { return nil }
        return String(parts[0])
    }
}
