import Files

/// Other names of collections. All of a request's changes are made, or none: the file is written by one rename.
struct AliasTable: Sendable, Equatable {
    /// The collections by their aliases.
    private(set) var collections: [String: String] = [:]

    /// What is in a file; none where there is no file.
    init(file: String) throws(BelfryError) {
        guard System.exists(file) else { return }
        let json = try JSON(parsing: System.read(file), source: file)
        for alias in json.names {
            guard let name = json[alias]?.string else {
                throw .corrupt("The alias \(alias.debugDescription) leads to no name.", at: .init(file: file))
            }
            collections[alias] = name
        }
    }

    func write(to file: String) throws(BelfryError) {
        try System.write(.init(JSON.object(collections.mapValues { .string($0) }).text().utf8), to: file)
    }

    /// The collection that a name means.
    func resolve(_ name: String) -> String { collections[name] ?? name }

    /// Aliases and their collections, of one collection or all, in the order of the aliases.
    func listed(of name: String? = nil) -> [(alias: String, collection: String)] {
        collections.filter { name == nil || $0.value == name }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    mutating func set(_ alias: String, _ collection: String) { collections[alias] = collection }

    mutating func remove(_ alias: String) throws(Refusal) {
        guard collections.removeValue(forKey: alias) != nil else { throw .missing("Alias \(alias) does not exist") }
    }

    mutating func rename(_ old: String, to new: String) throws(Refusal) {
        guard let collection = collections.removeValue(forKey: old) else {
            throw .missing("Alias \(old) does not exist")
        }
        collections[new] = collection
    }

    /// Forgets all aliases of a collection that is gone.
    mutating func forget(_ name: String) { collections = collections.filter { $0.value != name } }
}
