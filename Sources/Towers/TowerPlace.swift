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

    /// - Throws: `conflict` if something is at `target`, unless it may be replaced and is of the same kind.
    init(_ target: String, _ kind: Kind, replace: Bool) throws(BelfryError) {
        self.target = target
        let isEmpty = System.isDirectory(target) ? try System.list(target).isEmpty : false
        isTaken = System.exists(target) && !isEmpty
        if isTaken, !replace {
            throw BelfryError(
                .conflict, "Something is there already.", at: .init(file: target),
                remedy: "Choose another name, or replace it with --replace.")
        }
        if isTaken, !System.exists(target + "/" + kind.mark) {
            throw BelfryError(
                .conflict, "What is there is not \(kind.name): it is not replaced.", at: .init(file: target))
        }
        temporary =
            target + Self.importing + "\(ProcessInfo.processInfo.processIdentifier)-\(UUID().uuidString)"
    }

    /// Lets `make` create and fill the directory `temporary`, and puts it in its place. If it fails, nothing has
    /// changed, unless the last step failed: then the new directory is in its place, but may not survive a power cut.
    func fill(_ make: () throws(BelfryError) -> Void) throws(BelfryError) {
        removeLeftovers()
        do throws(BelfryError) {
            try make()
            try System.sync(temporary)
            if isTaken {
                try System.exchange(temporary, target)
                // The new one is in its place; what cannot be removed of the old one is a later import's leftover.
                try? System.remove(temporary)
            } else {
                try System.rename(temporary, to: target)
            }
            try System.sync(System.parent(of: target))
        } catch {
            try? System.remove(temporary)
            throw error
        }
    }

    private static let importing = ".importing-"

    /// Removes what imports to `target` left behind whose process is no more. That they lie there harms nobody: an
    /// import does not fail because they cannot be removed.
    private func removeLeftovers() {
        let parent = System.parent(of: target)
        let start = (target as NSString).lastPathComponent + Self.importing
        for name in (try? System.list(parent)) ?? [] where name.hasPrefix(start) {
            guard let process = Int32(name.dropFirst(start.count).prefix { $0 != "-" }), process > 0,
                kill(process, 0) != 0, errno == ESRCH
            else { continue }
            try? System.remove(parent + "/" + name)
        }
    }
}
