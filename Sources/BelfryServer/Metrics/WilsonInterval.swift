/// Where a share lies that was measured on a sample, in 19 of 20 cases (Wilson, 1927).
enum WilsonInterval {
    private static let z = 1.959_964

    /// - Parameters:
    ///   - share: of the sample, from 0 to 1.
    ///   - count: how large that is, at least 1.
    static func of(_ share: Double, count: Int) -> ClosedRange<Double> {
        let (n, z) = (Double(count), z)
        let middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        let width = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
        return max(0, middle - width)...min(1, middle + width)
    }
}
