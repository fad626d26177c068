import Foundation

/// SplitMix64 (Steele, Lea and Flood, 2014): the random numbers of every test, from a seed that a failure can print.
///
/// `SeededGenerator()` takes its seed from `BELFRY_SEED`, or a fixed one, so that a failure can be run again.
public struct SeededGenerator: RandomNumberGenerator, CustomStringConvertible, Sendable {
    /// What the generator was started with.
    public let seed: UInt64
    private var state: UInt64

    /// A generator that starts at `seed`.
    public init(seed: UInt64? = nil) {
        let wanted = ProcessInfo.processInfo.environment["BELFRY_SEED"].flatMap { UInt64($0) }
        self.seed = seed ?? wanted ?? 20_261_121
        state = self.seed
    }

    /// The next 64 random bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// A normally distributed number (Box and Muller).
    public mutating func gaussian() -> Float {
        let u = Double.random(in: Double.leastNonzeroMagnitude..<1, using: &self)
        let v = Double.random(in: 0..<1, using: &self)
        return Float((-2 * log(u)).squareRoot() * cos(2 * .pi * v))
    }

    /// `count` normally distributed numbers.
    public mutating func vector(_ count: Int) -> [Float] { (0..<count).map { _ in gaussian() } }

    /// For a failing expectation's message.
    public var description: String { "seed \(seed): run again with BELFRY_SEED=\(seed)" }
}
