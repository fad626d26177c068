/// Finds those components of many rows whose indices are among some terms. For one thread at a time.
///
/// 1. A table with a slot for the lower bits of an index says of most components that they are none. All components are
///    gone through without a branch, and those are listed of which the table does not say so.
/// 2. Those few are compared with the terms that have the same lower bits.
final class TermFinder {
    /// The components that were found last, in their order, and the place of each one's term.
    private(set) var components: UnsafeMutablePointer<UInt32>
    private(set) var places: UnsafeMutablePointer<UInt32>
    private var capacity = 256

    private let terms: UnsafeMutablePointer<UInt32>
    /// For each value of the lower bits the place of the first term that has them, plus one; 0 if there is none.
    private let slots: UnsafeMutablePointer<UInt32>
    private let mask: UInt32
    /// The next term with the same lower bits, in the same way.
    private let next: UnsafeMutablePointer<UInt32>

    /// - Parameter terms: no term twice.
    init(_ terms: [UInt32]) {
        var size = 4_096
        while size < 64 * terms.count, size < 1 << 20 { size *= 2 }
        mask = UInt32(size - 1)
        slots = .allocate(capacity: size)
        slots.initialize(repeating: 0, count: size)
        self.terms = .allocate(capacity: terms.count)
        self.terms.initialize(from: terms, count: terms.count)
        next = .allocate(capacity: terms.count)
        for (place, term) in terms.enumerated() {
            (next + place).initialize(to: slots[Int(term & mask)])
            slots[Int(term & mask)] = UInt32(place + 1)
        }
        (components, places) = (.allocate(capacity: capacity), .allocate(capacity: capacity))
    }

    deinit {
        components.deallocate()
        places.deallocate()
        terms.deallocate()
        slots.deallocate()
        next.deallocate()
    }

    /// Finds the components of a row, and returns how many there are.
    @inline(__always)
    func find(_ indices: UnsafePointer<UInt32>, count: Int) -> Int {
        if count > capacity { reserve(count) }
        let (components, places, slots, mask) = (components, places, slots, mask)
        var possible = 0
        for component in 0..<count {
            components[possible] = UInt32(truncatingIfNeeded: component)
            let slot = slots[Int(indices[component] & mask)]
            possible &+= Int((slot | (0 &- slot)) >> 31)
        }
        var found = 0
        for place in 0..<possible {
            let component = components[place]
            let index = indices[Int(component)]
            var term = slots[Int(index & mask)]
            while term != 0, terms[Int(term) - 1] != index { term = next[Int(term) - 1] }
            guard term != 0 else { continue }
            components[found] = component
            places[found] = term - 1
            found += 1
        }
        return found
    }

    private func reserve(_ count: Int) {
        components.deallocate()
        places.deallocate()
        capacity = max(count, 2 * capacity)
        (components, places) = (.allocate(capacity: capacity), .allocate(capacity: capacity))
    }
}
