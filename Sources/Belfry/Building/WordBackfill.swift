import Files
import Shards
import Vectors

/// Fills a new space of words with what the payloads of the points say that are there.
struct WordBackfill {
    let catalogue: Catalogue
    let layout: CollectionLayout
    let threads: Int

    /// So many points say how long a field is.
    private static let sample = 20_000
    /// So many payloads are held in memory.
    private static let batch = 4_096

    /// Counts how long the fields are, and writes a segment.
    /// - Parameter number: of the segment.
    /// - Returns: The space with what was counted, and the segment; nil where no point has a word.
    func fill(_ space: VectorSpace, number: Int) throws(BelfryError) -> (VectorSpace, Catalogue.SegmentRow?) {
        guard var words = space.words else { preconditionFailure("a space of words") }
        try count(&words)
        var filled = space
        filled.words = words
        return (filled, try write(filled, number: number))
    }

    /// Writes a segment of the words of all points, weighed as the space says; nil where no point has a word.
    func write(_ space: VectorSpace, number: Int) throws(BelfryError) -> Catalogue.SegmentRow? {
        guard let words = space.words else { preconditionFailure("a space of words") }
        let encoder = try WordEncoder(words)
        let folder = try SegmentFolder(number, of: space.name, layout)
        var (ids, slots) = ([PointID](), [Slot]())
        try SparseSegment.write(folder.path) { append throws(BelfryError) in
            try forEachBatch { points throws(BelfryError) in
                try WorkEnd.check("indexing of words")
                for (point, vector) in zip(points, try encode(points, encoder)) {
                    guard let vector else { continue }
                    try append(vector, point.id)
                    ids.append(point.id)
                    slots.append(point.slot)
                }
            }
        }
        guard !ids.isEmpty else {
            try layout.removeSegment(number)
            return nil
        }
        return try folder.finish(.exact, ids: ids, slots: slots)
    }

    /// The vectors of points, in their order, made on all threads.
    private func encode(
        _ points: [Catalogue.PointRow], _ encoder: WordEncoder
    ) throws(BelfryError) -> [SparseVector?] {
        var vectors = [SparseVector?](repeating: nil, count: points.count)
        var payloads: [JSON] = []
        for point in points { payloads.append(try payload(of: point)) }
        vectors.withUnsafeMutableBufferPointer { vectors in
            WorkPool(threads: threads).forEachSlice(of: vectors, size: 64, reading: payloads) {
                slice, first, payloads in
                for place in slice.indices { slice[place] = encoder.document(payloads[first + place]) }
            }
        }
        return vectors
    }

    /// Counts how many words the fields have, on average over points that have some.
    private func count(_ words: inout WordIndex) throws(BelfryError) {
        let encoder = try WordEncoder(words)
        let total = try catalogue.read { try $0.state().points }
        let stride = max(1, total / Self.sample)
        var (lengths, counted) = (words.fields.map { _ in 0 }, words.fields.map { _ in 0 })
        var place = 0
        try forEachBatch { points throws(BelfryError) in
            for point in points {
                defer { place += 1 }
                guard place % stride == 0 else { continue }
                for (field, length) in encoder.lengths(try payload(of: point)).enumerated() where length > 0 {
                    lengths[field] += length
                    counted[field] += 1
                }
            }
        }
        for field in words.fields.indices where counted[field] > 0 {
            words.fields[field].averageLength = Double(lengths[field]) / Double(counted[field])
        }
    }

    private func payload(of point: Catalogue.PointRow) throws(BelfryError) -> JSON {
        try StoredPoint(point, catalogue.path).payload()
    }

    /// Hands on all points, in the order of their slots.
    private func forEachBatch(_ body: ([Catalogue.PointRow]) throws(BelfryError) -> Void) throws(BelfryError) {
        try catalogue.read { transaction in
            var points: [Catalogue.PointRow] = []
            try transaction.forEachPointBySlot { point in
                points.append(point)
                guard points.count == Self.batch else { return }
                try body(points)
                points.removeAll(keepingCapacity: true)
            }
            if !points.isEmpty { try body(points) }
        }
    }
}
