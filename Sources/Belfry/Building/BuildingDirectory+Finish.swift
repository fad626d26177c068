package import Files
import Foundation
package import Towers
package import Vectors

/// What a finished collection is to say of itself.
package struct CollectionDescription: Sendable {
    /// The collection's name.
    package var name: String
    /// How vectors are compared.
    package var metric: Metric
    /// How vectors are stored.
    package var element: ElementType
    /// The payload fields that a table of answers shows.
    package var show: [String]
    /// The recall of a search that does not name its own; nil for the best that its index has in reasonable time.
    package var recall: Double?
    /// Rows of the source that could not be used.
    package var badRows: Int
    /// What is searched by words; nil for nothing.
    package var words: WordIndex?
    /// How a text is searched for.
    package var texts: TextSearch
    /// What reads the best answers once more; nil for nothing.
    package var reranker: CollectionReranker.Description?

    /// A description.
    package init(
        name: String, metric: Metric, element: ElementType, show: [String], recall: Double?, badRows: Int,
        words: WordIndex? = nil, texts: TextSearch = .byMeaning, reranker: CollectionReranker.Description? = nil
    ) {
        (self.name, self.metric, self.element) = (name, metric, element)
        (self.show, self.recall, self.badRows) = (show, recall, badRows)
        (self.words, self.texts, self.reranker) = (words, texts, reranker)
    }
}

extension BuildingDirectory {
    /// Makes the directory a collection and puts it in its place.
    /// - Parameter towers: those that filled it, opened where they are now.
    /// - Returns: How many points it has, and how many of them others have written.
    package func finish(
        _ towers: TowerPair, _ description: CollectionDescription, memory: MemoryBudget, threads: Int
    ) throws(BelfryError) -> (points: Int, others: Int) {
        try System.createDirectory(layout.towers)
        try layout.removeTowers(like: tower)
        let reference = try Self.copy(tower, towers, into: layout)
        CrashPoint.towerCopied.reach()

        guard let index = try catalogue.read({ try $0.document("index", as: IndexRecord.self) }) else {
            preconditionFailure("a collection is indexed before it is finished")
        }
        var space = VectorSpace(
            dimension: towers.item.dimension, metric: description.metric, element: description.element)
        space.tower = reference
        let points = try carryBare()
        try carrySeen()
        let others = try othersCount()
        let fields = try keptFields()
        var carried = try carrySpaces(memory, threads: threads)
        carried += try fillWords(description.words, behind: carried, threads: threads)
        var spaces = [space]
        for other in carried { spaces.append(try copyingTower(of: other.space, known: spaces)) }
        CrashPoint.spacesCarried.reach()
        var configuration = CollectionConfiguration(
            name: description.name, spaces: spaces, show: description.show, badRows: description.badRows,
            recall: description.recall ?? index.recall)
        configuration.texts = description.texts
        if let reranker = description.reranker { configuration.reranker = try Self.copy(reranker, into: layout) }
        let made = carried.flatMap(\.segments)
        var vectors = [space.name: finishedRows]
        for other in carried { vectors[other.space.name] = other.segments.reduce(0) { $0 + $1.rows } }
        try catalogue.write { transaction in
            try transaction.removeSegments()
            for segment in segments + made { try transaction.insert(segment) }
            if let fields { try transaction.put(fields) }
            try transaction.put("collection", configuration)
            try transaction.put(
                CatalogueState(
                    points: points, vectors: points == finishedRows && carried.isEmpty ? nil : vectors,
                    segments: segments.count + made.count, nextSlot: UInt64(points), lsn: previous?.nextVersion ?? 0))
            for name in [Self.others, Self.since] { try transaction.remove(name) }
        }
        CrashPoint.configurationWritten.reach()
        try catalogue.pack()
        CrashPoint.cataloguePacked.reach()
        try takePlace()
        return (points, others)
    }

    /// Spaces of words: the recipe's, and those of the collection in the place, out of the payloads that there are now.
    private func fillWords(
        _ own: WordIndex?, behind carried: [(space: VectorSpace, segments: [Catalogue.SegmentRow])], threads: Int
    ) throws(BelfryError) -> [(space: VectorSpace, segments: [Catalogue.SegmentRow])] {
        var wanted = own.map { [VectorSpace.words($0)] } ?? []
        for space in previous?.view.configuration.spaces ?? [] where space.words != nil {
            let isTaken = wanted.contains { $0.name == space.name } || carried.contains { $0.space.name == space.name }
            if !isTaken { wanted.append(space) }
        }
        var number = ((carried.flatMap(\.segments) + segments).map(\.number).max() ?? 0) + 1
        let backfill = WordBackfill(catalogue: catalogue, layout: layout, threads: threads)
        var filled: [(space: VectorSpace, segments: [Catalogue.SegmentRow])] = []
        for var space in wanted {
            // The payloads are others now.
            for field in space.words!.fields.indices { space.words!.fields[field].averageLength = nil }
            let (counted, segment) = try backfill.fill(space, number: number)
            filled.append((counted, segment.map { [$0] } ?? []))
            number += 1
        }
        return filled
    }

