import Files
import Foundation
import Shards
import Vectors

// The bytes of an operation: a tag, then its fields as ``LogEncoder`` writes them.
//
// | tag (u8) | operation | fields |
// |---|---|---|
// | 1 | upsert | id, u8 1 and key or u8 0, vectors, payload, condition |
// | 2 | delete | ids |
// | 3 | setPayload | ids, JSON text |
// | 4 | overwritePayload | ids, JSON text |
// | 5 | deletePayload | ids, keys |
// | 6 | clearPayload | ids |
// | 7 | setVectors | id, vectors |
// | 8 | deleteVectors | ids, names |
// | 9 | publish | u64 number of the file, u64 number of its operations |
// | 10 | setPayloadAt | ids, path, JSON text |
// | 11 | deletePayloadAt | ids, paths |
// | 12 | note, seen | user, ids, u32 seconds |
// | 13 | note, forgotten | user, ids |
// | 14 | note, forgottenBefore | user, u64 seconds |
// | 15 | overwritePayloadAt | ids, path, JSON text |
//
// Vectors are a list of name and vector. A condition is u8 0 always, 1 insertOnly, 2 updateOnly, or 3 and u64 version.
// Numbers that are not in these tables are for later versions: `unsupported`. Everything else that does not fit is
// `corruptData`, and no byte may be left over.

extension LogOperation {
    /// - Throws: `invalidInput` where the record would be too large, or a number is negative.
    func encode(into encoder: inout LogEncoder) throws(BelfryError) {
        switch self {
        case .upsert(let point, let condition):
            try encoder.put(UInt8(1))
            try encoder.put(point.id)
            try encoder.put(UInt8(point.key == nil ? 0 : 1))
            if let key = point.key { try encoder.put(key) }
            try encoder.put(point.vectors)
            try encoder.put(point.payload)
            try condition.encode(into: &encoder)
        case .delete(let ids):
            try encoder.put(UInt8(2))
            try encoder.put(ids)
        case .setPayload(let ids, let json):
            try encoder.put(UInt8(3))
            try encoder.put(ids)
            try encoder.put(json)
        case .overwritePayload(let ids, let json):
            try encoder.put(UInt8(4))
            try encoder.put(ids)
            try encoder.put(json)
        case .deletePayload(let ids, let keys):
            try encoder.put(UInt8(5))
            try encoder.put(ids)
            try encoder.put(keys)
        case .clearPayload(let ids):
            try encoder.put(UInt8(6))
            try encoder.put(ids)
        case .setVectors(let id, let vectors):
            try encoder.put(UInt8(7))
            try encoder.put(id)
            try encoder.put(vectors)
        case .deleteVectors(let ids, let names):
            try encoder.put(UInt8(8))
            try encoder.put(ids)
            try encoder.put(names)
        case .publish(let batch):
            try encoder.put(UInt8(9))
            try encoder.put(UInt64(batch.number))
            try encoder.put(UInt64(batch.operations))
        case .setPayloadAt(let ids, let path, let json):
            try encoder.put(UInt8(10))
            try encoder.put(ids)
            try encoder.put(path)
            try encoder.put(json)
        case .deletePayloadAt(let ids, let paths):
            try encoder.put(UInt8(11))
            try encoder.put(ids)
            try encoder.put(paths)
        case .overwritePayloadAt(let ids, let path, let json):
            try encoder.put(UInt8(15))
            try encoder.put(ids)
            try encoder.put(path)
            try encoder.put(json)
        case .note(.seen(let ids, let seconds), let user):
            try encoder.put(UInt8(12))
            try encoder.put(user)
            try encoder.put(ids)
            try encoder.put(seconds)
        case .note(.forgotten(let ids), let user):
            try encoder.put(UInt8(13))
            try encoder.put(user)
            try encoder.put(ids)
        case .note(.forgottenBefore(let seconds), let user):
            try encoder.put(UInt8(14))
            try encoder.put(user)
            try encoder.put(seconds)
        }
    }

    /// The operation that all bytes of `reader` are.
    init(_ reader: inout ByteReader) throws(BelfryError) {
        let place = reader.location
        switch try reader.read(UInt8.self, "The operation") {
        case 1:
            let id = try reader.pointID()
            let hasKey = try reader.flag("The mark of a key")
            let point = LogPoint(
                id: id, key: hasKey ? try reader.text("The key") : nil, vectors: try reader.vectors(),
                payload: try reader.text("The payload"))
            self = .upsert(point: point, condition: try WriteCondition(&reader))
        case 2: self = .delete(ids: try reader.pointIDs())
        case 3: self = .setPayload(ids: try reader.pointIDs(), json: try reader.text("The payload"))
        case 4: self = .overwritePayload(ids: try reader.pointIDs(), json: try reader.text("The payload"))
        case 5: self = .deletePayload(ids: try reader.pointIDs(), keys: try reader.texts("A key"))
        case 6: self = .clearPayload(ids: try reader.pointIDs())
        case 7: self = .setVectors(id: try reader.pointID(), vectors: try reader.vectors())
        case 8: self = .deleteVectors(ids: try reader.pointIDs(), names: try reader.texts("A vector's name"))
        case 9:
            let number = try reader.readCount(UInt64.self, "The number of a batch")
            let operations = try reader.readCount(UInt64.self, "The number of its operations")
            guard 1...LogFile.numberLimit ~= number else { throw .corrupt("No batch has this number.", at: place) }
            self = .publish(StagedBatch(number: number, operations: operations))
        case 10:
            self = .setPayloadAt(
                ids: try reader.pointIDs(), path: try reader.text("A path"), json: try reader.text("The payload"))
        case 11: self = .deletePayloadAt(ids: try reader.pointIDs(), paths: try reader.texts("A path"))
        case 12:
            let user = try reader.text("A user")
            self = .note(
                .seen(try reader.pointIDs(), seconds: try reader.read(UInt32.self, "The time")), user: user)
        case 13:
            let user = try reader.text("A user")
            self = .note(.forgotten(try reader.pointIDs()), user: user)
        case 14:
            let user = try reader.text("A user")
            self = .note(.forgottenBefore(try reader.read(UInt64.self, "The time")), user: user)
        case 15:
            self = .overwritePayloadAt(
                ids: try reader.pointIDs(), path: try reader.text("A path"), json: try reader.text("The payload"))
        case let tag: throw .fromNewer("operation", tag, at: place)
        }
        guard reader.remaining == 0 else {
            throw .corrupt("\(reader.remaining) bytes follow an operation's last field.", at: reader.location)
        }
    }
}

