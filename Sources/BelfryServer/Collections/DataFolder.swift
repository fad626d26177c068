import Files
import Foundation
import Synchronization

/// The folder that is served: collections at any depth of it, and what the server itself keeps in `.serve`.
///
/// ```
/// Indexes/
///   products/products.belfry      a collection that a recipe has built
///   notes.belfry                  one that a client has made
///   .serve/lock                   one server for a folder
///   aliases.json                  other names of collections and versions
///   .serve/collections/NAME.json  what a client said of a collection when it made it
///   .serve/snapshots/NAME/…
///   .serve/feedback/DAY-NUMBER.jsonl  what was recommended, and what became of it
/// ```
final class DataFolder: Sendable {
    let path: String
    private let lock: Int32
    private let numbers = Atomic<Int>(0)

    /// Takes the folder, which is made if it is not there.
    /// - Throws: `conflict` where another server has it.
    init(_ path: String) throws(BelfryError) {
        try System.createDirectory(path)
        // Snapshots are asked for by their place on disk.
        guard let real = realpath(path, nil) else { throw System.failure("find the folder", path) }
        self.path = String(cString: real)
        free(real)
        let own = "\(self.path)/.serve"
        for folder in [own, "\(own)/collections", "\(own)/snapshots"] { try System.createDirectory(folder) }
        lock = open("\(own)/lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard lock >= 0 else { throw System.failure("open the lock", "\(own)/lock") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw BelfryError(
                .conflict, "Another server serves this folder.", at: .init(file: path),
                remedy: "Stop it, or serve another folder.")
        }
    }

    deinit { close(lock) }

    var snapshots: String { "\(path)/.serve/snapshots" }

    /// The folder of the feedback log.
    var feedback: String { "\(path)/.serve/feedback" }

    /// Where a client's new collection goes.
    func place(of name: String) -> String { "\(path)/\(name).belfry" }

    /// The file of what a client said of a collection.
    func record(of name: String) -> String { "\(path)/.serve/collections/\(name).json" }

    /// The folder of a collection's snapshots.
    func snapshots(of name: String) -> String { "\(snapshots)/\(name)" }

    /// A path in the server's own folder that nobody has had.
    func scratch(_ what: String) -> String {
        let number = numbers.add(1, ordering: .relaxed).newValue
        return "\(path)/.serve/\(what)-\(ProcessInfo.processInfo.processIdentifier)-\(number)"
    }

    /// All collections, by their names: of two with the same, the one that is less deep, or comes first.
    func collections() -> [String: String] {
        var found: [String: String] = [:]
        look(in: path, depth: 0, &found)
        return found
    }

    /// The tower of a name, as a folder `NAME.tower` at any depth.
    func tower(_ name: String) throws -> String {
        try CollectionName.require(name, "tower")
        guard let found = tower("\(name).tower", in: path, depth: 0) else {
            throw Refusal.missing("There is no tower \(name.debugDescription) in the folder")
        }
        return found
    }

    private func tower(_ folderName: String, in folder: String, depth: Int) -> String? {
        guard depth < Self.deepest, let names = try? System.list(folder) else { return nil }
        if names.contains(folderName) { return "\(folder)/\(folderName)" }
        for name in names where !name.hasPrefix(".") && !name.contains(".belfry") && !name.hasSuffix(".tower") {
            let inner = "\(folder)/\(name)"
            if System.isDirectory(inner), let found = tower(folderName, in: inner, depth: depth + 1) { return found }
        }
        return nil
    }

    private static let deepest = 4

    private func look(in folder: String, depth: Int, _ found: inout [String: String]) {
        guard depth < Self.deepest, let names = try? System.list(folder) else { return }
        var folders: [String] = []
        for name in names where !name.hasPrefix(".") {
            let path = "\(folder)/\(name)"
            if name.hasSuffix(".belfry") {
                guard System.exists("\(path)/catalog.sqlite") else { continue }
                let own = String(name.dropLast(".belfry".count))
                if found[own] == nil { found[own] = path }
            } else if !name.contains(".belfry."), !name.hasSuffix(".tower"), System.isDirectory(path) {
                folders.append(path)
            }
        }
        for folder in folders { look(in: folder, depth: depth + 1, &found) }
    }
}
