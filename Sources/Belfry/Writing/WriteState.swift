import Files
import Neighbors
import Shards
import Vectors

/// What a collection is after the writes so far: a value that a batch changes, and of which a view is made.
///
/// Operations are applied to it in the order of the log, by the writer before it acknowledges them, and by everybody who
/// opens a collection whose catalogue is behind its log. Both must come to the same.
struct WriteState {
    var base: CollectionBase
    var segments: [LiveSegment]
    /// What the catalogue does not have, the newest first. The first is written to.
    var pending: [PendingPoints]
    var count: Int
    /// The slot of the next new point.
    var nextSlot: UInt64
    /// The last write.
    var lsn: UInt64
    /// The last write that the log had for certain when this was read.
    let proven: UInt64
    /// Of views of the same segments.
    var plans = PlanCache()
    /// What filters find in the catalogue as it is now.
    var catalogued: CatalogueFilter
    /// So many words the payloads of a batch may have; nil where it was acknowledged.
    var mostWords: Int? = WriteLimits.words

    /// What readers see.
    var view: View {
        View(
            base, segments, pending, count: count, lsn: lsn, slotBound: Int(nextSlot), catalogued: catalogued,
            plans: plans)
    }

    /// How many points have a vector in each space.
    var vectorCounts: [String: Int] {
        let view = view
        return Dictionary(
            uniqueKeysWithValues: base.configuration.spaces.enumerated().map { ($1.name, view.count(in: $0)) })
    }

    /// No vectors yet, of any space.
    var noVectors: NewVectors { NewVectors(spaces: base.configuration.spaces.count) }

    /// The number of a segment after all that are there.
    var nextNumber: Int { (segments.map(\.segment.number).max() ?? 0) + 1 }

    /// Carries out a batch, operations on points that pass a filter one by one: each finds what those before it have left.
    /// - Parameters, Throws, Returns: as below.
    mutating func apply(
        _ batch: WriteBatch, lsn: UInt64, _ stored: [PointID: Catalogue.PointRow], _ vectors: inout NewVectors
    ) throws(BelfryError) -> (decided: [LogOperation], result: WriteResult) {
        guard !batch.filters.isEmpty else { return try apply(batch.operations, lsn: lsn, stored, &vectors) }
        var (decided, result) = ([LogOperation](), WriteResult(lsn: lsn))
        // Of this batch alone: it may not come to be.
        let (found, most) = (PendingFilter(), WriteLimits.batch)
        var matched = 0
        for (place, operation) in batch.operations.enumerated() {
            var (operation, stored) = (operation, stored)
            if let filter = batch.filters[place] {
                let ids = try ids(where: filter, found)
                matched += ids.count
                guard matched <= most else {
                    throw BelfryError(
                        .invalidInput, "More than \(most) points pass the filters; one batch may be about so many.",
                        at: .init(file: base.path), remedy: "Do it in several steps, with narrower filters.")
                }
                guard !ids.isEmpty else { continue }
                operation = operation.on(ids)
                stored = try self.stored(ids)
            }
            let (logged, done) = try apply([operation], lsn: lsn, stored, &vectors)
            decided += logged
            result.changed += done.changed
            result.skipped += done.skipped
            result.missing += done.missing
        }
        self.lsn = lsn
        return (decided, result)
    }

    /// The points that pass a filter now.
    private func ids(where filter: Filter, _ found: PendingFilter) throws(BelfryError) -> [PointID] {
        let view = view
        return try view.points(at: view.slots(where: filter, found).listed, \.id)
    }

    /// Carries out a batch.
    /// - Parameters:
    ///   - stored: what the catalogue has of points that the batch names.
    ///   - vectors: takes up those of the batch; what it has already is of batches before.
    /// - Throws: `invalidInput` for a payload that is no JSON object, `unsupported` where slots have run out.
    /// - Returns: What is to be logged, with all conditions decided; and what was done.
    mutating func apply(
        _ operations: [LogOperation], lsn: UInt64, _ stored: [PointID: Catalogue.PointRow],
        _ vectors: inout NewVectors
    ) throws(BelfryError) -> (decided: [LogOperation], result: WriteResult) {
        self.lsn = lsn
        var (decided, result) = ([LogOperation](), WriteResult(lsn: lsn))
        for operation in operations {
            switch operation {
            case .upsert(let point, let condition):
                let known = known(point.id, stored)
                guard condition.allows(version: known?.version) else {
                    result.skipped += 1
                    continue
                }
                try upsert(point, known, &vectors)
                decided.append(.upsert(point: point, condition: .always))
                result.changed += 1
                continue
            case .delete(let ids):
                for id in ids {
                    guard let known = known(id, stored) else { continue }
                    killAll(known.slot)
                    pending[0].put(known.slot, PendingPoint(id: id, version: lsn, content: nil))
                    count -= 1
                    result.changed += 1
                }
            case .setPayload(let ids, let json):
                let added = try Self.members(json)
                try change(ids, stored, &result, &vectors) { payload throws(BelfryError) in
                    var members = try Self.members(payload)
                    members.merge(added)
                    return try Self.text(members)
                }
            case .setPayloadAt(let ids, let path, let json):
                let (path, added) = (try JSONPath(path), try Self.members(json))
                try change(ids, stored, &result, &vectors) { payload throws(BelfryError) in
                    var members = try Self.members(payload)
                    path.merge(added, into: &members)
                    return try Self.text(members)
                }
            case .overwritePayload(let ids, let json): try change(ids, stored, &result, &vectors) { _ in json }
            case .overwritePayloadAt(let ids, let path, let json):
                let (path, added) = (try JSONPath(path), try Self.members(json))
                try change(ids, stored, &result, &vectors) { payload throws(BelfryError) in
                    var members = try Self.members(payload)
                    path.merge(added, into: &members, replacing: true)
                    return try Self.text(members)
                }
            case .deletePayload(let ids, let keys):
                try change(ids, stored, &result, &vectors) { payload throws(BelfryError) in
                    var members = try Self.members(payload)
                    for key in keys { members[key] = nil }
                    return try Self.text(members)
                }
            case .deletePayloadAt(let ids, let texts):
                var paths: [JSONPath] = []
                for text in texts { paths.append(try JSONPath(text)) }
                try change(ids, stored, &result, &vectors) { payload throws(BelfryError) in
                    var members = try Self.members(payload)
                    for (text, path) in zip(texts, paths) {
                        if members[text] != nil { members[text] = nil } else { path.remove(from: &members) }
                    }
                    return try Self.text(members)
                }
            case .clearPayload(let ids): try change(ids, stored, &result, &vectors) { _ in "{}" }
            case .setVectors(let id, let named):
                guard var known = known(id, stored) else {
                    result.missing += 1
                    break
                }
                try take(named, of: known.slot, into: &known.content.rows, &vectors)
                changeVectors(id, known, lsn, isOfBuild: named.keys.contains(""))
                result.changed += 1
            case .deleteVectors(let ids, let names):
                for id in ids {
                    guard var known = known(id, stored) else {
                        result.missing += 1
                        continue
                    }
                    for name in names {
                        let space = try base.configuration.place(ofSpace: name)
                        kill(known.slot, in: space)
                        known.content.rows[space] = nil
                    }
                    changeVectors(id, known, lsn, isOfBuild: names.contains(""))
                    result.changed += 1
                }
            case .note(let note, let user):
                pending[0].note(note, user: user)
                result.changed += note.ids.count
            case .publish: preconditionFailure("what a batch's file has is carried out in its place")
            }
            decided.append(operation)
        }
        return (decided, result)
    }

