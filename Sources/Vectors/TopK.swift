/// The `k` nearest of all that is offered.
///
/// Which ones they are does not depend on the order of the offers: of two at the same distance, the smaller row is the
/// nearer one. A NaN distance never enters. A row that is offered twice can enter twice.
public struct TopK: Sendable {
    /// How many are kept.
    public let k: Int
    /// A binary heap whose first element is the farthest of those kept.
    private var heap: [Neighbor] = []

    /// Keeps the `k` nearest.
    public init(_ k: Int) {
        precondition(k >= 0)
        self.k = k
        // A `k` beyond the number of rows is allowed: the heap grows with what is offered.
        heap.reserveCapacity(min(k, 1_024))
    }

    /// How many are kept at the moment.
    public var count: Int { heap.count }

    /// Nothing beyond this distance can enter any more. Infinite until `k` have been offered.
    public var threshold: Float {
        guard heap.count == k else { return .infinity }
        return heap.first?.distance ?? -.infinity
    }

    /// Those kept, nearest first.
    public var sorted: [Neighbor] { heap.sorted() }

    /// Offers one row.
    public mutating func offer(_ row: UInt32, _ distance: Float) {
        // Also false for NaN.
        guard distance <= threshold else { return }
        insert(Neighbor(row: row, distance: distance))
    }

    /// Offers what another one kept.
    public mutating func offer(_ other: TopK) {
        for neighbor in other.heap { offer(neighbor.row, neighbor.distance) }
    }

    /// Offers `count` distances, of the rows from `firstRow` on, those that a filter keeps.
    public mutating func offer(
        _ distances: UnsafePointer<Float>, count: Int, firstRow: UInt32, filter: RowFilter? = nil
    ) {
        guard k > 0 else { return }
        var threshold = threshold
        for index in 0..<count where distances[index] <= threshold {
            let row = firstRow + UInt32(index)
            // Asked here, where few rows arrive, and not before the distance.
            if let filter, !filter.keeps(Int(row)) { continue }
            insert(Neighbor(row: row, distance: distances[index]))
            threshold = self.threshold
        }
    }
}

extension TopK {
    private mutating func insert(_ new: Neighbor) {
        if heap.count < k {
            heap.append(new)
            heap.withUnsafeMutableBufferPointer { TopK.siftUp($0) }
        } else if let farthest = heap.first, new < farthest {
            heap.withUnsafeMutableBufferPointer { heap in
                heap[0] = new
                TopK.siftDown(heap)
            }
        }
    }

    /// Moves the last element to its place.
    private static func siftUp(_ heap: UnsafeMutableBufferPointer<Neighbor>) {
        var hole = heap.count - 1
        let moving = heap[hole]
        while hole > 0 {
            let parent = (hole - 1) / 2
            guard heap[parent] < moving else { break }
            heap[hole] = heap[parent]
            hole = parent
        }
        heap[hole] = moving
    }

    /// Moves the first element to its place.
    private static func siftDown(_ heap: UnsafeMutableBufferPointer<Neighbor>) {
        var hole = 0
        let moving = heap[hole]
        while true {
            var child = 2 * hole + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child] < heap[child + 1] { child += 1 }
            guard moving < heap[child] else { break }
            heap[hole] = heap[child]
            hole = child
        }
        heap[hole] = moving
    }
}
