/// Numbers terms in the order in which they first come: a hash table with open addressing, for many millions of questions.
///
/// For one thread at a time.
final class TermTable {
    /// How many terms there are: their numbers are `0..<count`.
    private(set) var count = 0
    private var slots: UnsafeMutablePointer<Slot>
    private var bits = 10

    private struct Slot {
        var term: UInt32
        /// The term's number plus one; 0 in an empty slot.
        var place: UInt32
    }

    init() { slots = Self.empty(bits) }

    deinit { slots.deallocate() }

    /// The number of a term; nil if it has none.
    @inline(__always)
    func place(of term: UInt32) -> Int? {
        let slot = slots[find(term)]
        return slot.place == 0 ? nil : Int(slot.place) - 1
    }

    /// The number of a term, which gets the next one if it has none.
    @inline(__always)
    func insert(_ term: UInt32) -> Int {
        let found = slots[find(term)]
        return found.place == 0 ? add(term) : Int(found.place) - 1
    }

    private func add(_ term: UInt32) -> Int {
        if count >= 1 << (bits - 1) { grow() }
        count += 1
        slots[find(term)] = Slot(term: term, place: UInt32(count))
        return count - 1
    }

    /// Where a term is, or the empty slot where it belongs. At least half of the slots are empty.
    @inline(__always)
    private func find(_ term: UInt32) -> Int {
        let mask = 1 << bits - 1
        // Fibonacci hashing: the upper bits depend on all bits of the term.
        var slot = Int(truncatingIfNeeded: (UInt64(term) &* 0x9e37_79b9_7f4a_7c15) >> UInt64(64 - bits))
        while slots[slot].place != 0, slots[slot].term != term { slot = (slot + 1) & mask }
        return slot
    }

    private func grow() {
        let (old, oldCount) = (slots, 1 << bits)
        bits += 1
        slots = Self.empty(bits)
        for slot in 0..<oldCount where old[slot].place != 0 { slots[find(old[slot].term)] = old[slot] }
        old.deallocate()
    }

    private static func empty(_ bits: Int) -> UnsafeMutablePointer<Slot> {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: 1 << bits)
        slots.initialize(repeating: Slot(term: 0, place: 0), count: 1 << bits)
        return slots
    }
}
