package import Files
import Towers

/// The cross-encoder that came with a collection, and how it reads answers where a search does not say it.
public struct CollectionReranker: Codable, Equatable, Sendable {
    /// The copy of the tower.
    package var tower: VectorSpace.TowerReference
    /// The payload fields that are read of an answer, as paths.
    public var fields: [String]
    /// So many of the best answers are read.
    public var top: Int
    /// How long reading may take; nil for as long as it takes.
    public var milliseconds: Double?

    /// What a collection is to have, before its tower is copied.
    package struct Description: Equatable, Sendable {
        /// Where the tower is.
        package var path: String
        package var fields: [String]
        package var top: Int
        package var milliseconds: Double?

        package init(path: String, fields: [String], top: Int = Reranking.usualTop, milliseconds: Double? = nil) {
            (self.path, self.fields, self.top, self.milliseconds) = (path, fields, top, milliseconds)
        }

        /// The identity of its tower.
        /// - Throws: `notFound` where there is none; `wrongTower` for one that is no reranker.
        package func fingerprint() throws(BelfryError) -> String {
            let manifest = try TowerManifest(folder: path)
            try manifest.requireReranker(at: path)
            return manifest.fingerprint
        }
    }

    /// What the description says, of a copy of its tower.
    init(_ description: Description, _ tower: VectorSpace.TowerReference) {
        (fields, top, milliseconds) = (description.fields, description.top, description.milliseconds)
        self.tower = tower
    }
}

extension [String] {
    /// The paths that they write.
    package func paths() throws(BelfryError) -> [JSONPath] {
        var paths: [JSONPath] = []
        for text in self { paths.append(try JSONPath(text)) }
        return paths
    }
}
