public import Belfry
public import Files
import Foundation
import Shards
import Towers
import Vectors

/// Fills a version of a collection: the same points, embedded by another tower, while the first version serves.
///
/// 1. The version's vectors are added to the collection, unless an earlier run has done that.
/// 2. Every point that has none of them is embedded, from its recipe's row or from its payload. Points that are written
///    meanwhile are embedded from what they are by then.
/// 3. What was written becomes one index.
///
/// One that was interrupted goes on with the points that are left.
public struct Reembedding: Sendable {
    /// What the points are embedded from.
    public enum Source: Sendable {
        /// The rows of the recipe that the collection was built from.
        case rows(Recipe)
        /// A text made of each point's payload, as `{title}. {brand}`.
        case payload(String)
    }

    /// What came of it.
    public struct Summary: Sendable {
        /// Points that were embedded now.
        public var embedded = 0
        /// Points that had a vector of the version already.
        public var kept = 0
        /// Points that have none: nothing of theirs can be embedded.
        public var left = 0
    }

    private let collection: VectorCollection
    private let space: VectorSpace
    private let tower: Tower
    private let source: Source
    private let threads: Int

    /// Points that are embedded together.
    private static let batch = 1_024

    /// Opens the version, or makes it.
    /// - Parameters:
    ///   - collection: is open for writing.
    ///   - name: of the vectors whose version it is to be; empty for those that need no name.
    ///   - tower: a tower's directory.
    /// - Throws: `conflict` where the version is another tower's, `invalidInput` for a name that is none, or rows that the
    ///   tower does not take.
    public init(
        _ collection: VectorCollection, version: String, of name: String = "", tower path: String, from source: Source,
        threads: Int
    ) async throws(BelfryError) {
        guard !version.isEmpty, !version.contains("@"), !version.contains("/"), !version.isBlank else {
            throw BelfryError(
                .invalidInput, "\(version.debugDescription) is no name for a version.",
                remedy: "Call it v2, for example.")
        }
        let towers = try TowerPair.open(path)
        let first = collection.configuration.spaces[try collection.configuration.place(ofSpace: name)]
        let own = VectorSpace.name(first.versioned.name, inVersion: version)
        // Before anything is made for it.
        try Self.check(source, towers.item, collection)
        if !collection.configuration.spaces.contains(where: { $0.name == own }) {
            try await collection.add(
                .init(
                    VectorSpace(
                        name: own, dimension: towers.item.dimension, metric: first.metric, element: first.element),
                    tower: path))
        }
        let place = try collection.configuration.place(ofSpace: own)
        space = collection.configuration.spaces[place]
        tower = try collection.towers(of: place).item
        guard tower.space == towers.item.space else {
            throw BelfryError(
                .conflict, "The version “\(version)” is of another tower.", at: .init(file: collection.path),
                remedy: "Give the new version another name.")
        }
        (self.collection, self.source, self.threads) = (collection, source, threads)
    }

    /// Embeds what has no vector yet.
    /// - Parameter progress: hears how many points were looked at, and how many there are.
    public func run(progress: @escaping @Sendable (Int, Int) -> Void) async throws(BelfryError) -> Summary {
        try collection.mergeOnlyWhenCompacted()
        var summary = Summary()
        switch source {
        case .rows(let recipe): try await embed(rowsOf: recipe, &summary, progress)
        case .payload(let text): try await embed(payloads: TextTemplate(text), &summary, progress)
        }
        try await collection.compact()
        let view = collection.view
        summary.left = view.count - view.count(in: try view.configuration.place(ofSpace: space.name))
        return summary
    }

    private static func check(
        _ source: Source, _ tower: Tower, _ collection: VectorCollection
    ) throws(BelfryError) {
        switch source {
        case .rows(let recipe):
            guard try BuildJournal.of(collection.path)?.rows == Digest.sha256(file: recipe.rows.file) else {
                throw BelfryError(
                    .conflict, "The rows have changed since the collection was built from them.",
                    at: .init(file: recipe.rows.file),
                    remedy: "Build it first: what has not changed is not embedded again.")
            }
            _ = try ItemReader(recipe, tower)
        case .payload(let text):
            _ = try TextTemplate(text)
            guard tower.takesTexts else {
                throw BelfryError(
                    .invalidInput, "The tower takes no text: it takes \(tower.whatItTakes).",
                    at: .init(file: collection.path))
            }
        }
    }

