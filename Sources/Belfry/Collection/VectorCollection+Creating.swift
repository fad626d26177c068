public import Files
import Foundation
import Neighbors
import Towers
public import Vectors

extension VectorCollection {
    /// What a new collection is to be.
    public struct Description: Sendable {
        /// Components per vector.
        public var dimension: Int
        /// How vectors are compared.
        public var metric: Metric
        /// How vectors are stored.
        public var element: ElementType
        /// The mean recall of a search that does not name its own, from above 0 to 1.
        public var recall = 0.95
        /// What finds near rows in large segments; nil for the one that is fastest on the data.
        public var index: IndexKind?
        /// The payload fields that a table of answers shows.
        public var show: [String] = []

        /// A collection of vectors that come from elsewhere.
        public init(dimension: Int, metric: Metric = .cosine, element: ElementType = .f32) {
            (self.dimension, self.metric, self.element) = (dimension, metric, element)
        }
    }

    /// Makes an empty collection at `path`, which takes points by ``upsert(_:condition:)``, and opens it for writing.
    ///
    /// It is made beside its place and put there by one rename: a crash leaves all of it, or nothing.
    /// - Parameters:
    ///   - tower: a tower's directory, which is copied into the collection and embeds its queries; nil for vectors that come
    ///     from elsewhere.
    ///   - memoryLimit: as where a collection is opened for writing.
    /// - Throws: `conflict` where something is at `path`, `invalidInput` for a description that no collection can have.
    public static func create(
        _ path: String, _ description: Description, tower: String? = nil, memoryLimit: Int? = nil
    ) throws(BelfryError) -> VectorCollection {
        let towers = try tower.map { (path) throws(BelfryError) in try TowerPair.open(path) }
        try description.require(towers?.item.dimension)
        guard System.isMissing(path) else {
            throw BelfryError(
                .conflict, "Something is here already.", at: .init(file: path),
                remedy: "Give the collection another path.")
        }
        let target = CollectionLayout(path: path)
        let (layout, lock) = try BuildingDirectory.claim(beside: target.path)
        try layout.clear(tower: tower)
        for folder in [layout.segments, layout.towers] { try System.createDirectory(folder) }
        let reference = try towers.map { (towers) throws(BelfryError) in
            try BuildingDirectory.copy(tower ?? "", towers, into: layout)
        }
        let catalogue = try Catalogue(layout.catalogue, .create)
        try catalogue.write { transaction in
            try transaction.put(
                "collection",
                CollectionConfiguration(
                    name: URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent,
                    dimension: description.dimension, metric: description.metric, element: description.element,
                    show: description.show, tower: reference, badRows: 0, recall: description.recall))
            try transaction.put("index", description.indexRecord)
            try transaction.put(CatalogueState())
        }
        try catalogue.close()
        try System.swap(layout.path, into: target.path, replacing: false)
        try System.sync(System.parent(of: target.path))
        lock.release()
        return try VectorCollection(target.path, for: .writing, memoryLimit: memoryLimit)
    }
}

extension VectorCollection.Description {
    fileprivate func require(_ ofTower: Int?) throws(BelfryError) {
        if let ofTower, ofTower != dimension {
            throw BelfryError(
                .invalidInput,
                "The tower makes vectors of \(ofTower) components; the collection is to have \(dimension).")
        }
        guard CollectionBase.dimensions.contains(dimension) else {
            throw BelfryError(
                .invalidInput, "Vectors cannot have \(dimension) components.",
                remedy: "They may have 1 to \(CollectionBase.dimensions.upperBound).")
        }
        try SearchPlan.require(recall: recall)
    }

    fileprivate var indexRecord: IndexRecord {
        IndexRecord(
            request: index?.rawValue ?? "auto at recall \(recall)", wanted: index, choice: nil, queries: nil,
            recall: recall, recallReason: "it was made so")
    }
}
