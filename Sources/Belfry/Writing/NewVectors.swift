import Neighbors
import Shards

/// Vectors of batches that are not certain yet, one behind the other, and their slots. A table has no way back: they come
/// into it when the log has them.
struct NewVectors {
    private var components: [Float] = []
    private var slots: [Slot] = []

    /// How many there are.
    var count: Int { slots.count }

    mutating func append(_ vector: [Float], _ slot: Slot) {
        components += vector
        slots.append(slot)
    }

    /// Drops all but the first `count`: a batch that brought the others is not carried out.
    mutating func keep(_ count: Int) {
        guard count < slots.count else { return }
        components.removeLast(components.count / slots.count * (slots.count - count))
        slots.removeLast(slots.count - count)
    }

    /// Appends all of them to a table. Returns how many it took.
    func append(to table: Memtable) -> Int {
        components.withUnsafeBufferPointer { components in
            slots.withUnsafeBufferPointer { slots in
                guard let first = components.baseAddress else { return 0 }
                return table.append(first, tags: slots.baseAddress, count: slots.count)
            }
        }
    }
}