    /// A space that is taken over, with its tower, which is copied unless it is there.
    private func copyingTower(of space: VectorSpace, known: [VectorSpace]) throws(BelfryError) -> VectorSpace {
        var space = space
        guard let tower = space.tower else { return space }
        if let own = known.lazy.compactMap(\.tower).first(where: { $0.fingerprint == tower.fingerprint }) {
            space.tower = own
        } else {
            let name = Self.freeName(like: tower.name, in: layout)
            try Self.copy(CollectionLayout(path: target).tower(tower.name), as: name, into: layout)
            space.tower?.name = name
        }
        return space
    }

    /// Indexes of the payload fields of which the collection in the place has some.
    private func keptFields() throws(BelfryError) -> FieldRecord? {
        let place = CollectionLayout(path: target)
        guard let found = try? Catalogue(place.catalogue, .read),
            let known = try? found.read({ try $0.fieldRecord() }),
            !known.entries.isEmpty
        else { return nil }
        FieldRecord().removeOthers(layout)
        return try FieldRecord(
            writing: FieldIndexes(known.fields(), over: catalogue), upTo: previous?.nextVersion ?? 0, from: 1, layout)
    }

    /// Copies a tower into a collection.
    static func copy(
        _ tower: String, _ towers: TowerPair, into layout: CollectionLayout
    ) throws(BelfryError) -> VectorSpace.TowerReference {
        let name = freeName(like: URL(fileURLWithPath: tower).standardizedFileURL.lastPathComponent, in: layout)
        try copy(tower, as: name, into: layout)
        return .init(name: name, fingerprint: towers.space, canaries: try canaries(of: towers.query))
    }

    /// Copies a cross-encoder into a collection.
    static func copy(
        _ reranker: CollectionReranker.Description, into layout: CollectionLayout
    ) throws(BelfryError) -> CollectionReranker {
        let fingerprint = try reranker.fingerprint()
        let name = freeName(
            like: URL(fileURLWithPath: reranker.path).standardizedFileURL.lastPathComponent, in: layout)
        try copy(reranker.path, as: name, into: layout)
        return CollectionReranker(reranker, .init(name: name, fingerprint: fingerprint, canaries: []))
    }

    /// A name for a tower's folder: another one of the collection's may be called the same.
    private static func freeName(like own: String, in layout: CollectionLayout) -> String {
        var (name, number) = (own, 1)
        while System.exists(layout.tower(name)) {
            number += 1
            name = "\(number)-\(own)"
        }
        return name
    }

    private static func copy(_ tower: String, as name: String, into layout: CollectionLayout) throws(BelfryError) {
        try TowerPair.copy(tower, to: layout.tower(name))
        for folder in [layout.tower(name), layout.towers] { try System.sync(folder) }
    }

    /// A few of the tower's canaries with their vectors: what a query's tower must agree with.
    private static func canaries(of tower: Tower) throws(BelfryError) -> [VectorSpace.Canary] {
        let texts = Array(tower.manifest.canaries.filter { $0.count > 1 }.prefix(4))
        let vectors = try tower.embed(canaries: texts)
        return texts.enumerated().map { .init(text: $1, vector: vectors[$0]) }
    }

    /// Puts the finished directory in the place of the collection that may be there, and removes that.
    private func takePlace() throws(BelfryError) {
        let place = CollectionLayout(path: target)
        try Self.put(layout, into: place, tower: tower, lock: previous?.lock, note: note) { () throws(BelfryError) in
            // Without its lock somebody may have begun to write to it.
            guard previous == nil, let found = try? CollectionBase.readLatest(place), found.hasChanged else { return }
            throw BelfryError(
                .conflict, "The collection was written to since the build began.", at: .init(file: target),
                remedy: "Build again: what was embedded is kept.")
        }
    }

    /// Puts a finished directory in the place of the collection that may be there, and removes that.
    /// - Parameters:
    ///   - lock: the lock of the collection that is there, if it is held already.
    ///   - verify: has the last word, when the lock is held.
    static func put(
        _ made: CollectionLayout, into place: CollectionLayout, tower: String?, lock: WriterLock?,
        note: (String) -> Void, verify: () throws(BelfryError) -> Void = {}
    ) throws(BelfryError) {
        guard System.exists(place.path) else {
            try System.swap(made.path, into: place.path, replacing: false)
            CrashPoint.swapped.reach()
            try System.sync(System.parent(of: place.path))
            return
        }
        // A writer must be done before another collection stands in its place.
        let held = if let lock { Optional(lock) } else { try WriterLock(place.lock, .wait) }
        defer { withExtendedLifetime(held) {} }
        try verify()
        try place.requireOwn("The collection", tower: tower)
        try System.swap(made.path, into: place.path, replacing: true)
        CrashPoint.swapped.reach()
        try System.sync(System.parent(of: place.path))
        let left = try made.removeAll(tower: tower)
        if !left.isEmpty {
            note("Left in \(made.path), since Belfry did not make it: \(left.joined(separator: ", ")).")
        }
    }
}
