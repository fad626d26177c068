import Files
import Neighbors
import Shards
import Vectors

/// The queries that a segment's index was calibrated on, kept beside it: whatever the segment is merged with is calibrated
/// on them again. Their vectors are a shard, `queries`; of which kind they are, the segment's record says.
struct KeptQueries: Codable, Equatable, Sendable {
    /// Queries of one kind, in the order of the shard.
    struct Kind: Codable, Equatable, Sendable {
        var style: QueryStyle
        var count: Int
    }

    var kinds: [Kind]

    /// Writes queries into a segment's folder; nil where there are none.
    init?(writing samples: [QuerySample], to folder: String) throws(BelfryError) {
        guard let first = samples.first else { return nil }
        let shard = try ShardWriter(
            SegmentPaths(folder).queries, dimension: first.queries.columns, elementType: .f32, threads: 1)
        for sample in samples { try shard.append(sample.queries) }
        try shard.finish()
        kinds = samples.map { Kind(style: $0.kind, count: $0.queries.rows) }
    }

    /// Reads them back.
    func read(_ folder: String) throws(BelfryError) -> [QuerySample] {
        let shard = try ShardReader(SegmentPaths(folder).queries)
        guard kinds.allSatisfy({ $0.count >= 0 }), kinds.reduce(0, { $0 + min($1.count, 1 << 30) }) == shard.rowCount
        else {
            throw .corrupt(
                "The catalogue knows of other queries than these.", at: .init(file: SegmentPaths(folder).queries))
        }
        var (samples, first) = ([QuerySample](), 0)
        for kind in kinds {
            samples.append(QuerySample(kind.style, try shard.rows(first..<first + kind.count)))
            first += kind.count
        }
        return samples
    }
}
