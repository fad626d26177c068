import Files
import Foundation
import Shards
import Towers
import Vectors

/// `<name>.belfry.building/`: a collection that is not finished, with the journal that lets a later build go on.
///
/// Holds the writer's lock of the directory while it lives. Every step that others rely on is synced to disk before
/// the next one: segment files before the transaction that lists them, all files before the rename.
final class BuildingDirectory {
    private let target: String
    /// The tower that is copied in.
    private let tower: String
    private let note: (String) -> Void
    let layout: CollectionLayout
    private let towerName: String
    private let lock: WriterLock
    let catalogue: Catalogue
    var segments: [Catalogue.SegmentRow]

    /// How many rows are in finished segments.
    var finishedRows: Int { segments.reduce(0) { $0 + $1.rows } }
    /// How many rows that were embedded are in none, since their vectors cannot be stored.
    private(set) var refusedRows = 0
    /// What was wrong with the first of them that this build has seen.
    private(set) var firstRefusal: BelfryError?

    static func path(of collection: String) -> String { "\(collection).building" }

    /// Opens the directory for a build of `target`: kept if its journal has the vectors of `journal`, else made anew.
    /// - Parameters:
    ///   - tower: the tower's directory.
    ///   - note: hears what was removed of an interrupted build.
    init(
        _ target: String, journal: BuildJournal, tower: String, named towerName: String,
        note: @escaping (String) -> Void
    ) throws(BelfryError) {
        (self.target, self.tower, self.towerName, self.note) = (target, tower, towerName, note)
        let layout = CollectionLayout(path: Self.path(of: target))
        self.layout = layout
        try Self.requireCollection(layout.path)
        // Not even a lock is made through a link.
        if System.exists(layout.path) { _ = try Directory(layout.path) }
        try System.createDirectory(layout.path)
        CrashPoint.buildingDirectoryMade.reach()
        lock = try Self.takeLock(layout)
        try layout.requireOwn("The folder of an unfinished build", tower: tower)
        if let (catalogue, segments) = Self.resume(layout, journal) {
            self.catalogue = catalogue
            self.segments = segments
        } else {
            if System.exists(layout.segments) { note("Removed an unfinished build that cannot go on: \(layout.path).") }
            try Self.clear(layout, tower)
            // Whatever is wrong with the old collection is no reason not to build a new one.
            do throws(BelfryError) {
                try Self.adopt(target, into: layout, journal)
            } catch {
                try Self.clear(layout, tower)
            }
            if let (catalogue, segments) = Self.resume(layout, journal) {
                self.catalogue = catalogue
                self.segments = segments
            } else {
                catalogue = try Self.start(layout, journal, tower)
                segments = []
            }
        }
        refusedRows = try catalogue.read { try $0.document(Self.refused, as: Int.self) } ?? 0
        try layout.sweep(segments: segments.map(\.number), files: Self.files(catalogue), note: note)
    }

    /// The catalogue's document with the number of refused rows: an interrupted build goes on behind them.
    private static let refused = "refused"

    /// Removes what a killed writer left in the finished collection at `target` and beside it, unless a writer is at work
    /// there, and rolls back what it left half written in the catalogue.
    static func removeLeftovers(
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
        func listed() throws(BelfryError) -> (segments: [Int], files: Set<String>) {
            let catalogue = try Catalogue(layout.catalogue, .read)
            return (try catalogue.read { try $0.segments() }.map(\.number), try Self.files(catalogue))
        }
        let before = try listed()
        let isHalfWritten = Catalogue.hasJournal(layout.catalogue)
        // Asked first without the lock: where there is nothing to remove, a disk may be read-only.
        guard try !layout.leftovers(segments: before.segments, files: before.files).isEmpty || isHalfWritten,
            let lock = try WriterLock(layout.lock)
        else { return }
        defer { withExtendedLifetime(lock) {} }
        if isHalfWritten {
            try Catalogue(layout.catalogue, .create).close()
            note("Rolled back what an interrupted writer had left half written: \(layout.catalogue).")
        }
        let now = try listed()
        try layout.sweep(segments: now.segments, files: now.files, note: note)
    }

