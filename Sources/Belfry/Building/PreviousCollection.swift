package import Files
package import Shards
package import Vectors

/// The collection in whose place a build's is put: what of it is still right is taken over.
///
/// A point that a build has written has a digest of what its vector was made of. Where the row of today gives the same, the
/// vector is the same, and is not computed again. Points that somebody else wrote are carried over as they are.
///
/// Nobody writes to it while this lives: what was acknowledged would be lost.
package final class PreviousCollection {
    let view: View
    /// The place of the vectors that builds make: those without a name; nil where they were dropped.
    private let own: Int?
    /// Whether its vectors are what the rows' would be.
    private let isOfSameSpace: Bool
    let lock: WriterLock

    /// The last write that it has; 0 where only builds have written to it.
    var lsn: UInt64 { view.lsn }
    /// The version of what the build changes: above all that are there. Where only builds write, there are no versions.
    var nextVersion: UInt64 { lsn == 0 ? 0 : lsn + 1 }

    /// Opens the collection at `target`; nil where there is none, or another process has it and only builds have written to
    /// it: then a build waits for that, and takes its place.
    /// - Parameters:
    ///   - space: the fingerprint of the tower that embeds the rows now.
    ///   - isReplaced: whether it is to be replaced whatever it is: then what cannot be read is no error.
    /// - Throws: `conflict` where points that others wrote would be lost.
    package init?(
        _ target: String, space: String, element: ElementType, isReplaced: Bool
    ) throws(BelfryError) {
        let layout = CollectionLayout(path: target)
        guard System.exists(layout.catalogue) else { return nil }
        do throws(BelfryError) {
            let first = try CollectionBase.readLatest(layout)
            guard let lock = try WriterLock(layout.lock) else {
                guard first.hasChanged else { return nil }
                throw BelfryError(
                    .conflict, "Another process has the collection open for writing.", at: .init(file: target),
                    remedy: "Close it there, and build again.")
            }
            // What was written before the lock was taken is in it.
            view = try CollectionBase.readLatest(layout)
            self.lock = lock
        } catch {
            if isReplaced, error.code != .conflict { return nil }
            throw error
        }
        let spaces = view.configuration.spaces
        let own = spaces.firstIndex { $0.name.isEmpty }
        self.own = own
        isOfSameSpace = own.map { spaces[$0].tower?.fingerprint == space && spaces[$0].element == element } ?? false
        let lost = isOfSameSpace ? 0 : try others()
        guard lost == 0 else {
            throw BelfryError(
                .conflict,
                "\(lost) points were written by others, with vectors that the new collection cannot hold.",
                at: .init(file: target),
                remedy: "Move the collection away and build; then write those points again, through the new tower.")
        }
    }

    /// Refuses a build that is to have words where others have written vectors of the name.
    package func require(free name: String) throws(BelfryError) {
        guard view.configuration.spaces.contains(where: { $0.name == name && $0.words == nil }) else { return }
        throw BelfryError(
            .conflict,
            "The collection has vectors “\(name)” that are no words, where the recipe is to be searched by words.",
            at: .init(file: view.path), remedy: "Drop those first, or leave words out of the recipe.")
    }

    /// How many points no build has written that have vectors as those of the build.
    private func others() throws(BelfryError) -> Int {
        guard lsn > 0, let own else { return 0 }
        var count = 0
        try view.forEachPoint { if $0.source == nil, view.place(of: $0, in: own) != nil { count += 1 } }
        return count
    }

    /// What is there of a point whose vector was made of the same; nil where it has to be made.
    package func kept(_ id: PointID, source: Int64) throws(BelfryError) -> (vector: [Float], version: UInt64)? {
        do throws(BelfryError) {
            guard isOfSameSpace, let own, let point = try view.storedPoint(id), point.source == source, source != 0,
                let place = view.place(of: point, in: own)
            else { return nil }
            return (try view.vector(at: place).dense ?? [], point.version)
        } catch {
            // What is damaged there is made again.
            guard error.code == .corruptData else { throw error }
            return nil
        }
    }

    /// Whether there may be points without a vector that the build can take over.
    var hasBarePoints: Bool { lsn > 0 && view.count > (isOfSameSpace ? own.map { view.count(in: $0) } ?? 0 : 0) }

    /// Hands on what every user has seen, which no build knows.
    func forEachSeen(_ body: (_ user: String, SeenList) throws -> Void) throws(BelfryError) {
        try view.forEachSeen(body)
    }

    /// Hands on every point that no build has written, with its vector, if it has one.
    func forEachOther(_ body: (NewPoint, [Float]?) throws -> Void) throws(BelfryError) {
        guard lsn > 0 else { return }
        try view.forEachPoint { point in
            guard point.source == nil else { return }
            var other = NewPoint(id: point.id, key: point.key, payload: point.json)
            other.version = point.version
            let place = isOfSameSpace ? own.flatMap { view.place(of: point, in: $0) } : nil
            try body(other, try place.flatMap { try view.vector(at: $0).dense })
        }
    }
}

extension View {
    /// Whether others than builds have written to the collection.
    var hasChanged: Bool { lsn > 0 || configuration.spaces.count { $0.words == nil } > 1 }
}
