/// The recalls of searches that were asked again exactly: those that came last.
struct AuditedRecall: Sendable {
    private var recalls: [Double] = []
    private var next = 0
    private static let most = 1_000

    mutating func add(_ recall: Double) {
        if recalls.count < Self.most {
            recalls.append(recall)
        } else {
            recalls[next] = recall
            next = (next + 1) % Self.most
        }
    }

    var count: Int { recalls.count }

    /// 1 where there are none.
    var mean: Double { recalls.isEmpty ? 1 : recalls.reduce(0, +) / Double(recalls.count) }

    /// Where the mean of all such searches lies, in 19 of 20 cases (Wilson 1927, as if each search had either found all or
    /// nothing: no values between 0 and 1 vary more than that).
    var interval: ClosedRange<Double> {
        guard count > 0 else { return 0...1 }
        let (z, n, p) = (1.96, Double(count), mean)
        let center = (p + z * z / (2 * n)) / (1 + z * z / n)
        let half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
        return max(0, center - half)...min(1, center + half)
    }
}
