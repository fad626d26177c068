/// The recalls of searches that were asked again exactly: those that came last.
struct AuditedRecall: Sendable {
    private var recalls: [Double] = []
    private var next = 0
    /// How many there were in all.
    private(set) var total = 0
    private static let most = 1_000
    /// So many are there before anything is concluded.
    static let fewest = 100

    mutating func add(_ recall: Double) {
        total += 1
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

    /// Where the mean of all such searches lies, in 19 of 20 cases at least: as if each search had either found all or nothing,
    /// and no values between 0 and 1 vary more than that.
    var interval: ClosedRange<Double> { count == 0 ? 0...1 : WilsonInterval.of(mean, count: count) }

    /// Where it lies almost surely: what is done about it is done once in some hundred cases by chance at the most. It goes by how
    /// much the recalls vary, and is looked at only at some moments (``isDue``): who looks all the time finds what is not there.
    var sureInterval: ClosedRange<Double> {
        guard count > 1 else { return 0...1 }
        let (n, mean) = (Double(count), mean)
        let variance = recalls.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1)
        // Even where all are the same, the next may be another.
        let half = 2.8 * (variance / n).squareRoot() + 1 / n
        return max(0, mean - half)...min(1, mean + half)
    }

    /// Whether it is time to conclude: after 100, 200, 400 and 800, and each further thousand.
    var isDue: Bool {
        total >= Self.most ? total % Self.most == 0 : [1, 2, 4, 8].contains { total == $0 * Self.fewest }
    }
}
