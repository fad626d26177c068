/// Which row each id has: rows in the order of a hash of their ids, with open addressing.
struct IDTable: Sendable {
    /// A row, or ``free``; a power of two of places, at most half of which are taken.
    private let places: [UInt32]
    /// Whoever chooses ids does not know which of them fall together.
    private let seeds: (UInt64, UInt64)
    private static let free = UInt32.max

    /// - Parameter value: the 16 bytes of a row's id.
    init(_ count: Int, value: (_ row: Int) -> IDsReader.Value) {
        var random = SystemRandomNumberGenerator()
        let seeds = (random.next(), random.next())
        var places = [UInt32](repeating: Self.free, count: max(4, 2 * count).powerOfTwoNotBelow)
        let mask = places.count - 1
        for row in 0..<count {
            var place = Self.hash(value(row), seeds) & mask
            while places[place] != Self.free { place = (place + 1) & mask }
            places[place] = UInt32(row)
        }
        (self.places, self.seeds) = (places, seeds)
    }

    /// The row whose id has this value and which `isRight`; nil where there is none.
    func row(of value: IDsReader.Value, _ isRight: (_ row: Int) -> Bool) -> Int? {
        let mask = places.count - 1
        var place = Self.hash(value, seeds) & mask
        while places[place] != Self.free {
            if isRight(Int(places[place])) { return Int(places[place]) }
            place = (place + 1) & mask
        }
        return nil
    }

    /// Both halves of a product, as wyhash folds them.
    private static func hash(_ value: IDsReader.Value, _ seeds: (UInt64, UInt64)) -> Int {
        let product = (value.0 ^ seeds.0).multipliedFullWidth(by: value.1 ^ seeds.1)
        let again = (product.high ^ product.low ^ seeds.1).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return Int(truncatingIfNeeded: again.high ^ again.low)
    }
}

extension Int {
    /// The least power of two that is not below this number.
    fileprivate var powerOfTwoNotBelow: Int { 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) }
}
