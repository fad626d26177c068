/// The symbols of a word that is being joined.
final class SymbolBuffer {
    private(set) var ids: UnsafeMutablePointer<Int32>
    var count = 0
    private var capacity = 64
    private var merges: UnsafeMutablePointer<UInt64>
    private var next: UnsafeMutablePointer<Int32>
    private var previous: UnsafeMutablePointer<Int32>
    private var heap = Heap<UInt64>()
    /// Up to this many symbols all pairs are looked through for the best one.
    private static let few = 48

    init() {
        ids = .allocate(capacity: capacity)
        merges = .allocate(capacity: capacity)
        next = .allocate(capacity: capacity)
        previous = .allocate(capacity: capacity)
    }

    deinit { release() }

    private func release() {
        ids.deallocate()
        merges.deallocate()
        next.deallocate()
        previous.deallocate()
    }

    /// No symbols, and room for `maximum` and a pending one.
    func begin(_ maximum: Int) {
        count = 0
        guard maximum + 1 > capacity else { return }
        release()
        capacity = max(2 * capacity, maximum + 1)
        ids = .allocate(capacity: capacity)
        merges = .allocate(capacity: capacity)
        next = .allocate(capacity: capacity)
        previous = .allocate(capacity: capacity)
    }

    /// Joins pairs in the order of their ranks, the leftmost of equal ones first. `merge` gives a pair's rank in the
    /// upper half and the joined id in the lower one, or `PairEncoding.none`.
    @inline(__always)
    func join(_ merge: (Int32, Int32) -> UInt64) {
        guard count > 1 else { return }
        if count <= Self.few { joinFew(merge) } else { joinMany(merge) }
    }

    @inline(__always)
    private func joinFew(_ merge: (Int32, Int32) -> UInt64) {
        let ids = self.ids
        let merges = self.merges
        var count = self.count
        for index in 0..<count &- 1 { merges[index] = merge(ids[index], ids[index &+ 1]) }
        while count > 1 {
            var best = PairEncoding.none
            var place = 0
            for index in 0..<count &- 1 where merges[index] < best {
                best = merges[index]
                place = index
            }
            if best == PairEncoding.none { break }
            ids[place] = Int32(truncatingIfNeeded: best)
            count &-= 1
            var index = place &+ 1
            while index < count {
                ids[index] = ids[index &+ 1]
                merges[index &- 1] = merges[index]
                index &+= 1
            }
            if place &+ 1 < count { merges[place] = merge(ids[place], ids[place &+ 1]) }
            if place > 0 { merges[place &- 1] = merge(ids[place &- 1], ids[place]) }
        }
        self.count = count
    }

    /// Of long words the pairs wait in a heap, each as its rank and place.
    @inline(__always)
    private func joinMany(_ merge: (Int32, Int32) -> UInt64) {
        let count = self.count
        heap.removeAll()
        for index in 0..<count {
            next[index] = index + 1 < count ? Int32(index + 1) : -1
            previous[index] = Int32(index - 1)
            merges[index] = index + 1 < count ? merge(ids[index], ids[index + 1]) : PairEncoding.none
            push(index)
        }
        while let top = heap.pop() {
            let place = Int(top & 0xffff_ffff)
            // The pair may have changed since it was put there.
            guard merges[place] != PairEncoding.none, merges[place] >> 32 == top >> 32 else { continue }
            let right = Int(next[place])
            ids[place] = Int32(truncatingIfNeeded: merges[place])
            merges[right] = PairEncoding.none
            let after = next[right]
            next[place] = after
            next[right] = -2
            if after >= 0 {
                previous[Int(after)] = Int32(place)
                merges[place] = merge(ids[place], ids[Int(after)])
                push(place)
            } else {
                merges[place] = PairEncoding.none
            }
            let before = Int(previous[place])
            if before >= 0 {
                merges[before] = merge(ids[before], ids[place])
                push(before)
            }
        }
        var kept = 0
        var place: Int32 = 0
        while place >= 0 {
            ids[kept] = ids[Int(place)]
            kept += 1
            place = next[Int(place)]
        }
        self.count = kept
    }

    private func push(_ place: Int) {
        guard merges[place] != PairEncoding.none else { return }
        heap.push((merges[place] >> 32) << 32 | UInt64(place))
    }
}
