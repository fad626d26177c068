import Belfry
import Files
import Foundation
import Synchronization

/// The collections that are served, by their names and aliases.
final class CollectionRegistry: Sendable {
    private struct State {
        var served: [String: ServedCollection] = [:]
        var aliases: Aliases
        /// Names of collections that are being made or removed.
        var busy: Set<String> = []
    }

    let folder: DataFolder
    private let memoryLimit: Int?
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state: Mutex<State>

    /// - Parameter now: the time by which the rates of collections are limited.
    init(
        _ folder: DataFolder, memoryLimit: Int?, now: @escaping @Sendable () -> ContinuousClock.Instant
    ) throws(BelfryError) {
        (self.folder, self.memoryLimit, self.now) = (folder, memoryLimit, now)
        state = Mutex(State(aliases: try Aliases(of: folder.path)))
    }

    // MARK: finding

    /// The collection of a name or an alias.
    /// - Throws: 404.
    func named(_ name: String) throws -> ServedCollection { try version(named: name).collection }

    /// The collection of a name, an alias or `collection@version`, and the version that is meant; empty for the first.
    /// - Throws: 404.
    func version(named name: String) throws -> Place {
        if let known = try known(name) { return known }
        try CollectionName.require(Aliases.Target(name).collection)
        // Another process may have built it since.
        refresh()
        guard let found = try known(name) else { throw Refusal.missing("Collection \(name) not found") }
        return found
    }

    /// What a question that is asked under a name has to do with what is tried there.
    enum OnTrial {
        /// It is asked of this one as well, once it is answered.
        case shadow(String)
        /// This one answers the part of the callers that it is one of; nil for the others.
        case part(String?)
    }

    /// - Parameter header: the value of a header of the question.
    /// - Returns: Nil where nothing is tried, or the question is not one that a shadow is asked as well.
    func trial(under name: String, header: (String) -> String?) -> OnTrial? {
        // Whoever has looked the name up has read the aliases again, if that was needed.
        guard let trial = state.withLock({ $0.served[name] == nil ? $0.aliases.trials[name] : nil }) else { return nil }
        let second = trial.target.description
        if trial.isShadow { return Double.random(in: 0..<1) < trial.share ? .shadow(second) : nil }
        return .part(trial.answers(header(trial.header), under: name) ? second : nil)
    }

    /// A collection, and the version of it; empty for the first.
    typealias Place = (collection: ServedCollection, version: String)

    private func known(_ name: String) throws -> Place? {
        try state.withLock { state in
            if let own = state.served[name] { return (own, "") }
            try reload(&state)
            let target = state.aliases.resolve(name)
            return state.served[target.collection].map { ($0, target.version) }
        }
    }

    /// The name of the collection that a name or an alias stands for, as far as that is in memory; nil where it is not. It touches
    /// no file, and so may be asked anywhere.
    func knownName(_ name: String) -> String? {
        state.withLock { state in
            if state.served[name] != nil { return name }
            let target = state.aliases.resolve(name).collection
            return state.served[target] == nil ? nil : target
        }
    }

    /// Reads the aliases again where another process has changed them.
    private func reload(_ state: inout State) throws {
        if state.aliases.isStale { state.aliases = try Aliases(of: folder.path) }
    }

    /// The names of all.
    func names() -> [String] {
        refresh()
        return state.withLock { $0.served.keys.sorted() }
    }

    /// All, in the order of their names.
    func all() -> [ServedCollection] {
        refresh()
        return state.withLock { state in state.served.sorted { $0.key < $1.key }.map(\.value) }
    }

    /// Looks what is in the folder now.
    private func refresh() {
        let found = folder.collections()
        state.withLock { state in
            for (name, path) in found where state.served[name] == nil && !state.busy.contains(name) {
                // It may have been removed since it was seen.
                guard !System.isMissing(path) else { continue }
                state.served[name] = serve(name, path)
            }
            for (name, served) in state.served where found[name] == nil && System.isMissing(served.path) {
                state.served[name] = nil
            }
        }
    }

