import Foundation

/// Random numbers that a build can repeat: SplitMix64 (Steele, Lea and Flood, 2014).
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// A generator that starts at `seed`.
    package init(seed: UInt64) { state = seed }

    /// The next 64 random bits.
    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// A normally distributed number (Box and Muller).
    package mutating func gaussian() -> Float {
        let u = Double.random(in: Double.leastNonzeroMagnitude..<1, using: &self)
        let v = Double.random(in: 0..<1, using: &self)
        return Float((-2 * log(u)).squareRoot() * cos(2 * .pi * v))
    }

    /// `0..<count` in a random order.
    package mutating func permutation(_ count: Int) -> [UInt32] {
        var order = [UInt32](0..<UInt32(count))
        order.shuffle(using: &self)
        return order
    }

    /// Which `count` of `all` are drawn, in their order; all of them if there are no more.
    package mutating func sample(_ count: Int, of all: Int) -> [Int] {
        guard count < all else { return Array(0..<all) }
        return permutation(all).prefix(count).map { Int($0) }.sorted()
    }
}
