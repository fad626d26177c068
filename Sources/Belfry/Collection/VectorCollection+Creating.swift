public import Files
import Foundation
import Neighbors
import Towers
public import Vectors

extension VectorCollection {
    /// What a new collection is to be.
    public struct Description: Sendable {
        /// A kind of vector that points are to have, and the tower that makes it.
        public struct Space: Sendable {
            /// What the vectors are.
            public var vectors: VectorSpace
            /// A tower's directory, which is copied into the collection and embeds its queries; nil for vectors that come
            /// from elsewhere.
            public var tower: String?

            /// A space.
            public init(_ vectors: VectorSpace, tower: String? = nil) { (self.vectors, self.tower) = (vectors, tower) }
        }

        /// The kinds of vector that points have, at least one. Without a name at most one.
        public var spaces: [Space]
        /// The mean recall of a search that does not name its own, from above 0 to 1.
        public var recall = 0.95
        /// What finds near rows in large segments; nil for the one that is fastest on the data.
        public var index: IndexKind?
        /// The payload fields that a table of answers shows.
        public var show: [String] = []

        /// A collection with one kind of vector, which needs no name.
        public init(
            dimension: Int, metric: Metric = .cosine, element: ElementType = .f32, tower: String? = nil
        ) {
            spaces = [Space(VectorSpace(dimension: dimension, metric: metric, element: element), tower: tower)]
        }

        /// A collection with several kinds of vector.
        public init(_ spaces: [Space]) { self.spaces = spaces }
    }

    /// Makes an empty collection at `path`, which takes points by ``upsert(_:condition:)``, and opens it for writing.
    ///
    /// It is made beside its place and put there by one rename: a crash leaves all of it, or nothing.
    /// - Parameter memoryLimit: as where a collection is opened for writing.
    /// - Throws: `conflict` where something is at `path`, `invalidInput` for a description that no collection can have.
    public static func create(
        _ path: String, _ description: Description, memoryLimit: Int? = nil
    ) throws(BelfryError) -> VectorCollection {
        try description.require()
        guard System.isMissing(path) else {
            throw BelfryError(
                .conflict, "Something is here already.", at: .init(file: path),
                remedy: "Give the collection another path.")
        }
        let target = CollectionLayout(path: path)
        let (layout, lock) = try BuildingDirectory.claim(beside: target.path)
        try layout.clear(tower: description.spaces.lazy.compactMap(\.tower).first)
        for folder in [layout.segments, layout.towers] { try System.createDirectory(folder) }
        let spaces = try description.copyTowers(into: layout)
        let catalogue = try Catalogue(layout.catalogue, .create)
        try catalogue.write { transaction in
            try transaction.put(
                "collection",
                CollectionConfiguration(
                    name: URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent,
                    spaces: spaces, show: description.show, badRows: 0, recall: description.recall))
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
    func require() throws(BelfryError) {
        guard !spaces.isEmpty else {
            throw BelfryError(.invalidInput, "A collection needs vectors of one kind at least.")
        }
        for (place, space) in spaces.enumerated() {
            let (title, name) = (space.vectors.title, space.vectors.name)
            guard !spaces[..<place].contains(where: { $0.vectors.name == name }) else {
                throw BelfryError(
                    .invalidInput, name.isEmpty ? "Two kinds of vector have no name." : "There are two \(title).",
                    remedy: "Give each kind of vector a name of its own.")
            }
            guard name.utf8.count <= Self.longestName, !name.utf8.contains(0) else {
                throw BelfryError(
                    .invalidInput, "The name of the \(title) is too long, or has a U+0000.",
                    remedy: "A name may have \(Self.longestName) bytes.")
            }
            guard space.vectors.kind != .multi || space.vectors.metric.isIndexed else {
                throw BelfryError(
                    .unsupported, "Several vectors of a point are not compared by \(space.vectors.metric.rawValue).",
                    remedy: "Use cosine, ip or l2.")
            }
            if let words = space.vectors.words {
                guard space.vectors.kind == .sparse else {
                    throw BelfryError(
                        .invalidInput, "The \(title) are no words.", remedy: "Make them by words(_:name:).")
                }
                try words.require()
            }
            guard space.vectors.kind == .sparse || CollectionBase.dimensions.contains(space.vectors.dimension) else {
                throw BelfryError(
                    .invalidInput, "Vectors cannot have \(space.vectors.dimension) components.",
                    remedy: "They may have 1 to \(CollectionBase.dimensions.upperBound).")
            }
        }
        guard spaces[0].vectors.metric.isIndexed || index ?? .exact == .exact else {
            throw BelfryError(
                .invalidInput, "Nothing indexes the metric \(spaces[0].vectors.metric.rawValue).",
                remedy: "Leave the index out, or use exact.")
        }
        try SearchPlan.require(recall: recall)
    }

    private static let longestName = 255

    /// Copies the towers of all spaces, each once, and gives the spaces with what is known of them.
    fileprivate func copyTowers(into layout: CollectionLayout) throws(BelfryError) -> [VectorSpace] {
        var copied: [VectorSpace] = []
        for space in spaces { copied.append(try space.copyingTower(into: layout, known: copied)) }
        // The first is the main one.
        return copied.filter { $0.kind == .dense } + copied.filter { $0.kind != .dense }
    }

    fileprivate var indexRecord: IndexRecord {
        IndexRecord(
            request: index?.rawValue ?? "auto at recall \(recall)", wanted: index, choice: nil, queries: nil,
            recall: recall, recallReason: "it was made so")
    }
}

extension VectorCollection.Description.Space {
    /// The space with what is known of its tower, which is copied into the collection, unless that has it.
    /// - Parameter known: the spaces whose towers are there.
    func copyingTower(into layout: CollectionLayout, known: [VectorSpace]) throws(BelfryError) -> VectorSpace {
        guard let tower else { return vectors }
        var space = vectors
        let towers = try TowerPair.open(tower)
        guard space.kind == .dense, towers.item.dimension == space.dimension else {
            throw BelfryError(
                .invalidInput,
                "The tower makes vectors of \(towers.item.dimension) components; the \(space.title) are to have "
                    + "\(space.dimension).", at: .init(file: tower))
        }
        let own = known.lazy.compactMap(\.tower).first { $0.fingerprint == towers.space }
        space.tower = if let own { own } else { try BuildingDirectory.copy(tower, towers, into: layout) }
        return space
    }
}
