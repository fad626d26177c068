import Vectors

/// The scan by codes: what of some rows may be among the k nearest of every query.
///
/// 1. A chunk's codes are walked in tiles that stay in the first cache while all queries pass over them. The kernel
///    returns the rows whose lower bound is not above the query's limit: the k-th smallest upper bound so far.
/// 2. The kernels may read some bytes beyond the last record that they are asked for, where the next row may be being
///    written. So the last few rows of a chunk that still grows are not looked at by their codes: they are candidates.
///
/// One owner at a time.
struct MemtableScan: ~Copyable {
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
    /// - Parameter empty: What every query begins with.
    init(_ code: ByteCode, _ queries: Matrix, _ filter: RowFilter?, _ empty: Candidates) {
        self.code = code
        self.filter = filter
        self.queries = (0..<queries.rows).map { index in
            let query = ByteCode.Query(
                dimension: code.dimension, metric: code.metric, instructionSet: code.instructionSet)
            query.prepare(queries.pointer + index * queries.columns)
            return query
        }
        candidates = [Candidates](repeating: empty, count: queries.rows)
        // Several queries share a tile of half a first cache; for one, larger tiles mean fewer beginnings.
        tile = max(64, (queries.rows == 1 ? 1 << 17 : 24 << 10) / code.recordSize / 8 * 8)
        hits = .allocate(capacity: tile)
    }

    deinit { hits.deallocate() }

    /// Looks at all rows of a piece.
    mutating func look(at piece: MemtablePiece) {
        let scanned = scannable(piece)
        var place = 0
        while place < scanned {
            // Small tiles to begin with: while there is hardly a limit, every row is a hit.
            let count = min(tile, max(64, seen), scanned - place)
            for index in candidates.indices where !candidates[index].isFull {
                let found = code.scan(
                    queries[index], piece.chunk.records, first: place, count: count, cached: index > 0,
                    limit: candidates[index].limit, into: hits)
                offer(found, of: piece, to: index)
            }
            place += count
            seen += count
        }
        for row in piece.range.dropFirst(scanned) { offerUnseen(UInt32(row)) }
    }

    /// Looks at those rows of a piece that are listed, in ascending order and by the view's numbers.
    mutating func look(at piece: MemtablePiece, listed: [UInt32]) {
        let scanned = piece.first + scannable(piece)
        let here = listed[Self.place(of: piece.first, in: listed)..<Self.place(of: piece.range.upperBound, in: listed)]
        let places = here.prefix { $0 < scanned }.map { $0 - UInt32(piece.first) }
        places.withUnsafeBufferPointer { places in
            var next = 0
            while next < places.count {
                let count = min(tile, max(64, seen), places.count - next)
                for index in candidates.indices where !candidates[index].isFull {
                    let found = code.scan(
                        queries[index], piece.chunk.records, rows: places.baseAddress! + next, count: count,
                        limit: candidates[index].limit, into: hits)
                    offer(found, of: piece, to: index)
                }
                next += count
                seen += count
            }
        }
        for row in here.dropFirst(places.count) { offerUnseen(row) }
    }

    /// How many of a piece's rows can be looked at by their codes.
    private func scannable(_ piece: MemtablePiece) -> Int {
        // A whole chunk has its padding.
        guard piece.count < piece.chunk.count else { return piece.count }
        return max(0, piece.count - (ByteCode.padding + code.recordSize - 1) / code.recordSize)
    }

    /// Hands hits, which are numbered by their place in the chunk, to a query.
    private mutating func offer(_ found: Int, of piece: MemtablePiece, to index: Int) {
        for hit in 0..<found { hits[hit].row += UInt32(piece.first) }
        if found > 0 { candidates[index].offer(UnsafeBufferPointer(start: hits, count: found), filter) }
    }

    /// Makes a row of which nothing is known a candidate of every query.
    private mutating func offerUnseen(_ row: UInt32) {
        hits[0].row = row
        (hits[0].lower, hits[0].upper) = (.nan, .nan)
        for index in candidates.indices where !candidates[index].isFull {
            candidates[index].offer(UnsafeBufferPointer(start: hits, count: 1), filter)
        }
    }

    /// The place of the first listed row that is not below `row`.
    private static func place(of row: Int, in listed: [UInt32]) -> Int {
        var (low, high) = (0, listed.count)
        while low < high {
            let middle = (low + high) / 2
            if Int(listed[middle]) < row { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
