import Files
import Neighbors
import Shards
import Vectors

/// One immutable segment.
struct CollectionSegment: Sendable {
    let number: Int
    let index: SegmentIndex
    let ids: IDsReader
    /// Searchers are expensive to make, and one serves one thread at a time.
    let searchers: Pool<SegmentSearcher>
    var vectors: ShardReader { index.shard }
    var rows: Int { vectors.rowCount }

    /// Opens the files of segment `number`, which must be what the catalogue says of them.
    /// - Parameter rows: how many rows it lists.
    init(
        _ number: Int, rows listed: Int, _ layout: CollectionLayout, _ record: IndexRecord,
        _ configuration: CollectionConfiguration
    ) throws(BelfryError) {
        let folder = layout.segment(number)
        for name in record.files {
            if System.isMissing("\(folder)/\(name)") {
                throw .corrupt(
                    "The catalogue lists this file, and it is not there.", at: .init(file: "\(folder)/\(name)"))
            }
            if let problem = try record.problem(with: name, in: folder) { throw problem }
        }
        let index = try SegmentIndex(
            folder, metric: configuration.metric, files: Set(record.files))
        let (vectors, ids) = (index.shard, try IDsReader(layout.ids(number)))
        guard index.kind == record.kind else {
            throw .corrupt(
                "The segment has the index \(index.kind.rawValue); the catalogue says \(record.kind.rawValue).",
                at: .init(file: folder))
        }
        guard vectors.dimension == configuration.dimension, vectors.elementType == configuration.element else {
            throw .corrupt(
                "The shard holds \(vectors.elementType) vectors of \(vectors.dimension) components; the collection's "
                    + "are \(configuration.element) of \(configuration.dimension).",
                at: .init(file: layout.vectors(number)))
        }
        for (rows, file) in [(vectors.rowCount, layout.vectors(number)), (ids.count, layout.ids(number))] {
            guard rows == listed else {
                throw .corrupt("The file has \(rows) rows; the catalogue lists \(listed).", at: .init(file: file))
            }
        }
        (self.number, self.index, self.ids, searchers) = (number, index, ids, Pool { index.makeSearcher() })
    }
}
