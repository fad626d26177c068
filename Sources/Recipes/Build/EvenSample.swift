import Vectors

/// Draws some of many rows, the same ones every time, spread over all of them.
///
/// The rows are cut into as many equal stretches as rows are wanted, and one is drawn of each: no part of a catalogue goes
/// without, and no rhythm in it (sizes S, M and L in turn) decides what is drawn. All of few rows are taken.
struct EvenSample {
    private let count: Int
    private let total: Int
    private var random = SplitMix64(seed: 1)
    /// Rows that have been asked about, stretches that have been drawn from, and the row of the next one.
    private var (row, stretch, drawn) = (0, 0, -1)

    /// Draws `count` of `total` rows.
    init(_ count: Int, of total: Int) {
        (self.count, self.total) = (min(count, total), total)
        draw()
    }

    /// Whether the next row is one of them.
    mutating func takesNext() -> Bool {
        defer { row += 1 }
        guard row == drawn else { return false }
        stretch += 1
        draw()
        return true
    }

    private mutating func draw() {
        guard stretch < count else { return drawn = -1 }
        let (first, end) = (start(of: stretch), start(of: stretch + 1))
        drawn = first + Int(random.next(upperBound: UInt64(end - first)))
    }

    /// Where a stretch begins: `stretch · total / count`, whose product is not beyond 128 bits.
    private func start(of stretch: Int) -> Int {
        let product = UInt64(stretch).multipliedFullWidth(by: UInt64(total))
        return Int(UInt64(count).dividingFullWidth((product.high, product.low)).quotient)
    }
}
