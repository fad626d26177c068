public import Files
import Shards
import Vectors

extension Collection {
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
        /// The tower's name and fingerprint.
        public var tower: String
        /// SHA-256 of what the tower computes with.
        public var fingerprint: String
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
        /// Bytes of the catalogue.
        public var catalogueBytes: Int
        /// Bytes of the ids.
        public var idBytes: Int
    }

    /// Measures the collection's files.
    public func statistics() throws(BelfryError) -> Statistics {
        let shardBytes = segments.reduce(0) { $0 + $1.vectors.fileBytes }
        let raw = segments.reduce(0) { $0 + $1.vectors.rawBytes }
        return Statistics(
            name: configuration.name, points: count, dimension: configuration.dimension,
            metric: configuration.metric.rawValue, element: configuration.element.rawValue,
            tower: configuration.tower.name, fingerprint: configuration.tower.fingerprint, segments: segments.count,
            rawVectorBytes: raw, shardBytes: shardBytes,
            compressionRatio: shardBytes == 0 ? 1 : Double(raw) / Double(shardBytes),
            bytesPerVector: count == 0 ? 0 : Double(shardBytes) / Double(count),
            catalogueBytes: try System.fileSize(layout.catalogue), idBytes: segments.reduce(0) { $0 + $1.ids.fileBytes }
        )
    }
}
