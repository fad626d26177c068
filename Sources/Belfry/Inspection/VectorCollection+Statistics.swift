public import Files
package import Neighbors
import Shards
import Vectors

extension VectorCollection {
    /// The figures of a collection.
    public struct Statistics: Codable, Sendable {
        /// The configuration, without the canaries.
        public var name: String
        /// Points.
        public var points: Int
        /// Components per vector.
        public var dimension: Int
        /// The metric.
        public var metric: String
        /// How vectors are stored.
        public var element: String
        /// The tower's name; nil where there is none.
        public var tower: String?
        /// SHA-256 of what the tower computes with.
        public var fingerprint: String?
        /// Segments.
        public var segments: Int
        /// Bytes of the vectors as they would be without compression.
        public var rawVectorBytes: Int
        /// Bytes of the shards that hold them, checksums and headers included.
        public var shardBytes: Int
        /// `rawVectorBytes / shardBytes`.
        public var compressionRatio: Double
        /// `shardBytes / points`.
        public var bytesPerVector: Double
        /// What finds near rows: `hnsw`, `ivf` or `exact`.
        public var index: String
        /// What the recipe asked for, as `hnsw` or `auto at recall 0.95`.
        public var indexRequest: String
        /// Why it is this index, in one sentence, where that was measured.
        public var indexReason: String?
        /// The figures behind the reason.
        package var indexChoice: IndexChoice?
        /// Bytes per vector that searches read again and again: codes and index.
        public var memoryBytesPerVector: Double
        /// Bytes per vector of all files of the segments.
        public var diskBytesPerVector: Double
        /// The mean recall of searches that do not name their own.
        public var recall: Double
        /// Why it is that, where the recipe does not say it.
        public var recallReason: String?
        /// Where the expectations come from; nil where the index was not calibrated, so that all is scanned.
        public var calibration: String?
        /// Why the recipe's users or queries were not what the index was calibrated on; nil where they were, or where it
        /// names none.
        public var calibrationFallback: String?
        /// What searches may expect, for usual targets and `k`.
        public var expectations: [Expectation]
        /// What a search for ten points may expect that names no recall.
        public var standard: Expectation?
        /// Bytes of the catalogue.
        public var catalogueBytes: Int
        /// Bytes of the ids.
        public var idBytes: Int
        /// The kinds of vector, where there are several: all that is above, but for the points and the catalogue, is of the
        /// first.
        public var spaces: [Space]?

        /// The figures of one kind of vector.
        public struct Space: Codable, Sendable {
            /// The name; empty for the one that needs none.
            public var name: String
            /// Points that have such a vector.
            public var vectors: Int
            /// What the vectors look like: `dense` or `sparse`.
            public var kind: String
            /// Components per vector; 0 for sparse ones.
            public var dimension: Int
            /// The metric.
            public var metric: String
            /// How vectors are stored.
            public var element: String
            /// The tower's name; nil where there is none.
            public var tower: String?
            /// Segments.
            public var segments: Int
            /// What finds near rows.
            public var index: String
            /// Bytes of all files of the segments.
            public var bytes: Int
        }
    }

    /// Measures the collection's files.
    public func statistics() throws(BelfryError) -> Statistics {
        let (view, index) = (view, base.index)
        let segments = view.segments(of: 0).map(\.segment)
        let (count, source) = (view.count, view.calibrationSource())
        let dense = segments.compactMap(\.dense)
        let shardBytes = dense.reduce(0) { $0 + $1.vectors.fileBytes }
        let raw = dense.reduce(0) { $0 + $1.vectors.rawBytes }
        let bytes = try segmentBytes(segments)
        let memory = dense.reduce(0) { $0 + $1.index.memoryBytesPerVector * Double($1.rows) }
        var expectations: [Expectation] = []
        for k in [1, 10, 100] {
            for target in [0.8, 0.9, 0.95, 0.99] { expectations.append(try view.expectation(k: k, recall: target)) }
        }
        return Statistics(
            name: configuration.name, points: count, dimension: configuration.main.dimension,
            metric: configuration.main.metric.rawValue, element: configuration.main.element.rawValue,
            tower: configuration.main.tower?.name, fingerprint: configuration.main.tower?.fingerprint,
            segments: segments.count,
            rawVectorBytes: raw, shardBytes: shardBytes,
            compressionRatio: shardBytes == 0 ? 1 : Double(raw) / Double(shardBytes),
            bytesPerVector: count == 0 ? 0 : Double(shardBytes) / Double(count),
            index: view.indexKind().rawValue, indexRequest: index.request, indexReason: index.choice?.reason,
            indexChoice: index.choice, memoryBytesPerVector: count == 0 ? 0 : memory / Double(count),
            diskBytesPerVector: count == 0 ? 0 : Double(bytes) / Double(count), recall: configuration.recall,
            recallReason: index.recall == configuration.recall ? index.recallReason : nil,
            calibration: source.text, calibrationFallback: source.fallback,
            expectations: expectations,
            standard: try view.expectation(k: 10),
            catalogueBytes: try System.fileSize(base.layout.catalogue),
            idBytes: segments.reduce(0) { $0 + $1.ids.fileBytes },
            spaces: configuration.spaces.count > 1 ? try spaceStatistics(view) : nil
        )
    }

    private func spaceStatistics(_ view: View) throws(BelfryError) -> [Statistics.Space] {
        var all: [Statistics.Space] = []
        for (place, space) in configuration.spaces.enumerated() {
            let segments = view.segments(of: place).map(\.segment)
            all.append(
                .init(
                    name: space.name, vectors: view.count(in: place), kind: space.kind.rawValue,
                    dimension: space.dimension,
                    metric: space.metric.rawValue, element: space.element.rawValue, tower: space.tower?.name,
                    segments: segments.count, index: view.indexKind(of: place).rawValue,
                    bytes: try segmentBytes(segments)))
        }
        return all
    }

    /// Bytes of all files of the segments.
    private func segmentBytes(_ segments: [CollectionSegment]) throws(BelfryError) -> Int {
        var bytes = 0
        for segment in segments {
            for name in segment.record.files {
                bytes += try System.fileSize("\(base.layout.segment(segment.number))/\(name)")
            }
        }
        return bytes
    }
}

extension VectorCollection.Statistics {
    /// The figures for programs.
    public var json: JSON { JSON(encoding: self) }
}
