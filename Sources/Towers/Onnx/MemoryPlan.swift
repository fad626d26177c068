/// Where each value of a run lies in one arena, so that values that never live at the same time share memory.
///
/// Sizes are those that a first run with these input shapes asked for. A later run may ask for more where shapes depend
/// on data: then the value gets a buffer of its own.
struct MemoryPlan: Sendable {
    /// From its first to its last step, both included.
    struct Lifetime: Sendable {
        var begin = 0
        var end = 0
    }

    /// Of each slot; -1 for one that has no place here.
    private(set) var offsets: [Int]
    /// Bytes that each slot has.
    let sizes: [Int]
    /// Bytes of the whole arena.
    private(set) var total = 0

    /// Places the largest values first, each at the lowest offset where it meets no value that lives while it does.
    init(sizes: [Int], lifetimes: [Lifetime]) {
        self.sizes = sizes.map { ($0 + 63) / 64 * 64 }
        offsets = [Int](repeating: -1, count: sizes.count)
        var placed: [Int] = []
        for slot in self.sizes.indices.filter({ sizes[$0] > 0 }).sorted(by: { sizes[$0] > sizes[$1] }) {
            let life = lifetimes[slot]
            var offset = 0
            for other in placed where lifetimes[other].begin <= life.end && life.begin <= lifetimes[other].end {
                // `placed` is in the order of offsets, so the first gap that is wide enough is the lowest.
                if offsets[other] >= offset + self.sizes[slot] { break }
                offset = max(offset, offsets[other] + self.sizes[other])
            }
            offsets[slot] = offset
            total = max(total, offset + self.sizes[slot])
            placed.insert(slot, at: placed.firstIndex { offsets[$0] > offset } ?? placed.endIndex)
        }
    }
}
