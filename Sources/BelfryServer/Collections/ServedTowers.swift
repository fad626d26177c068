import Belfry
import Synchronization
import Towers

/// The towers of the collections, by their names.
struct ServedTowers {
    private let places: [String: (ServedCollection, VectorSpace)]

    /// - Parameter all: collections, of which those that cannot be opened have no towers.
    init(_ all: [ServedCollection]) {
        var places: [String: (ServedCollection, VectorSpace)] = [:]
        for served in all {
            guard let spaces = try? served.collection().configuration.spaces else { continue }
            for space in spaces {
                guard let tower = space.tower else { continue }
                for name in [ModelName.shown(tower.name), served.name] where places[name] == nil {
                    places[name] = (served, space)
                }
            }
        }
        self.places = places
    }

    /// The names by which they are called: their own, and those of their collections.
    var names: [String] { places.keys.sorted() }

    /// Whose the towers of a model are, also where a client writes `vendor/` before its name.
    /// - Throws: 404 with the names that there are.
    func place(of model: String) throws(Refusal) -> (served: ServedCollection, space: VectorSpace) {
        let key = ModelName.key(model)
        guard let found = places[model] ?? places.first(where: { ModelName.key($0.key) == key })?.value else {
            throw Refusal.missing(
                "There is no model \(model.debugDescription); there are: \(names.joined(separator: ", "))")
        }
        return found
    }
}

/// Where the towers of models are that were asked for: a thousand collections are looked through for the first question alone.
final class KnownModels: Sendable {
    private let known = Mutex<[String: (served: ServedCollection, space: VectorSpace)]>([:])
    /// A model may be asked for by any number of names.
    private static let limit = 1_000

    /// - Parameters:
    ///   - caller: who asks: towers of collections that they may not read are not there.
    ///   - collections: those that they may read.
    /// - Throws: 404 with the models that there are.
    func towers(
        of model: String, for caller: Caller, in collections: () -> [ServedCollection]
    ) throws -> TowerPair {
        // One that is gone is looked for again.
        if let place = known.withLock({ $0[model] }), caller.access(to: place.served.name) >= .reading,
            let towers = try? place.served.collection().towers(of: place.space)
        {
            return towers
        }
        let place = try ServedTowers(collections()).place(of: model)
        known.withLock { known in
            if known.count >= Self.limit { known.removeAll() }
            known[model] = place
        }
        return try place.served.collection().towers(of: place.space)
    }
}
