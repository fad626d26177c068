import Files
import Foundation

/// Where an import puts a directory: it is made under another name beside it, and takes its name in one step when it
/// is whole.
struct TowerPlace {
    /// What is put there, as errors name it, and a file that shows that something is one of them.
    struct Kind {
        let name: String
        let mark: String

        static let tower = Kind(name: "a tower", mark: TowerManifest.name)
        static let pair = Kind(name: "a pair of towers", mark: TowerPair.queryFolder + "/" + TowerManifest.name)
    }

    /// The directory's path.
    let target: String
    /// Where it is made.
    let temporary: String
    private let isTaken: Bool
    /// Hears what was removed besides what the import was told to replace.
    private let note: (String) -> Void

    /// - Throws: `conflict` if something is at `target`, unless it may be replaced and is of the same kind.
    init(
        _ target: String, _ kind: Kind, replace: Bool, note: @escaping (String) -> Void = { _ in }
    ) throws(BelfryError) {
        (self.target, self.note) = (target, note)
        let isEmpty = System.isDirectory(target) ? try System.list(target).isEmpty : false
        isTaken = System.exists(target) && !isEmpty
        if isTaken, !replace {
            throw BelfryError(
                .conflict, "Something is there already.", at: .init(file: target),
                remedy: "Choose another name, or replace it with \(.setting(.replacing)).")
        }
        if isTaken, !System.exists(target + "/" + kind.mark) {
            throw BelfryError(
                .conflict, "What is there is not \(kind.name): it is not replaced.", at: .init(file: target))
        }
        temporary = Self.importing.beside(target)
    }

    /// Lets `make` create and fill the directory `temporary`, and puts it in its place. If it fails, nothing has
    /// changed, unless the last step failed: then the new directory is in its place, but may not survive a power cut.
    /// - Throws: `conflict` if the old one holds files that are not a tower's, which would be lost.
    func fill(_ make: () throws(BelfryError) -> Void) throws(BelfryError) {
        removeLeftovers()
        do throws(BelfryError) {
            try make()
            if isTaken { try requireOwn() }
            try System.swap(temporary, into: target, replacing: isTaken)
        } catch {
            try? System.remove(temporary)
            throw error
        }
        if isTaken { removeOld() }
        try System.sync(System.parent(of: target))
    }

    private static let importing = TemporaryName(mark: ".importing-")

    /// Looked at when the new one is made: it names its files even where the old one's manifest is damaged.
    private func requireOwn() throws(BelfryError) {
        guard !isLink(target) else { return }
        let foreign = try Directory(target).foreign(to: TowerPair.belongings(of: target, like: temporary))
        try System.refuse(foreign, in: target, "The tower's directory")
    }

    /// The new one is in its place; what cannot be removed of the old one is a later import's leftover.
    private func removeOld() {
        guard !isLink(temporary) else {
            try? System.remove(temporary)
            return
        }
        let left = try? Directory(around: temporary).removeFolder(
            (temporary as NSString).lastPathComponent, TowerPair.belongings(of: temporary, like: target))
        if let left, !left.isEmpty {
            note("Left in \(temporary), since Belfry did not make it: \(left.joined(separator: ", ")).")
        }
    }

    private func isLink(_ path: String) -> Bool {
        let folder = try? Directory(around: path)
        return folder?.kind(of: (path as NSString).lastPathComponent) == .link
    }

    /// Removes what imports to `target` left behind whose process is no more. That they lie there harms nobody: an
    /// import does not fail because they cannot be removed.
    private func removeLeftovers() {
        guard let parent = try? Directory(around: target) else { return }
        for name in Self.importing.leftovers(of: target) where parent.kind(of: name) == .folder {
            let path = System.parent(of: target) + "/" + name
            // One with a manifest was a tower before it was replaced, and others may have put files there. What is not
            // whole was seen by nobody.
            if System.exists(path + "/" + Kind.tower.mark) || System.exists(path + "/" + Kind.pair.mark) {
                guard let left = try? parent.removeFolder(name, TowerPair.belongings(of: path)), left.isEmpty else {
                    continue
                }
            } else {
                guard (try? System.remove(path)) != nil else { continue }
            }
            note("Removed what an interrupted import had left: \(path).")
        }
    }
}
