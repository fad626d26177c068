/// What a caller may do.
enum Access: Int, Comparable, Sendable {
    /// Nothing but ask whether the server is there.
    case nothing
    /// Search and read.
    case reading
    /// Write points, too.
    case writing
    /// All: make and remove collections, replace them by snapshots, change aliases.
    case managing

    static func < (first: Access, second: Access) -> Bool { first.rawValue < second.rawValue }
}

/// Who asks.
struct Caller: Sendable, Equatable {
    /// What they may do to the server and to every collection.
    var access: Access
    /// What they may do to single collections beside that, by their names: never those of aliases or versions.
    var collections: [String: Access] = [:]

    init(_ access: Access, _ collections: [String: Access] = [:]) {
        (self.access, self.collections) = (access, collections)
    }

    /// Whether they may do anything at all.
    var isKnown: Bool { access > .nothing || collections.values.contains { $0 > .nothing } }

    func access(to collection: String) -> Access { max(access, collections[collection] ?? .nothing) }

    /// - Throws: 403 where a collection is not theirs, or not to be changed by them.
    /// - Parameter name: what they call it: what an alias leads to is not for everybody.
    func require(_ wanted: Access, of collection: String, named name: String) throws(Refusal) {
        let given = access(to: collection)
        guard given < wanted else { return }
        throw given == .nothing
            ? Refusal(403, "Forbidden: the key does not open the collection \(name)") : Self.refusal(given)
    }

    /// - Throws: 403 where they may not do this to the server.
    func require(_ wanted: Access) throws(Refusal) {
        guard access < wanted else { return }
        throw access == .nothing
            ? Refusal(403, "Forbidden: the key opens single collections alone") : Self.refusal(access)
    }

    private static func refusal(_ given: Access) -> Refusal {
        Refusal(403, "Forbidden: the key opens only what " + (given == .reading ? "reads" : "reads and writes points"))
    }
}
