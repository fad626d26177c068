public import Files
import Foundation

extension Tower {
    /// Whether the model in `folder` has routes for queries and documents: then it is imported as a pair of both.
    package static func hasRoutes(_ folder: String) throws(BelfryError) -> Bool {
        guard let router = try SentenceTransformersRouter.of(model: withoutSlash(folder)) else { return false }
        return router.routes.contains("query") && router.routes.count > 1
    }

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
