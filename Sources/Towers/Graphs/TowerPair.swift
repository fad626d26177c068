public import Files
import Foundation

/// Two towers of one vector space: one for what is searched for, one for what is found.
///
/// ## Overview
/// A two-tower model embeds users with one network and items with another; a session model embeds a session with a
/// recurrent network, and its items are the rows of its output layer. Both towers of a pair carry the fingerprints of
/// both, from which the space's identity is made, so that a collection knows which query tower belongs to it.
///
/// ## Usage
///     try Tower.importPair(query: "user.onnx", item: "movie.onnx", to: "movielens")
///     let pair = try TowerPair.load("movielens")
///     let user = try pair.query.embed([["user_id": 5, "age": 34]])
///     let movies = try pair.item.embed(rows)
public struct TowerPair: Sendable {
    /// Which two towers belong together.
    public struct Fingerprints: Hashable, Sendable {
        /// The query tower's.
        public let query: String
        /// The item tower's.
        public let item: String

        /// The identity of the space that both give vectors of.
        public var space: String { Digest.sha256(Data("\(query) \(item)".utf8)) }
    }

    /// The names of the towers' directories in a pair's.
    static let queryFolder = "query.tower"
    static let itemFolder = "item.tower"

    /// Embeds users, sessions, questions.
    public let query: Tower
    /// Embeds what is searched.
    public let item: Tower

    /// Whether a pair of towers is in the directory `path`.
    public static func isPair(_ path: String) -> Bool {
        System.exists(path + "/" + queryFolder + "/" + TowerManifest.name)
            && System.exists(path + "/" + itemFolder + "/" + TowerManifest.name)
    }

    /// Verifies both towers (`Tower.check`), and that they belong together; or the one tower that is at `path`.
    public static func check(_ path: String) -> [BelfryError] {
        guard isPair(path) else { return Tower.check(path) }
        let problems = Tower.check(path + "/" + queryFolder) + Tower.check(path + "/" + itemFolder)
        guard problems.isEmpty else { return problems }
        do throws(BelfryError) {
            _ = try load(path)
            return []
        } catch { return [error] }
    }

    /// Opens the pair in the directory `path`.
    public static func load(_ path: String) throws(BelfryError) -> TowerPair {
        let pair = TowerPair(
            query: try Tower.load(path + "/" + queryFolder), item: try Tower.load(path + "/" + itemFolder))
        guard let fingerprints = pair.query.manifest.pair, fingerprints == pair.item.manifest.pair,
            fingerprints == Fingerprints(query: pair.query.fingerprint, item: pair.item.fingerprint)
        else {
            throw BelfryError(.wrongTower, "The two towers do not belong together.", at: .init(file: path))
        }
        return pair
    }

    /// Opens what is at `path`: a pair, or one tower that embeds both what is searched for and what is found.
    public static func open(_ path: String) throws(BelfryError) -> TowerPair {
        if isPair(path) { return try load(path) }
        let tower = try Tower.load(path)
        return TowerPair(query: tower, item: tower)
    }

    /// The identity of the space of both towers' vectors.
    public var space: String { query.space }
}

extension Tower {
    /// Whether the model in `folder` has routes for queries and documents: then it is imported as a pair of both.
    public static func hasRoutes(_ folder: String) throws(BelfryError) -> Bool {
        guard let router = try SentenceTransformersRouter.of(model: withoutSlash(folder)) else { return false }
        return router.routes.contains("query") && router.routes.count > 1
    }

    /// The identity of the space of its vectors: of its pair, or its own fingerprint.
    public var space: String { manifest.pair?.space ?? fingerprint }

    /// What the tower embeds, if it is one of two.
    public var role: Role? { manifest.pair.map { $0.query == fingerprint ? .query : .document } }

    /// Imports two models as a pair of towers, `query.tower` and `item.tower` in the directory `target`.
    ///
    /// - Parameters:
    ///   - query: The model of the query tower, as for `importModel`.
    ///   - item: The model of the item tower; nil if the query tower's configuration names its output layer (`items`).
    ///   - queryFeatures: The configuration of the query tower's columns, if it does not lie beside the model.
    ///   - itemFeatures: The same for the item tower.
    ///   - options: What the models' own files do not say; the features and routes of the two are told apart.
    ///   - replace: Whether a pair that is there already is replaced, in one step.
    ///   - note: Hears what was removed that an interrupted import had left.
    /// - Throws: As `importModel`; `invalidInput` if the two give vectors of different lengths.
    @discardableResult
    public static func importPair(
        query: String, item: String? = nil, queryFeatures: String? = nil, itemFeatures: String? = nil,
        to target: String, replace: Bool = false, options: ImportOptions = .init(),
        note: @escaping (String) -> Void = { _ in }
    ) throws(BelfryError) -> TowerPair {
        let target = withoutSlash(target)
        let place = try TowerPlace(target, .pair, replace: replace, note: note)
        let sources: (query: TowerSource, item: TowerSource)
        // One model with two routes is both.
        let routes = query == item && options.route == nil ? ("query", "document") : nil
        if let item {
            sources = (
                try .read(withoutSlash(query), options.with(queryFeatures, route: routes?.0)),
                try .read(withoutSlash(item), options.with(itemFeatures, route: routes?.1))
            )
        } else {
            sources = try TowerSource.session(withoutSlash(query), features: queryFeatures)
        }
        try place.fill { () throws(BelfryError) in
            let temporary = place.temporary
            try System.createDirectory(temporary)
            let queryTower = try install(sources.query, at: temporary + "/" + TowerPair.queryFolder, replace: false)
            let itemTower = try install(sources.item, at: temporary + "/" + TowerPair.itemFolder, replace: false)
            guard queryTower.dimension == itemTower.dimension else {
                throw BelfryError(
                    .invalidInput,
                    "The query tower gives \(queryTower.dimension) components, the item tower "
                        + "\(itemTower.dimension): they are no pair.", at: .init(file: query))
            }
            let pair = TowerPair.Fingerprints(query: queryTower.fingerprint, item: itemTower.fingerprint)
            for tower in [queryTower, itemTower] {
                var manifest = tower.manifest
                manifest.pair = pair
                try System.write(Data(manifest.text.utf8), to: tower.path + "/" + TowerManifest.name)
            }
        }
        return try TowerPair.load(target)
    }
}

extension Tower.ImportOptions {
    /// The same with the configuration and the route of one tower of a pair.
    fileprivate func with(_ features: String?, route: String?) -> Self {
        var options = self
        options.features = features ?? options.features
        options.route = route ?? options.route
        return options
    }
}
