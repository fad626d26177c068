import Files
import Neighbors
import Shards
import Vectors

/// A segment on its way whose rows lie in others. The vectors stay where they are, and are read when they are needed.
struct GatheredSegment {
    /// What the rows are in; a place says which, and the row there.
    enum Source {
        case dense([ShardReader])
        case sparse([SparseReader])
        case multi([MultiSegment])
    }

    /// What is to find near rows; only dense vectors have a choice.
    enum Index {
        case kind(IndexKind)
        /// What is fastest on the data at a recall.
        case fastest(recall: Double)
        /// None: a scan was measured to be faster, on nearly the same data.
        case fastestIsScan

        var isFastest: Bool { if case .kind = self { false } else { true } }
    }

    var number: Int
    let space: VectorSpace
    let layout: CollectionLayout
    let source: Source
    var index = Index.kind(.exact)
    /// Queries like those that the collection is asked.
    var queries: [QuerySample] = []
    var threads = 1

    /// Writes the files.
    /// - Parameter places: where the rows are, at least one.
    /// - Returns: What the catalogue is to list.
    func write(_ places: [SegmentRows.Place]) throws(BelfryError) -> Catalogue.SegmentRow {
        let folder = try SegmentFolder(number, of: space.name, layout)
        let (ids, slots) = (places.map(\.id), places.map(\.slot))
        switch source {
        case .dense(let shards):
            let builder = try build(places, shards, folder)
            return try folder.finish(
                builder.kind, ids: ids, slots: slots, queries: builder.queries, isFastest: index.isFastest)
        case .sparse(let vectors):
            try SparseSegment.write(folder.path) { append throws(BelfryError) in
                for place in places { try append(vectors[Int(place.shard)].row(Int(place.row)), place.id) }
            }
            return try folder.finish(.exact, ids: ids, slots: slots)
        case .multi(let vectors):
            try MultiSegment.write(folder.path, space) { append throws(BelfryError) in
                for place in places { try append(vectors[Int(place.shard)].vectors(Int(place.row)), place.id) }
            }
            return try folder.finish(.exact, ids: ids, slots: slots)
        }
    }

    private func build(
        _ places: [SegmentRows.Place], _ shards: [ShardReader], _ folder: SegmentFolder
    ) throws(BelfryError) -> SegmentBuilder {
        let rows = SegmentRows(places[...], of: shards, dimension: space.dimension)
        var builder = SegmentBuilder(
            metric: space.metric, kind: .exact, elementType: space.element, threads: threads)
        builder.queries = queries
        let ids = { (row: Int) in places[row].id }
        switch index {
        case .kind(let kind):
            builder.kind = kind
            try builder.build(rows, ids: ids, in: folder.path)
        case .fastestIsScan:
            try builder.build(rows, ids: ids, in: folder.path)
        case .fastest(let recall):
            builder.kind = try builder.buildFastest(rows, ids: ids, in: folder.path, recall: recall).kind
        }
        return builder
    }
}

extension GatheredSegment.Source {
    /// The vectors of segments of a space.
    init(_ segments: [LiveSegment], _ kind: VectorSpace.Kind) {
        self =
            switch kind {
            case .dense: .dense(segments.compactMap(\.segment.dense?.vectors))
            case .sparse: .sparse(segments.compactMap(\.segment.sparse?.vectors))
            case .multi: .multi(segments.compactMap(\.segment.multi))
            }
    }
}

extension [LiveSegment] {
    /// Queries like those that a collection is asked: what the largest of its segments that know some was calibrated on.
    func keptQueries(_ layout: CollectionLayout) throws(BelfryError) -> [QuerySample] {
        let known = filter { $0.segment.record.queries != nil }.max { $0.segment.rows < $1.segment.rows }
        guard let segment = known?.segment, let queries = segment.record.queries else { return [] }
        return try queries.read(layout.segment(segment.number))
    }
}