    // MARK: what a point is now

    struct KnownPoint {
        var slot: Slot
        var version: UInt64
        var content: PendingPoint.Content
    }

    /// A point that is there.
    private func known(_ id: PointID, _ stored: [PointID: Catalogue.PointRow]) -> KnownPoint? {
        for (age, part) in pending.enumerated() {
            guard let slot = part.slot(of: id), let point = part[slot] else { continue }
            guard var content = point.content else { return nil }
            // A row of an older table.
            if age > 0 { content.rows = SpaceRows() }
            return KnownPoint(slot: slot, version: point.version, content: content)
        }
        return stored[id].map {
            KnownPoint(
                slot: $0.slot, version: $0.version, content: .init(key: $0.key, payload: $0.payload, source: $0.source))
        }
    }

    /// The points of a batch that only the catalogue can know.
    func unknown(_ ids: [PointID]) -> [PointID] {
        ids.filter { id in !pending.contains { $0.slot(of: id) != nil } }
    }

    private mutating func upsert(
        _ point: LogPoint, _ known: KnownPoint?, _ vectors: inout NewVectors
    ) throws(BelfryError) {
        let slot: Slot
        if let known {
            slot = known.slot
            killAll(slot)
        } else {
            guard nextSlot < UInt64(Slot.max) else {
                throw BelfryError(
                    .unsupported, "The collection has had \(Slot.max) points: it can take no new one.",
                    at: .init(file: base.path), remedy: "Export it, and import it into a new collection.")
            }
            slot = Slot(nextSlot)
            nextSlot += 1
            count += 1
        }
        var content = PendingPoint.Content(key: point.key, payload: point.payload)
        try take(point.vectors, of: slot, into: &content.rows, &vectors)
        if !base.wordEncoders.isEmpty {
            var read = WordCache()
            try takeWords(of: point.payload, insteadOf: nil, of: slot, into: &content.rows, &vectors, &read)
        }
        pending[0].put(slot, PendingPoint(id: point.id, version: lsn, content: content))
    }

    private mutating func change(
        _ ids: [PointID], _ stored: [PointID: Catalogue.PointRow], _ result: inout WriteResult,
        _ vectors: inout NewVectors, _ payload: (String) throws(BelfryError) -> String
    ) throws(BelfryError) {
        var read = WordCache()
        for id in ids {
            guard var known = known(id, stored) else {
                result.missing += 1
                continue
            }
            let before = known.content.payload
            known.content.payload = try payload(before)
            if !base.wordEncoders.isEmpty, known.content.payload != before {
                try takeWords(
                    of: known.content.payload, insteadOf: before, of: known.slot, into: &known.content.rows, &vectors,
                    &read)
            }
            pending[0].put(known.slot, PendingPoint(id: id, version: lsn, content: known.content))
            result.changed += 1
        }
    }

    private static func text(_ members: JSON.Members) throws(BelfryError) -> String {
        guard case let payload = JSON.object(members), payload.isReadable else {
            throw BelfryError(.invalidInput, "The payload would have more levels of nesting than can be read.")
        }
        return payload.text()
    }

    static func json(_ payload: String) throws(BelfryError) -> JSON {
        try JSON(parsing: .init(payload.utf8), source: "payload")
    }

    private static func members(_ payload: String) throws(BelfryError) -> JSON.Members {
        guard case .object(let members) = try json(payload) else {
            throw BelfryError(.invalidInput, "A payload is no JSON object.")
        }
        return members
    }
}

extension WriteCondition {
    /// Whether an upsert is carried out on a point of this version; nil for one that is not there.
    fileprivate func allows(version: UInt64?) -> Bool {
        switch self {
        case .always: true
        case .insertOnly: version == nil
        case .updateOnly: version != nil
        case .version(let wanted): version == wanted
        }
    }
}
