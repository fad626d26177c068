import Files
import Neighbors
import Shards
import Vectors

/// The dense vectors of a segment, with what finds near ones.
struct DenseSegment: Sendable {
    let index: SegmentIndex
    /// Searchers are expensive to make, and one serves one thread at a time.
    let searchers: Pool<SegmentSearcher>
    var vectors: ShardReader { index.shard }
    var rows: Int { vectors.rowCount }

    /// Opens the files in `folder`, which must be what the record and the space say.
    init(_ folder: String, _ record: SegmentRecord, _ space: VectorSpace) throws(BelfryError) {
        let index = try SegmentIndex(folder, metric: space.metric, files: Set(record.files))
        guard index.kind == record.kind else {
            throw .corrupt(
                "The segment has the index \(index.kind.rawValue); the catalogue says \(record.kind.rawValue).",
                at: .init(file: folder))
        }
        guard index.shard.dimension == space.dimension, index.shard.elementType == space.element else {
            throw .corrupt(
                "The shard holds \(index.shard.elementType) vectors of \(index.shard.dimension) components; the "
                    + "collection's \(space.title) are \(space.element) of \(space.dimension).",
                at: .init(file: index.shard.path))
        }
        self.index = index
        searchers = Pool { index.makeSearcher() }
    }
}
