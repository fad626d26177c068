import Files
import Foundation
import Shards
import Vectors

/// A batch that was looked over by itself: its vectors can be compared, its payloads are objects, its size is within the
/// limits. What is in the collection it does not know yet.
struct WriteBatch: Sendable {
    /// What it does; operations on points that pass a filter name none yet: see ``filters``.
    let operations: [LogOperation]
    /// By the places of operations, the filters that their points pass.
    let filters: [Int: Filter]
    /// The points that it names.
    let ids: [PointID]
    /// What it brings to each space, and the spaces that it was looked over for.
    private let amounts: [NewVectors.Amount]
    private let spaces: [VectorSpace]
    /// Whether it is too large for a record of the log.
    let isLarge: Bool
    /// Its file, once it has one.
    var staged: StagedBatch?

    /// - Throws: `invalidInput` that says which operation is wrong, and why.
    init(_ operations: [WriteOperation], _ configuration: CollectionConfiguration) throws(BelfryError) {
        guard !operations.isEmpty else { throw BelfryError(.invalidInput, "The batch has no operation.") }
        let check = PointCheck(configuration)
        var (log, ids, filters, named) = ([LogOperation](), [PointID](), [Int: Filter](), 0)
        for (place, operation) in operations.enumerated() {
            do throws(BelfryError) {
                log.append(try LogOperation(operation, check))
            } catch {
                var error = error
                if operations.count > 1 { error.message = "Operation \(place) of the batch: \(error.message)" }
                throw error
            }
            ids += log[place].ids
            named += log[place].named.count
            if case .matching(let filter)? = operation.selection {
                guard !filter.isEmpty else {
                    throw BelfryError(
                        .invalidInput, "The filter has no condition: the operation would be about all points.",
                        remedy: "Where that is meant, write the condition true.")
                }
                filters[place] = filter
            }
        }
        guard max(named, operations.count) <= WriteLimits.batch else {
            throw BelfryError(
                .invalidInput,
                "The batch has \(max(named, operations.count)) operations and points; it may have \(WriteLimits.batch).",
                remedy: "Write it in several batches: each is all or nothing by itself.")
        }
        var bytes = 0
        for operation in log {
            guard operation.mostBytes <= LogFile.recordLimit else {
                throw BelfryError(
                    .invalidInput,
                    "An operation has about \(operation.mostBytes) bytes; one may have \(LogFile.recordLimit).",
                    remedy: "Write it as several operations: a batch may have many.")
            }
            bytes += operation.mostBytes
        }
        guard bytes <= WriteLimits.batchBytes else {
            throw BelfryError(
                .invalidInput, "The batch has about \(bytes) bytes; it may have \(WriteLimits.batchBytes).",
                remedy: "Write it in several batches: each is all or nothing by itself.")
        }
        isLarge = bytes > LogFile.recordLimit || max(named, operations.count) > WriteLimits.logged
        guard !isLarge || filters.isEmpty else {
            throw BelfryError(
                .invalidInput,
                "A batch with a filter may have \(WriteLimits.logged) operations and points, and 32 MiB.",
                remedy: "Write the rest in a batch of its own.")
        }
        (self.operations, self.ids, self.filters) = (log, ids, filters)
        (amounts, spaces) = (try Self.amounts(log, configuration), configuration.spaces)
    }

    /// What it brings to each space of a collection.
    /// - Throws: `conflict` where one of them is another by now, or is not there any more.
    func vectors(for base: CollectionBase) throws(BelfryError) -> [NewVectors.Amount] {
        let now = base.configuration.spaces
        guard now != spaces else { return amounts }
        for name in Set(operations.flatMap(\.vectors.keys)) {
            guard let space = now.first(where: { $0.name.hasSameBytes(as: name) }),
                spaces.contains(where: { $0.stored == space.stored })
            else { throw base.changedSchema }
        }
        return try Self.amounts(operations, base.configuration)
    }

    /// What operations bring to each space.
    static func amounts(
        _ operations: [LogOperation], _ configuration: CollectionConfiguration
    ) throws(BelfryError) -> [NewVectors.Amount] {
        var amounts = [NewVectors.Amount](repeating: .init(), count: configuration.spaces.count)
        for operation in operations {
            for (name, vector) in operation.vectors {
                let place = try configuration.place(ofSpace: name)
                amounts[place] = amounts[place] + vector.amount
            }
        }
        return amounts
    }
}

extension WriteOperation {
    /// The points that it is about, where it can be about several.
    fileprivate var selection: PointSelection? {
        switch self {
        case .delete(let points), .setPayload(let points, _, _), .overwritePayload(let points, _, _),
            .deletePayload(let points, _), .clearPayload(let points), .deleteVectors(let points, _):
            points
        case .upsert, .setVectors, .markSeen, .forgetSeen, .forgetAllSeen: nil
        }
    }
}

extension PointSelection {
    /// The points that it names.
    fileprivate var named: [String] { if case .ids(let names) = self { names } else { [] } }
}