    private func embed(
        rowsOf recipe: Recipe, _ summary: inout Summary, _ progress: @Sendable (Int, Int) -> Void
    ) async throws(BelfryError) {
        var items = try ItemReader(recipe, tower)
        var (done, isAtEnd) = (0, false)
        while !isAtEnd {
            var batch: [Item] = []
            while batch.count < Self.batch, let item = try items.next(badRow: { _ in }) { batch.append(item) }
            isAtEnd = batch.count < Self.batch
            let found = batch
            // A point that somebody has written is not what its row says any more.
            let points = try collection.onCurrentView { view throws(BelfryError) -> [StoredPoint?] in
                var points: [StoredPoint?] = []
                for item in found {
                    points.append(try view.storedPoint(item.name.id).flatMap { $0.source == nil ? nil : $0 })
                }
                return points
            }
            try await write(zip(points, batch.map(\.content)), &summary) { $0.source != nil }
            done += batch.count
            progress(done, collection.count)
        }
    }

    private func embed(
        payloads template: TextTemplate, _ summary: inout Summary, _ progress: @Sendable (Int, Int) -> Void
    ) async throws(BelfryError) {
        @Sendable func content(_ point: StoredPoint) -> Item.Content? {
            guard let payload = try? point.payload() else { return nil }
            return template.text { payload[$0]?.display }.map { .text($0) }
        }
        var (last, done): (PointID?, Int) = (nil, 0)
        while true {
            let behind = last
            let page = try collection.onCurrentView { view throws(BelfryError) in
                try view.scroll(after: behind, limit: Self.batch)
            }
            guard let end = page.last else { return }
            var contents: [Item.Content] = []
            var points: [StoredPoint?] = []
            for point in page {
                guard let made = content(point) else { continue }
                contents.append(made)
                points.append(point)
            }
            let before = Dictionary(uniqueKeysWithValues: page.map { ($0.id, $0.json) })
            try await write(zip(points, contents), &summary) { before[$0.id] == $0.json }
            last = end.id
            done += page.count
            progress(done, collection.count)
        }
    }

    /// Embeds those of a batch that are there and have no vector yet, and writes them.
    /// - Parameter isSame: whether a point is still what was embedded.
    private func write(
        _ batch: some Sequence<(StoredPoint?, Item.Content)>, _ summary: inout Summary, isSame: (StoredPoint) -> Bool
    ) async throws(BelfryError) {
        let there = Array(batch).compactMap { point, content in point.map { ($0, content) } }
        let isKept = try haveVectors(there.map(\.0))
        summary.kept += isKept.count { $0 }
        let wanted = zip(there, isKept).filter { !$1 }.map(\.0)
        guard !wanted.isEmpty else { return }
        let vectors = try tower.embed(wanted.map(\.1), threads: threads)
        let check = VectorCheck(dimension: space.dimension, metric: space.metric, elementType: space.element)
        var (operations, written) = ([WriteOperation](), [PointID]())
        for (row, (point, _)) in wanted.enumerated() {
            // What cannot be stored has no vector: as with the rows of a build.
            guard
                (try? check.check(UnsafeBufferPointer(vectors.row(row)), "The tower's embedding", at: nil)) != nil
            else { continue }
            operations.append(.setVectors(point.name, [space.name: .dense(vectors[row])]))
            written.append(point.id)
        }
        guard !operations.isEmpty else { return }
        try await collection.write(operations)
        // What was written meanwhile: the vector is of what the point was before.
        var changed: [String] = []
        for id in written {
            guard let now = try collection.onCurrentView({ view throws(BelfryError) in try view.storedPoint(id) })
            else {
                continue
            }
            if !isSame(now) { changed.append(now.name) }
        }
        if !changed.isEmpty { try await collection.write([.deleteVectors(.ids(changed), names: [space.name])]) }
        summary.embedded += written.count - changed.count
    }

    /// Which of some points have a vector of the version.
    private func haveVectors(_ points: [StoredPoint]) throws(BelfryError) -> [Bool] {
        try collection.onCurrentView { view throws(BelfryError) in
            // Its place may have changed, where other kinds have come or gone.
            let place = try view.configuration.place(ofSpace: space.name)
            return points.map { view.place(of: $0, in: place) != nil }
        }
    }
}