    private func serve(
        _ name: String, _ path: String, _ opened: VectorCollection? = nil, _ record: CollectionRecord? = nil
    ) -> ServedCollection {
        ServedCollection(
            name, at: path, record: folder.record(of: name), opened: opened, described: record,
            memoryLimit: memoryLimit, now: now)
    }

    // MARK: making and removing

    /// Makes a collection.
    /// - Throws: 409 where one of this name is there, 400 where an alias is.
    func create(_ name: String, _ record: CollectionRecord) throws {
        try make(name) { path in
            let file = folder.record(of: name)
            try record.write(to: file)
            do {
                let made = try VectorCollection.create(path, record.description(), memoryLimit: memoryLimit)
                return serve(name, path, made, record)
            } catch {
                try? System.remove(file)
                throw error
            }
        }
    }

    /// Takes a collection in that `body` puts to a path.
    func make(_ name: String, _ body: (_ path: String) throws -> ServedCollection) throws {
        try CollectionName.require(name)
        refresh()
        try state.withLock { state throws(Refusal) in
            guard state.aliases.targets[name] == nil else {
                throw Refusal.bad("An alias of the name \(name) is there already")
            }
            guard state.served[name] == nil, state.busy.insert(name).inserted else {
                throw Refusal(409, "Wrong input: Collection `\(name)` already exists!")
            }
        }
        defer { _ = state.withLock { $0.busy.remove(name) } }
        let served = try body(folder.place(of: name))
        state.withLock { $0.served[name] = served }
    }

    /// A collection that lies at a path, opened when it is needed.
    func adopt(_ name: String, at path: String) -> ServedCollection { serve(name, path) }

    /// Removes a collection with its aliases; its snapshots stay.
    /// - Returns: whether there was one.
    func delete(_ name: String) async throws -> Bool {
        refresh()
        let served = state.withLock { state -> ServedCollection? in
            guard state.served[name] != nil, state.busy.insert(name).inserted else { return nil }
            return state.served.removeValue(forKey: name)
        }
        guard let served else { return false }
        defer { _ = state.withLock { $0.busy.remove(name) } }
        await served.close()
        // A crash from here on leaves nothing of that name.
        let gone = folder.scratch("deleted")
        try System.rename(served.path, to: gone)
        try changeAliases { change in
            change.targets = change.targets.filter { $0.value.collection != name }
            change.trials = change.trials.filter { $0.value.target.collection != name }
        }
        try System.remove(folder.record(of: name))
        try System.remove(gone)
        return true
    }

    /// Puts a closed collection's place to other use: `body` replaces what lies there.
    func replace(_ name: String, _ body: (_ path: String) throws -> Void) async throws {
        let old = try state.withLock { state throws(Refusal) in
            guard state.busy.insert(name).inserted else {
                throw Refusal(409, "Conflict: collection \(name) is being made, removed or replaced")
            }
            return state.served[name]
        }
        defer { _ = state.withLock { $0.busy.remove(name) } }
        await old?.close()
        let path = old?.path ?? folder.place(of: name)
        try body(path)
        state.withLock { $0.served[name] = serve(name, path) }
    }

    func exists(_ name: String) -> Bool { (try? named(name)) != nil }

    // MARK: aliases

    var aliases: Aliases {
        get throws {
            try state.withLock { state in
                try reload(&state)
                return state.aliases
            }
        }
    }

    /// Changes the aliases, all at once.
    func changeAliases(_ body: (inout Aliases.Change) throws -> Void) throws {
        var change = try Aliases.Change(in: folder.path)
        try body(&change)
        let aliases = try change.commit()
        state.withLock { $0.aliases = aliases }
    }

    /// Ends writing to all.
    func close() async {
        for served in state.withLock({ Array($0.served.values) }) { await served.close() }
    }
}
