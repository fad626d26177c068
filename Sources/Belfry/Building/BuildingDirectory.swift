package import Files
import Shards

/// `<name>.belfry.building/`: a collection that is not finished, with the journal that lets a later build go on.
///
/// Holds the writer's lock of the directory while it lives. Every step that others rely on is synced to disk before
/// the next one: segment files before the transaction that lists them, all files before the rename.
package final class BuildingDirectory {
    let target: String
    /// The directory of the tower that is copied in.
    let tower: String
    let note: (String) -> Void
    let layout: CollectionLayout
    /// What is in the place now, as far as it can be taken over.
    package let previous: PreviousCollection?
    private let lock: WriterLock
    let catalogue: Catalogue
    var segments: [Catalogue.SegmentRow]

    /// How many rows are in finished segments.
    package var finishedRows: Int { segments.reduce(0) { $0 + $1.rows } }
    /// How many rows that were embedded are in none, since their vectors cannot be stored.
    package internal(set) var refusedRows = 0

    static func path(of collection: String) -> String { "\(collection).building" }

    /// Opens the directory for a build of `target`: kept if its journal has the vectors of `journal`, else made anew.
    /// - Parameters:
    ///   - tower: the tower's directory.
    ///   - note: hears what was removed of an interrupted build.
    ///   - previous: what is in the place, if something of it is to be taken over.
    package init(
        _ target: String, journal: BuildJournal, tower: String, previous: PreviousCollection? = nil,
        note: @escaping (String) -> Void
    ) throws(BelfryError) {
        (self.target, self.tower, self.previous, self.note) = (target, tower, previous, note)
        (layout, lock) = try Self.claim(beside: target)
        try layout.requireOwn("The folder of an unfinished build", tower: tower)
        if let (catalogue, segments) = Self.resume(layout, journal, previous) {
            self.catalogue = catalogue
            self.segments = segments
        } else {
            if System.exists(layout.segments) { note("Removed an unfinished build that cannot go on: \(layout.path).") }
            try Self.clear(layout, tower)
            // Whatever is wrong with the old collection is no reason not to build a new one.
            do throws(BelfryError) {
                try Self.adopt(target, into: layout, journal, isLocked: previous != nil)
            } catch {
                try Self.clear(layout, tower)
            }
            if let (catalogue, segments) = Self.resume(layout, journal, previous) {
                self.catalogue = catalogue
                self.segments = segments
            } else {
                catalogue = try Self.start(layout, journal, tower, previous)
                segments = []
            }
        }
        refusedRows = try catalogue.read { try $0.document(Self.refused, as: Int.self) } ?? 0
        try layout.sweep(SegmentRecord.files(of: segments, layout), note: note)
    }

    /// The catalogue's document with the number of refused rows: an interrupted build goes on behind them.
    static let refused = "refused"
    /// The catalogue's document that says that the vectors of others were carried over.
    static let others = "others-carried"
    /// The catalogue's document with the last write of the collection that was there when the build began: what it took over
    /// is of that moment.
    static let since = "since"

    /// Removes what a killed writer left in the finished collection at `target` and beside it, unless a writer is at work
    /// there, and rolls back what it left half written in the catalogue.
    package static func removeLeftovers(
        of target: String, tower: String, note: (String) -> Void
    ) throws(BelfryError) {
        let building = CollectionLayout(path: path(of: target))
        try requireCollection(building.path)
        if System.exists(building.path) {
            _ = try Directory(building.path)
            if let lock = try WriterLock(building.lock) {
                let left = try withExtendedLifetime(lock) { () throws(BelfryError) -> [String] in
                    try building.requireOwn("The folder of an unfinished build", tower: tower)
                    return try building.removeAll(tower: tower)
                }
                if left.isEmpty { note("Removed what an interrupted build had left: \(building.path).") }
            }
        }
        let layout = CollectionLayout(path: target)
        func listed() throws(BelfryError) -> CollectionLayout.ListedFiles {
            try SegmentRecord.files(of: Catalogue(layout.catalogue, .read).read { try $0.segments() }, layout)
        }
        let before = try listed()
        let isHalfWritten = Catalogue.hasJournal(layout.catalogue)
        // Asked first without the lock: where there is nothing to remove, a disk may be read-only.
        guard try !layout.leftovers(before).isEmpty || isHalfWritten,
            let lock = try WriterLock(layout.lock)
        else { return }
        defer { withExtendedLifetime(lock) {} }
        if isHalfWritten {
            try Catalogue(layout.catalogue, .create).close()
            note("Rolled back what an interrupted writer had left half written: \(layout.catalogue).")
        }
        try layout.sweep(listed(), note: note)
    }

    /// Refuses what no build can have made.
    package static func requireCollection(_ path: String) throws(BelfryError) {
        guard System.exists(path) else { return }
        let names = System.isDirectory(path) ? try System.list(path) : nil
        let belongs = CollectionLayout(path: path).belongings()
        guard let names, names.contains("catalog.sqlite") || names.allSatisfy({ belongs($0) != nil }) else {
            throw BelfryError(
                .conflict, "What is here is not a collection, and is not replaced.", at: .init(file: path),
                remedy: "Move it away, or give the recipe another name.")
        }
    }

    /// Refuses a collection with files that Belfry did not make, and that would be lost with it.
    package static func requireOwnFiles(_ collection: String, tower: String) throws(BelfryError) {
        guard System.exists(collection) else { return }
        try CollectionLayout(path: collection).requireOwn("The collection", tower: tower)
    }

    /// Takes the place beside a collection in which another one is made, before it is put where that is.
    /// - Throws: `conflict` where another process is at work there, or somebody else's files are.
    static func claim(beside target: String) throws(BelfryError) -> (CollectionLayout, WriterLock) {
        let layout = CollectionLayout(path: path(of: target))
        try requireCollection(layout.path)
        // Not even a lock is made through a link.
        if System.exists(layout.path) { _ = try Directory(layout.path) }
        try System.createDirectory(layout.path)
        CrashPoint.buildingDirectoryMade.reach()
        guard let lock = try WriterLock(layout.lock) else {
            throw BelfryError(
                .conflict, "Another build is at work here.", at: .init(file: layout.path),
                remedy: "Wait until it is done.")
        }
        return (layout, lock)
    }

    /// The catalogue and segments of an interrupted build, where they are whole and belong to `journal`.
    private static func resume(
        _ layout: CollectionLayout, _ journal: BuildJournal, _ previous: PreviousCollection?
    ) -> (Catalogue, [Catalogue.SegmentRow])? {
        // Opened for writing first: that rolls back what a crash left half written.
        // A repair's half-made copy has a log, which no build has.
        guard System.exists(layout.catalogue), System.isMissing(layout.log),
            let catalogue = try? Catalogue(layout.catalogue, .create),
            let problems = try? catalogue.problems(), problems.isEmpty,
            let listed = try? catalogue.read({ try $0.segments() }),
            // What a build that was killed at its end has taken over, the end takes over anew.
            let segments = try? listed.filter({ try SegmentRecord($0, layout).space == nil }),
            let found = try? catalogue.read({ try $0.document("journal", as: BuildJournal.self) }),
            found.hasSameVectors(as: journal),
            (try? catalogue.read({ try $0.document(since, as: UInt64.self) })) ?? 0 == previous?.lsn ?? 0,
            let files = try? SegmentRecord.files(of: segments, layout)
        else { return nil }
        for (number, files) in files {
            for name in files {
                guard SegmentFile.check("\(layout.segment(number))/\(name)").isEmpty else { return nil }
            }
        }
        guard found == journal || (try? catalogue.write({ try $0.put("journal", journal) })) != nil else { return nil }
        return (catalogue, segments)
    }

    /// Removes all but the lock.
    private static func clear(_ layout: CollectionLayout, _ tower: String) throws(BelfryError) {
        try layout.clear(tower: tower)
        try System.createDirectory(layout.segments)
        try System.createDirectory(layout.towers)
    }

    private static func start(
        _ layout: CollectionLayout, _ journal: BuildJournal, _ tower: String, _ previous: PreviousCollection?
    ) throws(BelfryError) -> Catalogue {
        try clear(layout, tower)
        let catalogue = try Catalogue(layout.catalogue, .create)
        try catalogue.write { transaction in
            try transaction.put("journal", journal)
            if let previous, previous.lsn > 0 { try transaction.put(since, previous.lsn) }
        }
        CrashPoint.journalWritten.reach()
        return catalogue
    }
}
