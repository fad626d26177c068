import Belfry

extension Aliases {
    /// What a name means where no collection is called so.
    func resolve(_ name: String) -> Target { targets[name] ?? Target(name) }

    /// Aliases, what they stand for and what is tried under them, of one collection or all, in the order of the aliases.
    func listed(of name: String? = nil) -> [(alias: String, target: Target, trial: Trial?)] {
        targets.filter { name == nil || $0.value.collection == name }.sorted { $0.key < $1.key }
            .map { ($0.key, $0.value, trials[$0.key]) }
    }
}
