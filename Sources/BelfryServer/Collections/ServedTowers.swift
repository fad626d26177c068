import Belfry
import Files
import Towers

/// The towers of the collections, by their names.
struct ServedTowers {
    private let places: [String: (ServedCollection, space: Int)]

    init(_ all: [ServedCollection]) {
        var places: [String: (ServedCollection, space: Int)] = [:]
        for served in all {
            // One that cannot be opened has no towers.
            guard let spaces = try? served.collection().configuration.spaces else { continue }
            for (place, space) in spaces.enumerated() {
                guard let tower = space.tower else { continue }
                for name in [ModelName.shown(tower.name), served.name] where places[name] == nil {
                    places[name] = (served, place)
                }
            }
        }
        self.places = places
    }

    /// The names by which they are called: their own, and those of their collections.
    var names: [String] { places.keys.sorted() }

    /// The towers of a model, also where a client writes `vendor/` before its name.
    func towers(of model: String) throws -> TowerPair {
        let key = ModelName.key(model)
        guard let (served, space) = places[model] ?? places.first(where: { ModelName.key($0.key) == key })?.value else {
            throw Refusal.missing(
                "There is no model \(model.debugDescription); there are: \(names.joined(separator: ", "))")
        }
        return try served.collection().towers(of: space)
    }
}