    /// Refuses what no build can have made.
    static func requireCollection(_ path: String) throws(BelfryError) {
        guard System.exists(path) else { return }
        let names = System.isDirectory(path) ? try System.list(path) : nil
        let belongs = CollectionLayout(path: path).belongings()
        guard let names, names.contains("catalog.sqlite") || names.allSatisfy({ belongs($0) != nil }) else {
            throw BelfryError(
                .conflict, "What is here is not a collection, and is not replaced.", at: .init(file: path),
                remedy: "Move it away, or give the recipe another name.")
        }
    }

    private static func takeLock(_ layout: CollectionLayout) throws(BelfryError) -> WriterLock {
        guard let lock = try WriterLock(layout.lock) else {
            throw BelfryError(
                .conflict, "Another build is at work here.", at: .init(file: layout.path),
                remedy: "Wait until it is done.")
        }
        return lock
    }

    /// The catalogue and segments of an interrupted build, where they are whole and belong to `journal`.
    private static func resume(
        _ layout: CollectionLayout, _ journal: BuildJournal
    ) -> (Catalogue, [Catalogue.SegmentRow])? {
        // Opened for writing first: that rolls back what a crash left half written.
        guard System.exists(layout.catalogue), let catalogue = try? Catalogue(layout.catalogue, .create),
            let problems = try? catalogue.problems(), problems.isEmpty,
            let segments = try? catalogue.read({ try $0.segments() }),
            let found = try? catalogue.read({ try $0.document("journal", as: BuildJournal.self) }),
            found.hasSameVectors(as: journal), let files = try? files(catalogue)
        else { return nil }
        for segment in segments {
            for name in files {
                guard SegmentFile.check("\(layout.segment(segment.number))/\(name)").isEmpty else { return nil }
            }
        }
        guard found == journal || (try? catalogue.write({ try $0.put("journal", journal) })) != nil else { return nil }
        return (catalogue, segments)
    }

    /// The files that every listed segment has by now.
    private static func files(_ catalogue: Catalogue) throws(BelfryError) -> Set<String> {
        let index = try catalogue.read { try $0.document("index", as: IndexRecord.self) }
        return index.map { Set($0.files) } ?? CollectionLayout.rowFiles
    }

    /// Removes all but the lock.
    private static func clear(_ layout: CollectionLayout, _ tower: String) throws(BelfryError) {
        try layout.clear(tower: tower)
        try System.createDirectory(layout.segments)
        try System.createDirectory(layout.towers)
    }

    private static func start(
        _ layout: CollectionLayout, _ journal: BuildJournal, _ tower: String
    ) throws(BelfryError) -> Catalogue {
        try clear(layout, tower)
        let catalogue = try Catalogue(layout.catalogue, .create)
        try catalogue.write { try $0.put("journal", journal) }
        CrashPoint.journalWritten.reach()
        return catalogue
    }

    /// Writes one segment of the rows whose vectors can be stored, and lists it.
    /// - Throws: what is wrong with a vector, where the recipe says that a bad row stops the build.
    func write(
        _ items: [Item], _ vectors: Matrix, _ recipe: Recipe, threads: Int, badRow: (BelfryError) -> Void
    ) throws(BelfryError) {
        let check = VectorCheck(dimension: vectors.columns, metric: recipe.metric, elementType: recipe.elementType)
        var usable: [Int] = []
        for (row, item) in items.enumerated() {
            do throws(BelfryError) {
                try check.check(
                    UnsafeBufferPointer(vectors.row(row)), "The tower's embedding",
                    at: .line(item.line, of: recipe.rows.file))
                usable.append(row)
            } catch {
                if recipe.badRows == .fail { throw error }
                firstRefusal = firstRefusal ?? error
                badRow(error)
            }
        }
        let isWhole = usable.count == items.count
        try write(
            isWhole ? items : usable.map { items[$0] }, isWhole ? vectors : Matrix(usable.map { vectors[$0] }), recipe,
            refused: items.count - usable.count, threads: threads)
    }

