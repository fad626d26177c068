import Vectors

/// The rows that may be among the k nearest to a query, as far as the codes seen so far tell.
struct Candidates: Sendable {
    /// The k smallest upper bounds.
    private var uppers: TopK
    /// Rows with their lower bounds.
    private var lowers: [Neighbor] = []
    private var room = 1_024
    private let most: Int
    /// Whether there are more than `most` of them: the scan in f32 will do.
    private(set) var isFull = false

    /// Nothing yet.
    init(_ k: Int, most: Int) {
        uppers = TopK(k)
        self.most = most
    }

    /// A row whose lower bound is above this is not among the k nearest.
    var limit: Float { uppers.threshold }

    /// Those whose lower bound is not above the limit, smallest first; nil if there are too many.
    var survivors: [Neighbor]? {
        guard !isFull else { return nil }
        let left = lowers.filter { !($0.distance > limit) }
        return left.count > most ? nil : left.sorted()
    }

    /// Adds the hits of a tile.
    mutating func offer(_ hits: UnsafeBufferPointer<ByteCode.Hit>, _ filter: RowFilter?) {
        for hit in hits {
            // The limit may have come down within the tile.
            if hit.lower > limit { continue }
            if let filter, !filter.keeps(Int(hit.row)) { continue }
            uppers.offer(hit.row, hit.upper)
            // Where nothing is known, the row must be looked at.
            lowers.append(Neighbor(row: hit.row, distance: hit.lower.isNaN ? -.infinity : hit.lower))
        }
        if lowers.count > room { prune() }
    }

    /// Adds what another thread kept.
    mutating func offer(_ other: Candidates) {
        isFull = isFull || other.isFull
        uppers.offer(other.uppers)
        lowers += other.lowers
    }

    private mutating func prune() {
        let limit = limit
        lowers.removeAll { $0.distance > limit }
        room = max(1_024, 2 * lowers.count)
        if lowers.count > most {
            isFull = true
            lowers = []
        }
    }
}

extension TopK {
    /// The `k` nearest of candidates that come with their lower bounds, smallest first, by the distances that are asked
    /// for: of no candidate whose lower bound is above the k-th distance.
    init<Failure: Error>(
        _ k: Int, nearestOf candidates: [Neighbor], distance: (_ row: UInt32) throws(Failure) -> Float
    ) throws(Failure) {
        self.init(k)
        for candidate in candidates {
            // At the threshold itself a smaller row would still enter.
            if candidate.distance > threshold { break }
            offer(candidate.row, try distance(candidate.row))
        }
    }
}
