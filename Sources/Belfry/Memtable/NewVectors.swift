import Neighbors
import Shards

/// Vectors of batches that are not certain yet, space by space, and their slots. A table has no way back: they come into it
/// when the log has them.
struct NewVectors {
    private struct OfSpace {
        /// One vector behind the other.
        var components: [Float] = []
        var slots: [Slot] = []
    }

    private var spaces: [OfSpace]

    /// None, in so many spaces.
    init(spaces count: Int) { spaces = [OfSpace](repeating: OfSpace(), count: count) }

    /// How many there are in each space.
    var counts: [Int] { spaces.map(\.slots.count) }

    func count(in space: Int) -> Int { spaces[space].slots.count }

    mutating func append(_ vector: [Float], _ slot: Slot, to space: Int) {
        spaces[space].components += vector
        spaces[space].slots.append(slot)
    }

    /// Drops all but the first of each space, so many: a batch that brought the others is not carried out.
    mutating func keep(_ counts: [Int]) {
        for (space, count) in counts.enumerated() where count < spaces[space].slots.count {
            let (all, dropped) = (spaces[space].slots.count, spaces[space].slots.count - count)
            spaces[space].components.removeLast(spaces[space].components.count / all * dropped)
            spaces[space].slots.removeLast(dropped)
        }
    }

    /// Appends those of a space to its table. Returns how many it took.
    func append(_ space: Int, to table: Memtable) -> Int {
        spaces[space].components.withUnsafeBufferPointer { components in
            spaces[space].slots.withUnsafeBufferPointer { slots in
                guard let first = components.baseAddress else { return 0 }
                return table.append(first, tags: slots.baseAddress, count: slots.count)
            }
        }
    }
}
