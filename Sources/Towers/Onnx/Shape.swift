/// The extents of a tensor, the slowest first; none for a scalar. Kept in place: a shape never allocates.
package struct Shape: Sendable {
    /// The most dimensions that a tensor may have.
    package static let maximumRank = 8

    private var extents = InlineArray<8, Int>(repeating: 0)
    /// How many dimensions there are.
    package private(set) var rank = 0

    /// A scalar's shape.
    package init() {}

    /// As many dimensions as `rank`, at most `maximumRank`, each of `extent`.
    package init(rank: Int, repeating extent: Int = 1) {
        precondition(rank <= Self.maximumRank, "a rank that was checked")
        self.rank = rank
        for axis in 0..<rank { extents[axis] = extent }
    }

    /// The extents, or nil if there are more than `maximumRank`.
    package init?(_ extents: some Collection<Int>) {
        guard extents.count <= Self.maximumRank else { return nil }
        for extent in extents { append(extent) }
    }

    /// How many elements a tensor of this shape has; nil if no memory could hold them, or if it has none but so many
    /// places for them that going through these would take for ever.
    package var checkedElements: Int? {
        var product = 1
        var isEmpty = false
        for axis in 0..<rank {
            guard extents[axis] >= 0 else { return nil }
            if extents[axis] == 0 { isEmpty = true; continue }
            let (next, overflow) = product.multipliedReportingOverflow(by: extents[axis])
            guard !overflow, next < 1 << 48 else { return nil }
            product = next
        }
        guard isEmpty else { return product }
        return product < 1 << 30 ? 0 : nil
    }

    /// How many elements there are in the dimensions `axes`.
    package func elements(in axes: Range<Int>) -> Int {
        var product = 1
        for axis in axes { product *= extents[axis] }
        return product
    }

    /// How many elements a tensor of this shape has.
    package var elements: Int { elements(in: 0..<rank) }

    /// Elements from one index to the next in each dimension of a tensor without gaps.
    package var strides: Shape {
        var strides = self
        var stride = 1
        for axis in (0..<rank).reversed() {
            strides[axis] = stride
            stride *= extents[axis]
        }
        return strides
    }

    package mutating func append(_ extent: Int) {
        precondition(rank < Self.maximumRank, "a rank that was checked")
        extents[rank] = extent
        rank += 1
    }
}

extension Shape: RandomAccessCollection, MutableCollection, ExpressibleByArrayLiteral, Hashable,
    CustomStringConvertible
{
    package init(arrayLiteral elements: Int...) {
        for element in elements { append(element) }
    }

    package var startIndex: Int { 0 }
    package var endIndex: Int { rank }

    package subscript(axis: Int) -> Int {
        get {
            precondition(axis < rank, "a dimension that is there")
            return extents[axis]
        }
        set {
            precondition(axis < rank, "a dimension that is there")
            extents[axis] = newValue
        }
    }

    package static func == (left: Shape, right: Shape) -> Bool {
        guard left.rank == right.rank else { return false }
        for axis in 0..<left.rank where left.extents[axis] != right.extents[axis] { return false }
        return true
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(rank)
        for axis in 0..<rank { hasher.combine(extents[axis]) }
    }

    package var description: String { Array(self).description }
}

extension Shape {
    /// The shape that both broadcast to (as numpy does it), or nil if they do not fit.
    package func broadcast(with other: Shape) -> Shape? {
        var result = Shape(rank: Swift.max(rank, other.rank))
        for back in 1...Swift.max(result.rank, 1) where back <= result.rank {
            let mine = back <= rank ? self[rank - back] : 1
            let its = back <= other.rank ? other[other.rank - back] : 1
            guard mine == its || mine == 1 || its == 1 else { return nil }
            result[result.rank - back] = mine == 1 ? its : mine
        }
        return result
    }

    /// An axis counted from the end if it is negative, or nil if there is no such dimension.
    package func axis(_ axis: Int) -> Int? {
        let counted = axis < 0 ? axis + rank : axis
        return counted >= 0 && counted < rank ? counted : nil
    }
}
