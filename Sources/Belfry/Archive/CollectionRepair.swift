public import Files
import Foundation
import Shards
import Towers
import Vectors

/// Makes a damaged collection whole again, as far as that can be.
///
/// 1. A new collection is made beside it, as a snapshot is. Segments that are whole are copied; of others, what is derived
///    from the vectors is made anew (``SegmentRescue``). The log is kept up to the first record that is damaged.
/// 2. It is verified byte by byte, and put in the place of the damaged one by one rename. That is kept beside it: what was
///    lost here, somebody may still find there.
///
/// What is lost is said: points whose row of the catalogue is damaged, vectors whose block is, and writes behind the damage
/// of a log. A catalogue that SQLite cannot read, and a tower, cannot be made anew.
public enum CollectionRepair {
    /// What became of it.
    public struct Report: Sendable, Equatable {
        /// Segments that were written anew, by their folders.
        public var rewritten: [String] = []
        /// Points that are lost, by their ids, as far as these can be read.
        public var lostPoints: [String] = []
        /// Users that are lost.
        public var lostUsers: [String] = []
        /// Users of whom it is not known any more what was noted as seen.
        public var lostSeen: [String] = []
        /// How many vectors of points are lost; those points are still there.
        public var lostVectors = 0
        /// How many writes are lost at the least: whole batches at the end of the log.
        public var lostWrites: UInt64 = 0
        /// Where the damaged collection is now; nil where nothing was damaged.
        public var kept: String?
        /// What is still wrong, as a tower of which no other copy is there.
        public var remaining: [BelfryError] = []

        /// Whether anything is not as it was.
        public var hasLoss: Bool {
            !lostPoints.isEmpty || !lostUsers.isEmpty || !lostSeen.isEmpty || lostVectors > 0 || lostWrites > 0
        }

        /// Equal where both say the same.
        public static func == (first: Report, second: Report) -> Bool {
            "\(first)" == "\(second)"
        }
    }

    /// Repairs the collection at `path`. Where nothing is damaged, nothing is done.
    /// - Throws: `notFound`; `conflict` where another process has it open for writing; `corruptData` where its catalogue is
    ///   beyond reading: nothing was changed then.
    public static func make(_ path: String) throws(BelfryError) -> Report {
        let place = CollectionLayout(path: path)
        guard System.exists(place.catalogue) else {
            throw BelfryError(
                .notFound, "The collection has no catalogue.", at: .init(file: place.catalogue),
                remedy: Catalogue.wayOut)
        }
        guard let held = try WriterLock(place.lock) else {
            throw BelfryError(
                .conflict, "Another process has the collection open for writing.", at: .init(file: path),
                remedy: "Close it there first.")
        }
        defer { held.release() }
        let findings = try VectorCollection.check(place.path)
        guard findings.contains(where: \.isDamaged) else { return Report() }
        let (copy, lock) = try BuildingDirectory.claim(beside: place.path)
        defer { lock.release() }
        var report = Report()
        do throws(BelfryError) {
            try copy.clear(tower: nil)
            let damaged = Set(findings.filter { !$0.problems.isEmpty }.map(\.name))
            try fill(copy, from: place, damaged, &report)
            for finding in try VectorCollection.check(copy.path) {
                for problem in finding.problems {
                    guard problem.location?.file.contains("/towers/") == true else { throw problem }
                    report.remaining.append(problem)
                }
            }
        } catch {
            _ = try? copy.removeAll(tower: nil)
            var error = error
            if let file = error.location?.file, file.hasPrefix(copy.path + "/") {
                error.location?.file = place.path + file.dropFirst(copy.path.count)
            }
            throw error
        }
        // Under its own name before it takes the place: whatever happens in between, no later build finds a collection in the
        // folder of an unfinished one, which it would empty.
        let kept = freePath(beside: place.path)
        try System.rename(copy.path, to: kept)
        CrashPoint.repairNamed.reach()
        try System.swap(kept, into: place.path, replacing: true)
        try System.sync(System.parent(of: place.path))
        report.kept = kept
        return report
    }

    private static func freePath(beside path: String) -> String {
        let wanted = path + ".damaged"
        guard System.exists(wanted) else { return wanted }
        var number = 2
        while System.exists("\(wanted)-\(number)") { number += 1 }
        return "\(wanted)-\(number)"
    }

    // MARK: the new collection

