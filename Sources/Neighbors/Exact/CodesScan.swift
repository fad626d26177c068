import Vectors

/// A scan by codes: what of the rows that it is shown may be among the k nearest of every query.
///
/// Rows are walked in tiles that stay in the first cache while all queries pass over them. The kernel returns the rows whose
/// lower bound is not above the query's limit: the k-th smallest upper bound so far.
///
/// Not thread-safe: use one per thread.
struct CodesScan: ~Copyable {
    /// What may be among the k nearest, per query.
    private(set) var candidates: [Candidates]
    private let code: ByteCode
    private let queries: [ByteCode.Query]
    private let filter: RowFilter?
    /// Rows per tile.
    private let tile: Int
    /// Room for a tile.
    private let hits: UnsafeMutablePointer<ByteCode.Hit>
    private var seen = 0

    /// A scan that has seen nothing.
    /// - Parameters:
    ///   - queries: Prepared; they are only read.
    ///   - empty: What every query begins with.
    init(_ code: ByteCode, _ queries: [ByteCode.Query], _ filter: RowFilter?, _ empty: Candidates) {
        (self.code, self.queries, self.filter) = (code, queries, filter)
        candidates = [Candidates](repeating: empty, count: queries.count)
        tile = Self.tile(of: code, queries: queries.count)
        hits = .allocate(capacity: tile)
    }

    deinit { hits.deallocate() }

    /// How many rows make a tile.
    static func tile(of code: ByteCode, queries: Int) -> Int {
        // Several queries share a tile of half a first cache; for one, larger tiles mean fewer beginnings.
        max(64, (queries == 1 ? 1 << 17 : 24 << 10) / code.recordSize / 8 * 8)
    }

    /// Looks at the rows of some places in `records`; the row at place 0 has the number `base`.
    mutating func look(at records: UnsafePointer<UInt8>, _ places: Range<Int>, base: Int = 0) {
        var place = places.lowerBound
        while place < places.upperBound {
            let count = nextTile(places.upperBound - place)
            for index in candidates.indices where !candidates[index].isFull {
                let found = code.scan(
                    queries[index], records, first: place, count: count, cached: index > 0,
                    limit: candidates[index].limit, into: hits)
                offer(found, base, to: index)
            }
            place += count
        }
    }

    /// The same for the listed places, in ascending order.
    mutating func look(at records: UnsafePointer<UInt8>, listed places: UnsafeBufferPointer<UInt32>, base: Int = 0) {
        var next = 0
        while next < places.count {
            let count = nextTile(places.count - next)
            for index in candidates.indices where !candidates[index].isFull {
                let found = code.scan(
                    queries[index], records, rows: places.baseAddress! + next, count: count,
                    limit: candidates[index].limit, into: hits)
                offer(found, base, to: index)
            }
            next += count
        }
    }

    /// Makes a row of which nothing is known a candidate of every query.
    mutating func offerUnseen(_ row: UInt32) {
        for index in candidates.indices where !candidates[index].isFull {
            hits[0].row = row
            (hits[0].lower, hits[0].upper) = (.nan, .nan)
            offer(1, 0, to: index)
        }
    }

    private mutating func nextTile(_ left: Int) -> Int {
        // Small tiles to begin with: while there is hardly a limit, every row is a hit.
        let count = min(tile, max(64, seen), left)
        seen += count
        return count
    }

    private mutating func offer(_ found: Int, _ base: Int, to index: Int) {
        guard found > 0 else { return }
        if base > 0 { for hit in 0..<found { hits[hit].row += UInt32(base) } }
        candidates[index].offer(UnsafeBufferPointer(start: hits, count: found), filter)
    }
}