extension WriteCondition {
    fileprivate func encode(into encoder: inout LogEncoder) throws(BelfryError) {
        switch self {
        case .always: try encoder.put(UInt8(0))
        case .insertOnly: try encoder.put(UInt8(1))
        case .updateOnly: try encoder.put(UInt8(2))
        case .version(let version):
            try encoder.put(UInt8(3))
            try encoder.put(version)
        }
    }

    fileprivate init(_ reader: inout ByteReader) throws(BelfryError) {
        let place = reader.location
        switch try reader.read(UInt8.self, "The condition") {
        case 0: self = .always
        case 1: self = .insertOnly
        case 2: self = .updateOnly
        case 3: self = .version(try reader.read(UInt64.self, "The version"))
        case let kind: throw .fromNewer("condition", kind, at: place)
        }
    }
}

extension BelfryError {
    fileprivate static func fromNewer(_ what: String, _ number: UInt8, at place: Location) -> BelfryError {
        BelfryError(
            .unsupported, "The log has a write with \(what) \(number): it was written by a newer belfry.", at: place,
            remedy: "Open the collection with the belfry that wrote it, or a newer one.")
    }
}

extension ByteReader {
    fileprivate mutating func flag(_ what: String) throws(BelfryError) -> Bool {
        let place = location
        let value = try read(UInt8.self, what)
        guard value <= 1 else { throw .corrupt("\(what) is \(value), neither 0 nor 1.", at: place) }
        return value == 1
    }

    fileprivate mutating func text(_ what: String) throws(BelfryError) -> String {
        let length = try readCount(UInt32.self, "The length of \(what.lowercased())")
        let place = location
        guard let text = String(validating: try read(bytes: length, what), as: UTF8.self) else {
            throw .corrupt("\(what) is not UTF-8.", at: place)
        }
        return text
    }

    /// No room is reserved for a list: its count may be a lie, and each element has at least one byte.
    fileprivate mutating func texts(_ what: String) throws(BelfryError) -> [String] {
        var texts: [String] = []
        for _ in 0..<(try readCount(UInt32.self, "The number of texts")) { texts.append(try text(what)) }
        return texts
    }

    fileprivate mutating func pointID() throws(BelfryError) -> PointID {
        guard try flag("The kind of an id") else { return .number(try read(UInt64.self, "An id")) }
        return .uuid(UUID(uuid: try read(bytes: 16, "An id").loadUnaligned(as: uuid_t.self)))
    }

    fileprivate mutating func pointIDs() throws(BelfryError) -> [PointID] {
        var ids: [PointID] = []
        for _ in 0..<(try readCount(UInt32.self, "The number of ids")) { ids.append(try pointID()) }
        return ids
    }

    fileprivate mutating func vectors() throws(BelfryError) -> [String: PointVector] {
        var vectors: [String: PointVector] = [:]
        for _ in 0..<(try readCount(UInt32.self, "The number of vectors")) {
            let place = location
            let name = try text("A vector's name")
            let vector = try vector("The vector “\(name)”")
            guard vectors.updateValue(vector, forKey: name) == nil else {
                throw .corrupt("The vector “\(name)” is there twice.", at: place)
            }
        }
        return vectors
    }

    private mutating func vector(_ what: String) throws(BelfryError) -> PointVector {
        let dimension = try readCount(UInt32.self, "The dimension of \(what.lowercased())")
        if dimension == Int(LogEncoder.multi) { return .multi(try vectors(what)) }
        guard dimension == Int(LogEncoder.sparse) else { return .dense(try numbers(dimension, what)) }
        let count = try readCount(UInt32.self, "The number of terms of \(what.lowercased())")
        let place = location
        let (indices, values): ([UInt32], [Float]) = (try numbers(count, what), try numbers(count, what))
        guard let vector = try? SparseVector(indices: indices, values: values), vector.indices == indices else {
            throw .corrupt("\(what) is no sparse vector.", at: place)
        }
        return .sparse(vector)
    }

    private mutating func vectors(_ what: String) throws(BelfryError) -> [[Float]] {
        let count = try readCount(UInt32.self, "The number of vectors of \(what.lowercased())")
        let dimension = try readCount(UInt32.self, "The dimension of \(what.lowercased())")
        let place = location
        // A count that no bytes go with could be any.
        guard dimension > 0 || count == 0 else { throw .corrupt("\(what) has no components.", at: place) }
        var vectors: [[Float]] = []
        for _ in 0..<count { vectors.append(try numbers(dimension, what)) }
        return vectors
    }

    private mutating func numbers<T: BitwiseCopyable>(_ count: Int, _ what: String) throws(BelfryError) -> [T] {
        let bytes = try read(bytes: count * MemoryLayout<T>.stride, what)
        return [T](unsafeUninitializedCapacity: count) { target, filled in
            UnsafeMutableRawBufferPointer(target).copyMemory(from: bytes)
            filled = count
        }
    }
}
