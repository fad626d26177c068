/// A sample of a stream whose length nobody knows beforehand, in which each element has the same chance (Vitter's
/// algorithm R).
package struct Reservoir<Element> {
    /// The sample so far.
    package private(set) var elements: [Element] = []
    private let capacity: Int
    private var random: SplitMix64
    private var seen = 0

    /// At most `capacity` elements, drawn by `seed`.
    package init(_ capacity: Int, seed: UInt64) { (self.capacity, random) = (capacity, SplitMix64(seed: seed)) }

    /// The next element of the stream.
    package mutating func offer(_ element: Element) {
        seen += 1
        let place = seen <= capacity ? seen - 1 : Int(random.next(upperBound: UInt64(seen)))
        if place == elements.count {
            elements.append(element)
        } else if place < elements.count {
            elements[place] = element
        }
    }
}
