/// What Belfry itself makes at a place, by name: only this is ever removed from a folder that others may have used, too.
///
/// A name counts only as what it stands for: a link, or a folder in a file's place, belongs to somebody else.
public indirect enum Belongings: Sendable {
    /// A regular file.
    case file
    /// A directory, and what belongs in it: nil for a name that is not Belfry's.
    case folder(@Sendable (_ name: String) -> Belongings?)
}

extension Directory {
    /// What is in the directory and does not belong there, by the path from the directory on. Changes nothing.
    /// - Throws: `conflict` with the place of a link that stands where a folder belongs.
    public func foreign(to belongs: (String) -> Belongings?) throws(BelfryError) -> [String] {
        try visit(belongs, removing: false)
    }

    /// Removes what belongs here, and returns what does not, which stays, by the path from the directory on.
    @discardableResult
    public func remove(_ belongs: (String) -> Belongings?) throws(BelfryError) -> [String] {
        try visit(belongs, removing: true)
    }

    /// Removes the folder `name` with what belongs in it; returns what does not, which stays, with the folders around it.
    @discardableResult
    public func removeFolder(_ name: String, _ belongs: (String) -> Belongings?) throws(BelfryError) -> [String] {
        guard kind(of: name) != nil else { return [] }
        let left = try folder(name).remove(belongs)
        if left.isEmpty { try unlink(Name(name), isFolder: true) }
        return left.map { "\(name)/\($0)" }
    }

    /// Removes the regular file `name`; whatever else has that name stays.
    public func removeFile(_ name: String) throws(BelfryError) {
        if kind(of: name) == .file { try unlink(Name(name), isFolder: false) }
    }

    private func visit(_ belongs: (String) -> Belongings?, removing: Bool) throws(BelfryError) -> [String] {
        var foreign: [String] = []
        for entry in try entries() {
            let (name, kind) = (entry.text, kind(of: entry))
            switch (belongs(name), kind) {
            case (_, nil): continue
            case (.file, .file): if removing { try unlink(entry, isFolder: false) }
            case (.folder, .link): throw Self.isLink("\(path)/\(name)")
            case (.folder(let inside), .folder):
                let found = try folder(entry).visit(inside, removing: removing)
                foreign += found.map { "\(name)/\($0)" }
                if removing, found.isEmpty { try unlink(entry, isFolder: true) }
            default: foreign.append(kind == .link ? "\(name) (a link)" : name)
            }
        }
        return foreign
    }
}

extension System {
    /// Refuses to go on where files that Belfry did not make would be lost.
    /// - Parameters:
    ///   - foreign: their paths, from `path` on.
    ///   - what: what is to be replaced or removed, as `the collection`.
    public static func refuse(_ foreign: [String], in path: String, _ what: String) throws(BelfryError) {
        guard !foreign.isEmpty else { return }
        let more = foreign.count > 8 ? " and \(foreign.count - 8) more" : ""
        throw BelfryError(
            .conflict,
            "\(what) holds what Belfry did not make, and would be lost: \(foreign.prefix(8).joined(separator: ", "))\(more).",
            at: .init(file: path), remedy: "Move it out of there, and run the same command again.")
    }
}
