import Files
import Neighbors
import Shards
import Vectors

/// The vectors of a segment whose points have several each, those of a point one behind the other.
struct MultiSegment: Sendable {
    let vectors: ShardReader
    let bounds: BoundsReader
    /// How many points there are.
    var rows: Int { bounds.count }

    /// Opens the files in `folder`, which must be what the space says.
    init(_ folder: String, _ space: VectorSpace) throws(BelfryError) {
        let files = SegmentPaths(folder)
        (vectors, bounds) = (try ShardReader(files.vectors), try BoundsReader(files.bounds))
        guard vectors.dimension == space.dimension, vectors.elementType == space.element else {
            throw .corrupt(
                "The shard holds \(vectors.elementType) vectors of \(vectors.dimension) components; the collection's "
                    + "\(space.title) are \(space.element) of \(space.dimension).", at: .init(file: vectors.path))
        }
        guard bounds.rows == vectors.rowCount else {
            throw .corrupt(
                "The bounds are of \(bounds.rows) vectors; the shard has \(vectors.rowCount).",
                at: .init(file: bounds.path))
        }
    }

    /// The vectors of a point.
    func vectors(_ row: Int) throws(BelfryError) -> [[Float]] {
        let matrix = try vectors.rows(bounds.rows(of: row))
        return (0..<matrix.rows).map { matrix[$0] }
    }

    /// Writes the files of some points, one after another.
    /// - Parameter each: hands the vectors of every point, with its id, to what it is given.
    static func write(
        _ folder: String, _ space: VectorSpace,
        _ each: (([[Float]], PointID) throws(BelfryError) -> Void) throws(BelfryError) -> Void
    ) throws(BelfryError) {
        let files = SegmentPaths(folder)
        let shard = try ShardWriter(
            files.vectors, dimension: space.dimension, elementType: space.element, threads: 1)
        let ids = try IDsWriter(files.ids)
        var counts: [Int] = []
        try each { vectors, id throws(BelfryError) in
            for vector in vectors { try shard.append(vector) }
            try ids.append(id)
            counts.append(vectors.count)
        }
        try shard.finish()
        try ids.finish()
        try BoundsWriter.write(counts, to: files.bounds)
    }
}

extension MultiSegment {
    /// The points that are nearest to a query, of all that the filter keeps.
    func search(_ query: MaxSim, k: Int, filter: RowFilter?) throws(BelfryError) -> [Neighbor] {
        var top = TopK(k)
        var row = 0
        while let first = (row..<rows).first(where: { filter?.keeps($0) ?? true }) {
            // Points that lie one behind the other are read together.
            let start = bounds.rows(of: first).lowerBound
            var end = first + 1
            while end < rows, filter?.keeps(end) ?? true, bounds.rows(of: end).upperBound - start <= Self.vectorsAtOnce
            {
                end += 1
            }
            let block = try vectors.rows(start..<bounds.rows(of: end - 1).upperBound)
            for point in first..<end {
                let own = bounds.rows(of: point)
                let place = block.pointer + (own.lowerBound - start) * block.columns
                top.offer(UInt32(point), query.distance(to: place, count: own.count))
            }
            row = end
        }
        return top.sorted
    }

    private static let vectorsAtOnce = 4_096
}