extension LogOperation {
    /// The same for other points.
    func on(_ ids: [PointID]) -> LogOperation {
        switch self {
        case .delete: .delete(ids: ids)
        case .setPayload(_, let json): .setPayload(ids: ids, json: json)
        case .setPayloadAt(_, let path, let json): .setPayloadAt(ids: ids, path: path, json: json)
        case .overwritePayload(_, let json): .overwritePayload(ids: ids, json: json)
        case .overwritePayloadAt(_, let path, let json): .overwritePayloadAt(ids: ids, path: path, json: json)
        case .deletePayload(_, let keys): .deletePayload(ids: ids, keys: keys)
        case .deletePayloadAt(_, let paths): .deletePayloadAt(ids: ids, paths: paths)
        case .clearPayload: .clearPayload(ids: ids)
        case .deleteVectors(_, let names): .deleteVectors(ids: ids, names: names)
        case .upsert, .setVectors, .note, .publish: self
        }
    }

    /// The operation as the log keeps it.
    fileprivate init(_ operation: WriteOperation, _ check: PointCheck) throws(BelfryError) {
        switch operation {
        case .upsert(let point, let condition):
            let name = try PointCheck.name(point.id)
            self = .upsert(
                point: LogPoint(
                    id: name.id, key: name.key, vectors: try check.vectors(point.vectors, of: point.id),
                    payload: try PointCheck.object(point.payload, of: point.id)),
                condition: condition)
        case .delete(let names): self = .delete(ids: try PointCheck.ids(names.named))
        case .setPayload(let names, let payload, nil):
            self = .setPayload(ids: try PointCheck.ids(names.named), json: try PointCheck.object(payload))
        case .setPayload(let names, let payload, let path?):
            self = .setPayloadAt(
                ids: try PointCheck.ids(names.named), path: path.description, json: try PointCheck.object(payload))
        case .overwritePayload(let names, let payload, nil):
            self = .overwritePayload(ids: try PointCheck.ids(names.named), json: try PointCheck.object(payload))
        case .overwritePayload(let names, let payload, let path?):
            self = .overwritePayloadAt(
                ids: try PointCheck.ids(names.named), path: path.description, json: try PointCheck.object(payload))
        case .deletePayload(let names, let keys):
            let ids = try PointCheck.ids(names.named)
            var areFields = true
            for key in keys {
                let path = try JSONPath(key)
                areFields = areFields && path == JSONPath(member: key)
            }
            self = areFields ? .deletePayload(ids: ids, keys: keys) : .deletePayloadAt(ids: ids, paths: keys)
        case .clearPayload(let names): self = .clearPayload(ids: try PointCheck.ids(names.named))
        case .setVectors(let name, let vectors):
            guard !vectors.isEmpty else {
                throw BelfryError(.invalidInput, "Point \(name.debugDescription): there is no vector to set.")
            }
            self = .setVectors(id: try PointCheck.name(name).id, vectors: try check.vectors(vectors, of: name))
        case .deleteVectors(let names, let spaces):
            var known: [String] = []
            for space in spaces { known.append(try check.name(ofWritableSpace: space)) }
            self = .deleteVectors(ids: try PointCheck.ids(names.named), names: known)
        case .markSeen(let names, let user, let time):
            guard let seconds = SeenList.seconds(time) else {
                throw BelfryError(
                    .invalidInput, "Nothing can have been seen then.", remedy: "Give a time from 1970 to 2106.")
            }
            self = .note(.seen(try PointCheck.ids(names), seconds: seconds), user: try PointCheck.user(user))
        case .forgetSeen(let names, let user):
            self = .note(.forgotten(try PointCheck.ids(names)), user: try PointCheck.user(user))
        case .forgetAllSeen(let user, let time):
            let seconds = UInt64(min(max(0, time.timeIntervalSince1970.rounded(.up)), Double(UInt32.max) + 1))
            self = .note(.forgottenBefore(seconds), user: try PointCheck.user(user))
        }
    }

    /// The points that it names, there or not.
    fileprivate var named: [PointID] { if case .note(let note, _) = self { note.ids } else { ids } }

    /// The points whose state it asks for, or changes.
    var ids: [PointID] {
        switch self {
        case .upsert(let point, _): [point.id]
        case .delete(let ids), .setPayload(let ids, _), .setPayloadAt(let ids, _, _), .overwritePayload(let ids, _),
            .overwritePayloadAt(let ids, _, _),
            .deletePayload(let ids, _), .deletePayloadAt(let ids, _), .clearPayload(let ids),
            .deleteVectors(let ids, _):
            ids
        case .setVectors(let id, _): [id]
        case .note, .publish: []
        }
    }

    /// The vectors that it brings, by the names of their spaces.
    var vectors: [String: PointVector] {
        switch self {
        case .upsert(let point, _): point.vectors
        case .setVectors(_, let vectors): vectors
        default: [:]
        }
    }
}

extension LogOperation {
    /// So many bytes it takes in the log, at the most.
    var mostBytes: Int {
        var bytes = 128 + 17 * named.count
        switch self {
        case .upsert(let point, _):
            bytes += point.payload.utf8.count + (point.key?.utf8.count ?? 0)
        case .setPayload(_, let json), .overwritePayload(_, let json): bytes += json.utf8.count
        case .setPayloadAt(_, let path, let json), .overwritePayloadAt(_, let path, let json):
            bytes += path.utf8.count + json.utf8.count
        case .deletePayload(_, let keys), .deletePayloadAt(_, let keys):
            bytes += keys.reduce(0) { $0 + $1.utf8.count + 8 }
        case .note(_, let user): bytes += user.utf8.count
        default: break
        }
        for (name, vector) in vectors { bytes += 8 + name.utf8.count + vector.bytes }
        return bytes
    }
}