    private static func fill(
        _ copy: CollectionLayout, from place: CollectionLayout, _ damaged: Set<String>, _ report: inout Report
    ) throws(BelfryError) {
        for folder in [copy.segments, copy.towers] { try System.createDirectory(folder) }
        let base = try CollectionBase(place)
        try base.catalogue.copy(to: copy.catalogue)
        let catalogue = try Catalogue(copy.catalogue, .create)
        (report.lostPoints, report.lostUsers, report.lostSeen) = try catalogue.write { transaction in
            (
                try transaction.removeDamagedRows(of: "points"), try transaction.removeDamagedRows(of: "users"),
                try transaction.removeDamagedRows(of: "seen")
            )
        }
        var points = RowSet(capacity: 0)
        try catalogue.read { transaction in
            let state = try transaction.state()
            points = RowSet(capacity: Int(clamping: state.nextSlot))
            try transaction.forEachSlot { if Int($0) < points.capacity { points.insert(Int($0)) } }
        }
        var listed: [(old: Int, row: Catalogue.SegmentRow?)] = []
        var vectors = [Int](repeating: 0, count: base.configuration.spaces.count)
        var words: Set<Int> = []
        let all = try catalogue.read { try $0.segments() }
        for var row in all {
            let record = try SegmentRecord(row, place)
            let space = try record.place(in: base.configuration, place)
            let folder = "segments/\(NumberedName.name(row.number))"
            let isDamaged = damaged.contains { $0.hasPrefix(folder + "/") }
            if base.configuration.spaces[space].words != nil {
                // What the payloads say.
                if isDamaged { report.rewritten.append(folder) }
                words.insert(space)
                listed.append((row.number, nil))
            } else if isDamaged {
                let rescue = SegmentRescue(row, record, base.configuration.spaces[space], place)
                let (rescued, lost) = try rescue.write(to: copy, catalogue)
                report.lostVectors += lost
                if rescued != nil { report.rewritten.append(folder) }
                vectors[space] += rescued?.rows ?? 0
                listed.append((row.number, rescued))
            } else {
                try place.copySegment(row.number, files: record.files, to: copy)
                let dead = try markLost(points, in: &row, place)
                vectors[space] += row.rows - dead
                listed.append((row.number, row))
            }
        }
        let backfill = WordBackfill(catalogue: catalogue, layout: copy, threads: 1)
        for (space, number) in zip(words.sorted(), ((all.map(\.number).max() ?? 0) + 1)...) {
            guard let row = try backfill.write(base.configuration.spaces[space], number: number) else { continue }
            vectors[space] = row.rows
            listed.append((row.number, row))
        }
        let before = try catalogue.read { try $0.state() }
        let first = before.lsn + 1
        let end = try LogRescue.copy(
            place.log, from: first, to: copy.log, batches: place.batches, to: copy.batches)
        report.lostWrites = max(end.known, before.proven) - end.lsn
        let count = points.count
        let known = try catalogue.read { try $0.fieldRecord() }.fields()
        let fields = try FieldRecord(
            writing: FieldIndexes(known, over: catalogue), upTo: before.lsn, from: 1, copy)
        try catalogue.write { transaction in
            for (old, row) in listed {
                if let row { try transaction.replace(row) } else { try transaction.removeSegment(old) }
            }
            var state = before
            state.points = count
            state.segments = listed.count { $0.row != nil }
            state.vectors = Dictionary(
                uniqueKeysWithValues: zip(base.configuration.spaces.map(\.name), vectors))
            (state.hasLog, state.logged) = (true, end.lsn)
            if !known.isEmpty { try transaction.put(fields) }
            try transaction.put(state)
        }
        try catalogue.pack()
        for tower in base.configuration.towers {
            do throws(BelfryError) {
                try TowerPair.copy(place.tower(tower.name), to: copy.tower(tower.name))
            } catch {
                var error = error
                error.location = .init(file: place.tower(tower.name) + "/")
                report.remaining.append(error)
            }
        }
        for folder in [copy.segments, copy.towers, copy.path] { try System.sync(folder) }
    }

    /// Notes that rows of points that were lost are no point's any more. Returns how many rows are dead.
    private static func markLost(
        _ points: RowSet, in row: inout Catalogue.SegmentRow, _ place: CollectionLayout
    ) throws(BelfryError) -> Int {
        let slots = try SegmentSlots(of: row, place)
        var dead = RowSet(bytes: row.dead, capacity: row.rows) ?? RowSet(capacity: row.rows)
        for number in 0..<row.rows where !points.contains(Int(slots.slot(number))) { dead.insert(number) }
        if dead.count > 0 { row.dead = dead.bytes }
        return dead.count
    }
}
