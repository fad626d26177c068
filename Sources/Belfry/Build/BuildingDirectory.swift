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
    let layout: CollectionLayout
    private let towerName: String
    private let lock: WriterLock
    let catalogue: Catalogue
    var segments: [Catalogue.SegmentRow]

    /// How many rows are in finished segments.
    var finishedRows: Int { segments.reduce(0) { $0 + $1.rows } }

    static func path(of collection: String) -> String { "\(collection).building" }

    /// Opens the directory for a build of `target`: kept if its journal has the vectors of `journal`, else made anew.
    init(_ target: String, journal: BuildJournal, tower: String) throws(BelfryError) {
        self.target = target
        towerName = tower
        layout = CollectionLayout(path: Self.path(of: target))
        try Self.requireOwn(layout.path)
        try System.createDirectory(layout.path)
        CrashPoint.buildingDirectoryMade.reach()
        lock = try Self.takeLock(layout)
        if let (catalogue, segments) = Self.resume(layout, journal) {
            self.catalogue = catalogue
            self.segments = segments
        } else {
            try Self.clear(layout)
            // Whatever is wrong with the old collection is no reason not to build a new one.
            do throws(BelfryError) { try Self.adopt(target, into: layout, journal) } catch { try Self.clear(layout) }
            if let (catalogue, segments) = Self.resume(layout, journal) {
                self.catalogue = catalogue
                self.segments = segments
            } else {
                catalogue = try Self.start(layout, journal)
                segments = []
            }
        }
        try layout.sweep(segments: segments.map(\.number), files: Self.files(catalogue), tower: tower)
    }

    /// Removes what a build left behind that was killed after its rename, unless another build is at work there.
    static func removeLeftover(of target: String) throws(BelfryError) {
        let layout = CollectionLayout(path: path(of: target))
        guard System.exists(layout.path), let lock = try WriterLock(layout.lock) else { return }
        try withExtendedLifetime(lock) { () throws(BelfryError) in try System.remove(layout.path) }
    }

    /// Refuses a directory that no build can have made: its files would be lost.
    static func requireOwn(_ path: String) throws(BelfryError) {
        guard System.exists(path) else { return }
        let names = System.isDirectory(path) ? try System.list(path) : nil
        guard let names, names.contains("catalog.sqlite") || CollectionLayout.names.isSuperset(of: names)
        else {
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

    /// Removes all but the lock, which other builds look at.
    private static func clear(_ layout: CollectionLayout) throws(BelfryError) {
        for name in try System.list(layout.path) where name != "lock" { try System.remove("\(layout.path)/\(name)") }
        try System.createDirectory(layout.segments)
        try System.createDirectory(layout.towers)
    }

    private static func start(
        _ layout: CollectionLayout, _ journal: BuildJournal
    ) throws(BelfryError) -> Catalogue {
        try clear(layout)
        let catalogue = try Catalogue(layout.catalogue, .create)
        try catalogue.write { try $0.put("journal", journal) }
        CrashPoint.journalWritten.reach()
        return catalogue
    }

    /// Writes one segment and lists it.
    func write(_ items: [Item], _ vectors: Matrix, _ recipe: Recipe, threads: Int) throws(BelfryError) {
        let number = (segments.last?.number ?? 0) + 1
        try System.createDirectory(layout.segment(number))
        CrashPoint.segmentFolderMade.reach()

        let shard = try ShardWriter(
            layout.vectors(number), dimension: vectors.columns, elementType: recipe.elementType, threads: threads)
        let check = VectorCheck(dimension: vectors.columns, metric: recipe.metric, elementType: recipe.elementType)
        for (row, item) in items.enumerated() {
            try check.check(
                UnsafeBufferPointer(vectors.row(row)), "The tower's embedding",
                at: .line(item.line, of: recipe.rows.file))
        }
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
        }
        segments.append(segment)
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
        try System.remove(copy)
        try System.copyDirectory(recipe.tower, to: copy)
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
            // A reader that sweeps the old collection must be done before another one stands in its place.
            let old = try WriterLock(CollectionLayout(path: target).lock, .wait)
            defer { withExtendedLifetime(old) {} }
            try System.exchange(layout.path, target)
            CrashPoint.swapped.reach()
            try System.sync(System.parent(of: target))
            try System.remove(layout.path)
        } else {
            try System.rename(layout.path, to: target)
            CrashPoint.swapped.reach()
            try System.sync(System.parent(of: target))
        }
    }
}
