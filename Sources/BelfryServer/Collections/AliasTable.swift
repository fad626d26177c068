import Belfry
import Files
import Foundation

/// Other names of collections, or of versions of them. All of a request's changes are made, or none: the file is written by
/// one rename. It is the one that `belfry alias` writes: a change of that is seen by the next request.
struct AliasTable: Sendable, Equatable {
    /// What the aliases stand for: `products`, or `products@v2`.
    private(set) var targets: [String: Aliases.Target] = [:]
    /// Which file was read; nil where there was none.
    private var stamp: Stamp?

    /// A file that was put in the place of another one has another stamp.
    private struct Stamp: Sendable, Equatable {
        let node, seconds, nanoseconds: Int

        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            (node, seconds) = (Int(status.st_ino), status.st_mtim.tv_sec)
            nanoseconds = status.st_mtim.tv_nsec
        }
    }

    /// What is in the file of a folder; none where there is no file.
    init(of folder: String) throws(BelfryError) {
        stamp = Stamp(Aliases.file(folder))
        targets = try Aliases(of: folder).targets
    }

    /// Whether the folder's file is another one by now.
    func isStale(in folder: String) -> Bool { Stamp(Aliases.file(folder)) != stamp }

    mutating func write(to folder: String) throws(BelfryError) {
        var members = JSON.Members()
        for (alias, target) in listed() { members[alias] = .string(target) }
        try System.write(Data((JSON.object(members).text() + "\n").utf8), to: Aliases.file(folder))
        stamp = Stamp(Aliases.file(folder))
    }

    /// What a name means where no collection is called so.
    func resolve(_ name: String) -> Aliases.Target { targets[name] ?? Aliases.Target(name) }

    /// Aliases and what they stand for, of one collection or all, in the order of the aliases.
    func listed(of name: String? = nil) -> [(alias: String, target: String)] {
        targets.filter { name == nil || $0.value.collection == name }.sorted { $0.key < $1.key }
            .map { ($0.key, $0.value.description) }
    }

    mutating func set(_ alias: String, _ target: Aliases.Target) { targets[alias] = target }

    mutating func remove(_ alias: String) throws(Refusal) {
        guard targets.removeValue(forKey: alias) != nil else { throw .missing("Alias \(alias) does not exist") }
    }

    mutating func rename(_ old: String, to new: String) throws(Refusal) {
        guard let target = targets.removeValue(forKey: old) else { throw .missing("Alias \(old) does not exist") }
        targets[new] = target
    }

    /// Forgets all aliases of a collection that is gone.
    mutating func forget(_ name: String) { targets = targets.filter { $0.value.collection != name } }
}
