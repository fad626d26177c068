import Files
import Neighbors
import Towers

/// Where the files of a collection lie inside its directory, and which names there are Belfry's.
struct CollectionLayout: Sendable {
    /// The collection's directory.
    let path: String

    /// The layout of the directory at `path`.
    init(path: String) { self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path }

    /// The files of a segment that has no index yet.
    static let rowFiles: Set<String> = ["vectors.shard", "ids"]

    /// Of the segments that a catalogue lists their files.
    typealias ListedFiles = [Int: Set<String>]

    var catalogue: String { "\(path)/catalog.sqlite" }
    /// A catalogue that is being copied from another collection.
    var catalogueCopy: String { "\(path)/catalog.copy" }
    var lock: String { "\(path)/lock" }
    var segments: String { "\(path)/segments" }
    var towers: String { "\(path)/towers" }
    var log: String { "\(path)/log" }
    /// Batches that are too large for the log.
    var batches: String { "\(path)/batches" }

    /// Indexes of payload fields.
    var fields: String { "\(path)/fields" }

    func field(_ number: Int) -> String { "\(fields)/\(NumberedName.name(number))" }
    func segment(_ number: Int) -> String { "\(segments)/\(NumberedName.name(number))" }
    func vectors(_ number: Int) -> String { "\(segment(number))/vectors.shard" }
    func ids(_ number: Int) -> String { "\(segment(number))/ids" }
    func tower(_ name: String) -> String { "\(towers)/\(name)" }
}

// MARK: what is Belfry's

extension CollectionLayout {
    private static let files: Set<String> = ["catalog.sqlite", "catalog.seal", "lock"]

    /// What SQLite puts beside its database.
    private static let companions = ["", "-journal", "-wal", "-shm"]

    /// What belongs in the directory of a collection, finished or not.
    /// - Parameter tower: The tower that the collection's is a copy of, where that is known.
    func belongings(tower: String? = nil) -> @Sendable (String) -> Belongings? {
        let towers = towers
        return { name in
            switch name {
            case "segments": .folder(Self.segmentFolder)
            case "log", "batches", "fields": .folder { NumberedName.number(of: $0) == nil ? nil : .file }
            case "towers": .folder { .folder(TowerPair.belongings(of: "\(towers)/\($0)", like: tower)) }
            case _ where Self.files.contains(name) || Self.isTemporary(name): .file
            case _ where Self.companions.contains { name == "catalog.sqlite" + $0 }: .file
            default: nil
            }
        }
    }

    /// Files that nothing lists, whoever made them: they are there while something else is made.
    private static func isTemporary(_ name: String) -> Bool {
        TemporaryName.file.process(of: name) != nil || companions.contains { name == "catalog.copy" + $0 }
    }

    private static let segmentFolder: @Sendable (String) -> Belongings? = { name in
        NumberedName.number(of: name) == nil ? nil : .folder(segmentFile)
    }

    /// While an index is chosen, each kind of it has a folder of its own.
    private static let segmentFile: @Sendable (String) -> Belongings? = { name in
        if SegmentPaths.names.contains(name) { return .file }
        return IndexKind(rawValue: name) == nil ? nil : .folder { SegmentPaths.names.contains($0) ? .file : nil }
    }

    /// Refuses a directory in which somebody else's files would be lost.
    /// - Throws: `conflict` with their names.
    func requireOwn(_ what: String, tower: String?) throws(BelfryError) {
        try System.refuse(Directory(path).foreign(to: belongings(tower: tower)), in: path, what)
    }
}

// MARK: copying

extension CollectionLayout {
    /// Copies files of a segment to another collection, where the segment is not yet, and syncs them.
    /// - Throws: `corruptData` for one that is not there.
    func copySegment(_ number: Int, files: [String], to other: CollectionLayout) throws(BelfryError) {
        try System.createDirectory(other.segment(number))
        for name in files {
            let path = "\(segment(number))/\(name)"
            if System.isMissing(path) { throw .listedAndMissing(path) }
            try System.copyFile(path, to: "\(other.segment(number))/\(name)")
        }
        try System.sync(other.segment(number))
    }
}

