public import Files
import Shards
import Towers

/// A copy of a collection as it is at one moment: what a snapshot is, and what restoring one is.
///
/// 1. The catalogue is copied in one transaction, while others may write.
/// 2. The segments that this copy lists are copied, and the log, which leads from there to now. Where one of them has gone
///    meanwhile, since it was merged or sealed, all is begun again.
/// 3. The copy is made beside its place, and verified byte by byte; one rename puts it there. So a copy that was cut short is
///    never taken for one, and a collection that it replaces serves until then.
public enum CollectionCopy {
    /// Hears how far something is, and may end it.
    public typealias Progress = (_ done: Int, _ total: Int) throws(BelfryError) -> Void

    /// Copies the collection at `source` to `target`, on any file system.
    /// - Parameters:
    ///   - replacing: whether a collection that is at `target` is replaced.
    ///   - note: hears what of the replaced collection was left, since Belfry did not make it.
    ///   - progress: hears how many of how many segments are copied; what it throws ends the copy, of which nothing is left.
    /// - Throws: `notFound`, `corruptData` where the source is damaged: nothing is put in the place then; `conflict` where
    ///   something is there.
    public static func make(
        of source: String, at target: String, replacing: Bool = false, note: (String) -> Void = { _ in },
        progress: Progress = { (_, _) throws(BelfryError) in }
    ) throws(BelfryError) {
        guard replacing || System.isMissing(target) else {
            throw BelfryError(
                .conflict, "Something is here already.", at: .init(file: target),
                remedy: "Give another path, or \(.setting(.replacing)).")
        }
        try BuildingDirectory.requireCollection(target)
        let (from, place) = (CollectionLayout(path: source), CollectionLayout(path: target))
        var held: WriterLock?
        if System.exists(place.path) {
            held = try WriterLock(place.lock)
            // Who replaces a collection does not wait for whoever serves it.
            guard held != nil else {
                throw BelfryError(
                    .conflict, "Another process has the collection open for writing.", at: .init(file: target),
                    remedy: "Close it there first.")
            }
        }
        let tower = try CollectionBase(from).configuration.spaces.lazy.compactMap(\.tower).first.map {
            from.tower($0.name)
        }
        let (copy, lock) = try BuildingDirectory.claim(beside: place.path)
        defer { lock.release() }
        do throws(BelfryError) {
            try fillWhole(copy, from, tower, progress)
            for finding in try VectorCollection.check(copy.path) {
                if let problem = finding.problems.first { throw problem }
            }
        } catch {
            _ = try? copy.removeAll(tower: tower)
            throw error
        }
        try BuildingDirectory.put(copy, into: place, tower: tower, lock: held, note: note)
    }

    /// Copies until all parts are of one moment: a writer may have merged or sealed meanwhile.
    private static func fillWhole(
        _ copy: CollectionLayout, _ from: CollectionLayout, _ tower: String?, _ progress: Progress
    ) throws(BelfryError) {
        for attempt in 1...maxAttempts {
            try copy.clear(tower: tower)
            do throws(BelfryError) {
                return try fill(copy, from, progress)
            } catch {
                // Again and again only where something is really missing.
                guard attempt < maxAttempts, [.corruptData, .notFound].contains(error.code) else { throw error }
            }
        }
    }

    private static let maxAttempts = 5

    private static func fill(
        _ copy: CollectionLayout, _ from: CollectionLayout, _ progress: Progress
    ) throws(BelfryError) {
        for folder in [copy.segments, copy.towers] { try System.createDirectory(folder) }
        let base = try CollectionBase(from)
        try base.catalogue.copy(to: copy.catalogue)
        let copied = try Catalogue(copy.catalogue, .create)
        let (rows, state, configuration) = try copied.read {
            (try $0.segments(), try $0.state(), try $0.document("collection", as: CollectionConfiguration.self))
        }
        let segments = try SegmentRecord.files(of: rows, from)
        for (place, (number, files)) in segments.enumerated() {
            try progress(place, segments.count)
            try from.copySegment(number, files: files.sorted(), to: copy)
        }
        if System.exists(from.log) {
            try System.createDirectory(copy.log)
            for name in try System.list(from.log) where LogFile.number(of: name) != nil {
                try System.copyFile("\(from.log)/\(name)", to: "\(copy.log)/\(name)")
            }
            try System.sync(copy.log)
            var batches: [StagedBatch] = []
            let end = try LogReader(copy.log).replay(from: state.lsn + 1, applied: state.proven) {
                batches += StagedBatch.published(by: $1)
            }
            for batch in batches { try batch.copy(from: from.batches, to: copy.batches) }
            try copied.note(logged: end.nextLSN - 1)
        }
        let fields = try copied.read { try $0.fieldRecord() }.entries
        if !fields.isEmpty {
            try System.createDirectory(copy.fields)
            for entry in fields { try System.copyFile(from.field(entry.file), to: copy.field(entry.file)) }
            try System.sync(copy.fields)
        }
        try copied.close()
        for tower in (configuration ?? base.configuration).towers {
            try TowerPair.copy(from.tower(tower.name), to: copy.tower(tower.name))
            try System.sync(copy.tower(tower.name))
        }
        for folder in [copy.segments, copy.towers, copy.path] { try System.sync(folder) }
    }
}
