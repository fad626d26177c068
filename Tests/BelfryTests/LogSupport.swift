import Files
import Foundation
import Shards
import TestSupport
import Vectors

@testable import Belfry

/// What replaying a log gave.
struct Replayed {
    var batches: [[LogOperation]] = []
    var lsns: [UInt64] = []
    var end: LogEnd?
    var error: BelfryError?

    init(_ folder: String, from: UInt64 = 1, applied: UInt64 = 0) {
        do throws(BelfryError) {
            end = try LogReader(folder).replay(from: from, applied: applied) { lsn, batch in
                lsns.append(lsn)
                batches.append(batch)
            }
        } catch {
            self.error = error
        }
    }
}

/// The first file of a small log as its bytes, in a folder of its own.
struct LogImage {
    let folder: String
    var path: String { folder + "/000001" }
    let file: LogFile
    let batches: [[LogOperation]]
    let bytes: [UInt8]
    /// Where each record begins, and where the last ends.
    let offsets: [Int]

    /// Writes batches in groups: each group is one append and one sync.
    init(_ folder: String, groups: [[[LogOperation]]], step: Int = 0) throws {
        self.folder = folder
        batches = groups.flatMap { $0 }
        let writer = try LogWriter(folder, step: step)
        file = writer.files[0]
        var offsets = [writer.size]
        for group in groups {
            for batch in group {
                let size = try LogRecord.encode(batch, lsn: 1, synced: 0, identity: file.identity).count
                offsets.append(offsets.last! + size)
            }
            _ = try writer.append(group)
            try writer.sync()
        }
        self.offsets = offsets
        bytes = try contents(of: folder + "/000001")
    }

    /// What a reader finds when the file has these bytes.
    func replay(_ bytes: [UInt8], applied: UInt64 = 0) throws -> Replayed {
        try Data(bytes).writeAnew(to: path)
        return Replayed(folder, applied: applied)
    }
}

func contents(of path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

/// The error of a call that is expected to fail.
func failure(of body: () throws -> Void) -> BelfryError? {
    do { try body() } catch { return error as? BelfryError }
    return nil
}

extension SeededGenerator {
    mutating func text(_ limit: Int = 12) -> String {
        let letters = Array("abcxyz 0189{}\":,äß–汉🛰️\u{0}")
        return String((0..<Int.random(in: 0...limit, using: &self)).map { _ in letters.randomElement(using: &self)! })
    }

    mutating func pointID() -> PointID {
        if Bool.random(using: &self) { return .number([0, 1, .max, next()].randomElement(using: &self)!) }
        return .uuid(
            UUID(uuid: (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, UInt8.random(in: 0...255, using: &self))))
    }

    mutating func pointIDs() -> [PointID] { (0..<Int.random(in: 0...3, using: &self)).map { _ in pointID() } }

    mutating func texts() -> [String] { (0..<Int.random(in: 0...3, using: &self)).map { _ in text() } }

    mutating func vectors() -> [String: PointVector] {
        var vectors: [String: PointVector] = [:]
        for _ in 0..<Int.random(in: 0...2, using: &self) {
            let values = vector(Int.random(in: 0...5, using: &self)).map { $0.isFinite ? $0 : 0 }
            let indices = (0..<UInt32(values.count)).map { $0 * 0x2aaa_aaaa }
            vectors[text()] =
                switch Int.random(in: 0..<3, using: &self) {
                case 0: .dense(values)
                case 1: .sparse((try? SparseVector(indices: indices, values: values)) ?? SparseVector())
                default: .multi(values.isEmpty ? [] : [values, values.reversed()])
                }
        }
        return vectors
    }

    mutating func operation() -> LogOperation {
        switch Int.random(in: 0..<15, using: &self) {
        case 0:
            let point = LogPoint(
                id: pointID(), key: Bool.random(using: &self) ? text() : nil, vectors: vectors(), payload: text(40))
            let conditions: [WriteCondition] = [.always, .insertOnly, .updateOnly, .version(next())]
            return .upsert(point: point, condition: conditions.randomElement(using: &self)!)
        case 1: return .delete(ids: pointIDs())
        case 2: return .setPayload(ids: pointIDs(), json: text(40))
        case 3: return .overwritePayload(ids: pointIDs(), json: text(40))
        case 4: return .deletePayload(ids: pointIDs(), keys: texts())
        case 5: return .clearPayload(ids: pointIDs())
        case 6: return .setVectors(id: pointID(), vectors: vectors())
        case 7: return .deleteVectors(ids: pointIDs(), names: texts())
        case 8: return .setPayloadAt(ids: pointIDs(), path: text(), json: text(40))
        case 9: return .deletePayloadAt(ids: pointIDs(), paths: texts())
        case 10: return .note(.seen(pointIDs(), seconds: UInt32.random(in: 0 ... .max, using: &self)), user: text())
        case 11: return .note(.forgotten(pointIDs()), user: text())
        case 13: return .overwritePayloadAt(ids: pointIDs(), path: text(), json: text(40))
        case 12: return .note(.forgottenBefore(next()), user: text())
        default:
            let number = Int.random(in: 1...LogFile.numberLimit, using: &self)
            return .publish(StagedBatch(number: number, operations: Int.random(in: 0...Int.max, using: &self)))
        }
    }

    mutating func batch(_ limit: Int = 3) -> [LogOperation] {
        (0..<Int.random(in: 0...limit, using: &self)).map { _ in operation() }
    }
}

extension Array where Element == UInt8 {
    mutating func put<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        Swift.withUnsafeBytes(of: value.littleEndian) { replaceSubrange(offset..<offset + $0.count, with: $0) }
    }

    /// With the header's checksum made right again.
    var resealedHeader: [UInt8] {
        var bytes = self
        bytes.put(UInt32(0), at: 12)
        let crc = bytes[..<64].withUnsafeBytes { CRC32C.of($0) }
        bytes.put(crc, at: 12)
        return bytes
    }
}
