import Belfry
import Files

/// A collection that a request is about, opened.
struct Target {
    let served: ServedCollection
    let collection: VectorCollection
    /// As it was when the request came: kinds of vector that come or go meanwhile shift no places.
    let configuration: CollectionConfiguration

    /// - Parameter version: the version that is meant; empty for the first.
    init(_ served: ServedCollection, version: String) throws(BelfryError) {
        let first = try served.collection()
        (self.served, collection) = (served, version.isEmpty ? first : try first.version(version))
        configuration = collection.configuration
    }

    /// The place of the space of a name.
    /// - Throws: 400 where there is none.
    func place(ofSpace name: String) throws(Refusal) -> Int {
        guard let place = try? configuration.place(ofSpace: name) else { throw CollectionRecord.noVectors(name) }
        return place
    }

    /// - Throws: 404 where there is no such point.
    func requirePoint(_ name: String) throws {
        let isThere = try collection.onCurrentView { view throws(BelfryError) in
            try view.storedPoint(PointName(name).id) != nil
        }
        guard isThere else { throw Self.noPoint(name) }
    }

    private static func noPoint(_ name: String) -> Refusal { .missing("No point with id \(name) found") }

    /// The vectors of a point in a space.
    /// - Throws: 404 where there is no such point, 400 where it has no such vector.
    func vector(of name: String, in space: Int) throws -> PointVector {
        let vector = try collection.onCurrentView { view throws(BelfryError) in
            guard let point = try view.storedPoint(PointName(name).id) else { return PointVector?.some(.multi([])) }
            return try view.place(of: point, in: space).map { (place) throws(BelfryError) in try view.vector(at: place)
            }
        }
        switch vector {
        case nil:
            throw Refusal.bad("Point \(name) has no vector \(configuration.spaces[space].name.debugDescription)")
        case .multi([])?: throw Self.noPoint(name)
        case let vector?: return vector
        }
    }
}

extension Target {
    /// `collection`, or `collection@version`.
    var name: String { Aliases.Target(collection: served.name, version: collection.version).description }

    /// What answers: the collection, its version, the tower of the vectors that are searched, the last write.
    /// - Parameter space: the name of these vectors; where it names none, there is no tower.
    func servedBy(space: String) -> JSON {
        let place = try? configuration.place(ofSpace: space)
        var members: JSON.Members = ["collection": .string(served.name)]
        if !configuration.version.isEmpty { members["version"] = .string(configuration.version) }
        members["tower"] = place.flatMap { configuration.spaces[$0].tower }.map {
            ["name": .string($0.name), "fingerprint": .string($0.fingerprint)]
        }
        members["write"] = .unsigned(collection.view.lastWrite)
        return .object(members)
    }
}
