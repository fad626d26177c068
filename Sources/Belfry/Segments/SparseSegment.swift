import Files
import Neighbors
import Shards
import Vectors

/// The sparse vectors of a segment, with the inverted index that finds those that share terms with a query.
struct SparseSegment: Sendable {
    let vectors: SparseReader
    let postings: PostingsReader
    let searchers: Pool<SparseSearcher>
    var rows: Int { vectors.rowCount }

    /// Opens the files in `folder`.
    init(_ folder: String) throws(BelfryError) {
        let files = SegmentPaths(folder)
        let postings = try PostingsReader(files.postings)
        vectors = try SparseReader(files.sparse)
        guard postings.rowCount == vectors.rowCount else {
            throw .corrupt(
                "The postings are of \(postings.rowCount) rows; the vectors are \(vectors.rowCount).",
                at: .init(file: files.postings))
        }
        self.postings = postings
        searchers = Pool { SparseSearcher(postings) }
    }

    /// Writes the files of some vectors, row by row.
    /// - Parameter each: hands every row, with the id of its point, to what it is given.
    static func write(
        _ folder: String, _ each: ((SparseVector, PointID) throws(BelfryError) -> Void) throws(BelfryError) -> Void
    ) throws(BelfryError) {
        let files = SegmentPaths(folder)
        let (vectors, ids) = (try SparseWriter(files.sparse), try IDsWriter(files.ids))
        try each { vector, id throws(BelfryError) in
            try vectors.append(vector)
            try ids.append(id)
        }
        try vectors.finish()
        try ids.finish()
        try PostingsWriter.write(files.postings, of: SparseReader(files.sparse))
    }
}