    private func write(
        _ items: [Item], _ vectors: Matrix, _ recipe: Recipe, refused: Int, threads: Int
    ) throws(BelfryError) {
        let count = refusedRows + refused
        guard !items.isEmpty else {
            try catalogue.write { try $0.put(Self.refused, count) }
            refusedRows = count
            return
        }
        let number = (segments.last?.number ?? 0) + 1
        try System.createDirectory(layout.segment(number))
        CrashPoint.segmentFolderMade.reach()

        let shard = try ShardWriter(
            layout.vectors(number), dimension: vectors.columns, elementType: recipe.elementType, threads: threads)
        try shard.append(vectors)
        try shard.finish()
        CrashPoint.vectorsWritten.reach()

        let ids = try IDsWriter(layout.ids(number))
        for item in items { try ids.append(item.name.id) }
        try ids.finish()
        CrashPoint.idsWritten.reach()
        for folder in [layout.segment(number), layout.segments, layout.path] { try System.sync(folder) }
        CrashPoint.segmentSynced.reach()

        let segment = Catalogue.SegmentRow(number: number, rows: items.count)
        try catalogue.write { transaction in
            for (row, item) in items.enumerated() {
                try transaction.insert(
                    .init(id: item.name.id, segment: number, row: row, key: item.name.key, payload: item.payload))
            }
            CrashPoint.pointsInserted.reach()
            try transaction.insert(segment)
            if refused > 0 { try transaction.put(Self.refused, count) }
        }
        segments.append(segment)
        refusedRows = count
        CrashPoint.segmentListed.reach()
    }

    /// Writes the users in the place of those that are there. Gives the number of rows that could not be used.
    func writeUsers(
        _ source: UserSource?, _ tower: Tower, badRow: (BelfryError) -> Void
    ) throws(BelfryError) -> Int {
        guard let source else {
            try catalogue.write { try $0.removeUsers() }
            return 0
        }
        var users = try UserReader(source, tower)
        try catalogue.write { transaction in
            try transaction.removeUsers()
            while let user = try users.next(badRow: badRow) { try transaction.insert(user) }
        }
        return users.badRows
    }

    /// A few of the tower's canaries with their vectors: what a query's tower must agree with.
    private static func canaries(of tower: Tower) throws(BelfryError) -> [CollectionConfiguration.Canary] {
        let texts = Array(tower.manifest.canaries.filter { $0.count > 1 }.prefix(4))
        let vectors = try tower.embed(canaries: texts)
        return texts.enumerated().map { .init(text: $1, vector: vectors[$0]) }
    }

    /// Makes the directory a collection and puts it in its place.
    func finish(_ towers: TowerPair, _ recipe: Recipe, badRows: Int) throws(BelfryError) {
        let copy = layout.tower(towerName)
        try System.createDirectory(layout.towers)
        try layout.removeTowers(like: tower)
        try TowerPair.copy(recipe.tower, to: copy)
        for folder in [copy, layout.towers] { try System.sync(folder) }
        CrashPoint.towerCopied.reach()

        guard let index = try catalogue.read({ try $0.document("index", as: IndexRecord.self) }) else {
            preconditionFailure("a collection is indexed before it is finished")
        }
        let configuration = CollectionConfiguration(
            name: recipe.name, dimension: towers.item.dimension, metric: recipe.metric, element: recipe.elementType,
            show: recipe.show,
            tower: .init(
                name: towerName, fingerprint: towers.space, canaries: try Self.canaries(of: towers.query)),
            points: finishedRows, segments: segments.count, badRows: badRows,
            recall: recipe.recall ?? index.recall)
        try catalogue.write { try $0.put("collection", configuration) }
        CrashPoint.configurationWritten.reach()
        try catalogue.pack()
        try System.sync(layout.path)
        CrashPoint.cataloguePacked.reach()

        if System.exists(target) {
            let old = CollectionLayout(path: target)
            // A writer must be done before another collection stands in its place.
            let lock = try WriterLock(old.lock, .wait)
            defer { withExtendedLifetime(lock) {} }
            try old.requireOwn("The collection", tower: tower)
            try System.exchange(layout.path, target)
            CrashPoint.swapped.reach()
            try System.sync(System.parent(of: target))
            let left = try layout.removeAll(tower: tower)
            if !left.isEmpty {
                note("Left in \(layout.path), since Belfry did not make it: \(left.joined(separator: ", ")).")
            }
        } else {
            try System.rename(layout.path, to: target)
            CrashPoint.swapped.reach()
            try System.sync(System.parent(of: target))
        }
    }
}
