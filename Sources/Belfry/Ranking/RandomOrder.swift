import Vectors

/// `0..<count` in a random order, number by number: a sample without replacement of any size.
///
/// Every order is equally likely, so the first `n` numbers are a sample of `n` in which each number is equally likely. They
/// are the beginning of the first `n + m`: pages continue one another, and numbers that a filter refuses are skipped.
/// Fisher and Yates' shuffle (Durstenfeld, 1964), of which only what has moved is kept: the cost is that of what is drawn.
struct RandomOrder: Sequence, IteratorProtocol {
    private var random: SplitMix64
    private let count: Int
    private var place = 0
    /// What lies at places that a draw has emptied.
    private var moved: [Int: Int] = [:]

    /// - Parameters:
    ///   - count: how many numbers there are, from 0 on.
    ///   - seed: the same one gives the same order.
    init(_ count: Int, seed: UInt64) { (self.count, random) = (count, SplitMix64(seed: seed)) }

    mutating func next() -> Int? {
        guard place < count else { return nil }
        let drawn = place + Int(random.next(upperBound: UInt64(count - place)))
        // What lay at the first place that is left moves to the one that was drawn, and is needed there only.
        let first = moved.removeValue(forKey: place) ?? place
        place += 1
        guard drawn != place - 1 else { return first }
        return moved.updateValue(first, forKey: drawn) ?? drawn
    }
}
