/// A set of Unicode scalars: disjoint ranges in ascending order.
struct ScalarSet: Hashable, Sendable {
    /// One range after the other, both ends included.
    private(set) var ranges: [ClosedRange<UInt32>]
    static let last: UInt32 = 0x10ffff
    static let all = ScalarSet([0...last])

    /// The scalars of `ranges`, which may overlap and stand in any order.
    init(_ ranges: [ClosedRange<UInt32>]) {
        var merged: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound &+ 1 {
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        self.ranges = merged
    }

    init(_ scalar: UInt32) { ranges = [scalar...scalar] }

    init(_ scalar: Unicode.Scalar) { self.init(scalar.value) }

    /// The scalars of a table that lists first and last ones in turn.
    init(pairs: [UInt32]) { self.init(stride(from: 0, to: pairs.count, by: 2).map { pairs[$0]...pairs[$0 + 1] }) }

    var isEmpty: Bool { ranges.isEmpty }

    func union(_ other: ScalarSet) -> ScalarSet { ScalarSet(ranges + other.ranges) }

    var inverted: ScalarSet {
        var result: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { result.append(next...range.lowerBound - 1) }
            next = range.upperBound + 1
        }
        if next <= Self.last { result.append(next...Self.last) }
        return ScalarSet(result)
    }

    func intersection(_ other: ScalarSet) -> ScalarSet { inverted.union(other.inverted).inverted }

    func isDisjoint(with other: ScalarSet) -> Bool { intersection(other).isEmpty }

    func contains(_ scalar: UInt32) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < scalar { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].lowerBound <= scalar
    }
}

/// A set as two tables, one look-up per scalar: pages of 256 bits, shared where they are equal.
final class ScalarTable: Sendable {
    /// The tables alone, for loops that take no reference counts. Valid as long as their owner.
    struct View: BitwiseCopyable {
        fileprivate let index: UnsafePointer<UInt16>
        fileprivate let pages: UnsafePointer<UInt64>

        @inline(__always)
        func contains(_ scalar: UInt32) -> Bool {
            let page = Int(index[Int(scalar >> 8)])
            return pages[page &* 4 &+ Int(scalar >> 6 & 3)] >> UInt64(scalar & 63) & 1 != 0
        }
    }

    private let index: FixedTable<UInt16>
    private let pages: FixedTable<UInt64>

    init(_ set: ScalarSet) {
        var pages: [[UInt64]: UInt16] = [[0, 0, 0, 0]: 0]
        var order: [[UInt64]] = [[0, 0, 0, 0]]
        let full = [UInt64](repeating: .max, count: 4)
        var index = [UInt16](repeating: 0, count: 0x1100)
        func place(_ page: [UInt64]) -> UInt16 {
            if let known = pages[page] { return known }
            pages[page] = UInt16(order.count)
            order.append(page)
            return UInt16(order.count - 1)
        }
        var page = [UInt64](repeating: 0, count: 4)
        var current = -1
        func finish() {
            if current >= 0 { index[current] = place(page) }
            page = [0, 0, 0, 0]
        }
        for range in set.ranges {
            var scalar = range.lowerBound
            while scalar <= range.upperBound {
                let number = Int(scalar >> 8)
                if number != current {
                    finish()
                    current = number
                }
                if scalar & 0xff == 0, range.upperBound >= scalar + 0xff {
                    page = full
                    scalar += 0x100
                } else {
                    page[Int(scalar >> 6 & 3)] |= 1 << UInt64(scalar & 63)
                    scalar += 1
                }
            }
        }
        finish()
        self.index = FixedTable(index)
        self.pages = FixedTable(order.flatMap { $0 })
    }

    var view: View { View(index: index.start, pages: pages.start) }

    @inline(__always)
    func contains(_ scalar: UInt32) -> Bool { view.contains(scalar) }
}