extension BelfryError {
    /// What to say of a file that the catalogue lists, and that is not there.
    static func listedAndMissing(_ path: String) -> BelfryError {
        .corrupt("The catalogue lists this file, and it is not there.", at: .init(file: path))
    }
}

// MARK: removing

extension CollectionLayout {
    /// What a writer that was killed has left: files that were to take another's place, segments that the catalogue does
    /// not list, and in those that it lists, files of a segment that it does not; by the path from the collection on.
    /// Changes nothing.
    /// - Throws: `conflict` with the place of a link where a file or folder of the collection should be.
    func leftovers(_ listed: ListedFiles) throws(BelfryError) -> [String] {
        let directory = try Directory(path)
        for name in ["catalog.sqlite", "catalog.seal", "lock", "segments", "towers", "log", "batches", "fields"]
        where directory.kind(of: name) == .link { throw Directory.isLink("\(path)/\(name)") }
        var found = try directory.names().filter { Self.isTemporary($0) && directory.kind(of: $0) == .file }
        guard directory.kind(of: "segments") != nil else { return found }
        let folder = try directory.folder("segments")
        let known = Dictionary(uniqueKeysWithValues: listed.map { (NumberedName.name($0), $1) })
        found += try folder.names()
            .filter { known[$0] == nil && Self.segmentFolder($0) != nil && folder.kind(of: $0) == .folder }
            .map { "segments/\($0)" }
        for (segment, files) in known.sorted(by: { $0.key < $1.key }) where folder.kind(of: segment) != nil {
            let inside = try folder.folder(segment)
            found += try inside.names()
                .filter { SegmentPaths.names.contains($0) && !files.contains($0) && inside.kind(of: $0) == .file }
                .map { "segments/\(segment)/\($0)" }
        }
        return found
    }

    /// Removes what a killed writer has left, and says so.
    ///
    /// Only the holder of the writer's lock may call this: a segment that is being written is not listed yet.
    func sweep(_ listed: ListedFiles, note: (String) -> Void) throws(BelfryError) {
        let leftovers = try leftovers(listed)
        guard !leftovers.isEmpty else { return }
        let directory = try Directory(path)
        var removed: [String] = []
        for name in leftovers {
            let parts = name.split(separator: "/").map(String.init)
            switch parts.count {
            case 1: try directory.removeFile(name)
            case 2:
                let left = try directory.folder(parts[0]).removeFolder(parts[1], Self.segmentFile)
                guard left.isEmpty else { continue }
            default: try directory.folder(parts[0]).folder(parts[1]).removeFile(parts[2])
            }
            removed.append(name)
        }
        guard !removed.isEmpty else { return }
        note("Removed what an interrupted build had left in \(path): \(removed.joined(separator: ", ")).")
    }

    /// Removes a segment that the catalogue no longer lists.
    func removeSegment(_ number: Int) throws(BelfryError) {
        try Directory(segments).removeFolder(NumberedName.name(number), Self.segmentFile)
    }

    /// Removes the copies of towers.
    func removeTowers(like tower: String) throws(BelfryError) {
        let folder = try Directory(towers)
        for name in try folder.names() {
            try System.refuse(
                folder.removeFolder(name, TowerPair.belongings(of: self.tower(name), like: tower)), in: towers,
                "The folder of towers")
        }
    }

    /// Removes the collection but for what is not Belfry's, which is returned.
    func removeAll(tower: String?) throws(BelfryError) -> [String] {
        let parent = try Directory(around: path)
        return try parent.removeFolder(String(path.split(separator: "/").last ?? ""), belongings(tower: tower))
    }

    /// Empties the directory but for the lock, which other builds look at.
    func clear(tower: String?) throws(BelfryError) {
        try requireOwn("The folder of an unfinished build", tower: tower)
        let belongs = belongings(tower: tower)
        try Directory(path).remove { $0 == "lock" ? nil : belongs($0) }
    }
}
