import Files
import Shards
import Vectors

/// A batch that was looked over by itself: its vectors can be compared, its payloads are objects, its size is within the
/// limits. What is in the collection it does not know yet.
struct WriteBatch: Sendable {
    let operations: [LogOperation]
    /// The points that it names.
    let ids: [PointID]
    /// How many vectors it brings.
    let vectors: Int

    /// - Throws: `invalidInput` that says which operation is wrong, and why.
    init(_ operations: [WriteOperation], _ configuration: CollectionConfiguration) throws(BelfryError) {
        guard !operations.isEmpty else { throw BelfryError(.invalidInput, "The batch has no operation.") }
        let check = VectorCheck(
            dimension: configuration.dimension, metric: configuration.metric, elementType: configuration.element)
        var (log, ids, vectors) = ([LogOperation](), [PointID](), 0)
        for (place, operation) in operations.enumerated() {
            do throws(BelfryError) {
                log.append(try LogOperation(operation, check, configuration.element))
            } catch {
                var error = error
                if operations.count > 1 { error.message = "Operation \(place) of the batch: \(error.message)" }
                throw error
            }
            ids += log[place].ids
            if log[place].vector != nil { vectors += 1 }
        }
        guard max(ids.count, operations.count) <= WriteLimits.batch else {
            throw BelfryError(
                .invalidInput,
                "The batch has \(max(ids.count, operations.count)) operations and points; it may have \(WriteLimits.batch).",
                remedy: "Write it in several batches: each is all or nothing by itself.")
        }
        let bytes = log.reduce(0) { $0 + $1.mostBytes }
        guard bytes <= LogFile.recordLimit else {
            throw BelfryError(
                .invalidInput, "The batch has about \(bytes) bytes; it may have \(LogFile.recordLimit).",
                remedy: "Write it in several batches: each is all or nothing by itself.")
        }
        (self.operations, self.ids, self.vectors) = (log, ids, vectors)
    }
}

extension LogOperation {
    /// The operation as the log keeps it.
    fileprivate init(_ operation: WriteOperation, _ check: VectorCheck, _ element: ElementType) throws(BelfryError) {
        switch operation {
        case .upsert(let point, let condition):
            let name = try Self.name(point.id)
            let vector = try Self.vector(point.vector, check, element, point.id)
            self = .upsert(
                point: LogPoint(
                    id: name.id, key: name.key, vectors: [Self.defaultSpace: vector],
                    payload: try Self.object(point.payload, of: point.id)),
                condition: condition)
        case .delete(let names): self = .delete(ids: try Self.ids(names))
        case .setPayload(let names, let payload):
            self = .setPayload(ids: try Self.ids(names), json: try Self.object(payload))
        case .overwritePayload(let names, let payload):
            self = .overwritePayload(ids: try Self.ids(names), json: try Self.object(payload))
        case .deletePayload(let names, let keys): self = .deletePayload(ids: try Self.ids(names), keys: keys)
        case .clearPayload(let names): self = .clearPayload(ids: try Self.ids(names))
        case .setVector(let name, let vector):
            self = .setVectors(
                id: try Self.name(name).id,
                vectors: [Self.defaultSpace: try Self.vector(vector, check, element, name)])
        }
    }

    /// The name of the one space that a collection has.
    static let defaultSpace = ""

    /// The points that it names.
    var ids: [PointID] {
        switch self {
        case .upsert(let point, _): [point.id]
        case .delete(let ids), .setPayload(let ids, _), .overwritePayload(let ids, _), .deletePayload(let ids, _),
            .clearPayload(let ids), .deleteVectors(let ids, _):
            ids
        case .setVectors(let id, _): [id]
        case .publish: []
        }
    }

    /// The vector that it brings.
    var vector: [Float]? {
        switch self {
        case .upsert(let point, _): point.vectors[Self.defaultSpace]
        case .setVectors(_, let vectors): vectors[Self.defaultSpace]
        default: nil
        }
    }

    private static func name(_ text: String) throws(BelfryError) -> PointName {
        guard !text.isBlank, !text.utf8.contains(0) else {
            throw BelfryError(.invalidInput, "\(text.debugDescription) is no id: it has nothing to see, or a U+0000.")
        }
        return PointName(text)
    }

    private static func ids(_ names: [String]) throws(BelfryError) -> [PointID] {
        var ids: [PointID] = []
        for name in names { ids.append(try self.name(name).id) }
        return ids
    }

    /// - Parameter id: whose payload it is, where that is one point's.
    private static func object(_ payload: JSON, of id: String? = nil) throws(BelfryError) -> String {
        var what: String { id.map { "The payload of point \($0.debugDescription)" } ?? "The payload" }
        guard case .object = payload else {
            throw BelfryError(.invalidInput, "\(what) is no JSON object.", remedy: "Write {\"name\": value}.")
        }
        let text = payload.text()
        guard text.utf8.count <= WriteLimits.payload else {
            throw BelfryError(
                .invalidInput, "\(what) has \(text.utf8.count) bytes; it may have \(WriteLimits.payload).",
                remedy: "Keep large texts elsewhere, and their address in the payload.")
        }
        return text
    }

    /// The vector as it will be read back from a segment: rounded to what the collection stores.
    private static func vector(
        _ vector: [Float], _ check: VectorCheck, _ element: ElementType, _ id: String
    ) throws(BelfryError) -> [Float] {
        try vector.withUnsafeBufferPointer { components throws(BelfryError) in
            // Its name is made where it is needed.
            do throws(BelfryError) {
                try check.check(components, "The vector")
            } catch {
                var error = error
                error.message = "Point \(id.debugDescription): \(error.message)"
                throw error
            }
        }
        return try element.rounded(vector, id)
    }
}

extension LogOperation {
    /// So many bytes it takes in the log, at the most.
    fileprivate var mostBytes: Int {
        var bytes = 128 + 17 * ids.count
        switch self {
        case .upsert(let point, _):
            bytes += point.payload.utf8.count + (point.key?.utf8.count ?? 0)
        case .setPayload(_, let json), .overwritePayload(_, let json): bytes += json.utf8.count
        case .deletePayload(_, let keys): bytes += keys.reduce(0) { $0 + $1.utf8.count + 8 }
        default: break
        }
        return bytes + (vector?.count ?? 0) * MemoryLayout<Float>.size
    }
}

extension ElementType {
    /// A vector as it is read back from a segment.
    fileprivate func rounded(_ vector: [Float], _ id: String) throws(BelfryError) -> [Float] {
        guard self != .f32 else { return vector }
        let stored = UnsafeMutableRawPointer.allocate(byteCount: vector.count * size, alignment: 16)
        defer { stored.deallocate() }
        let rounded = [Float](unsafeUninitializedCapacity: vector.count) { target, count in
            vector.withUnsafeBytes { narrow($0.baseAddress!, to: stored, count: vector.count) }
            widen(stored, to: UnsafeMutableRawPointer(target.baseAddress!), count: vector.count)
            count = vector.count
        }
        guard rounded.allSatisfy(\.isFinite) else {
            throw BelfryError(
                .invalidInput, "Point \(id.debugDescription): a component is beyond what \(rawValue) holds.",
                remedy: "Scale the vectors down, or store them as f32.")
        }
        return rounded
    }
}
