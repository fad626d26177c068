import Files
import Foundation
import Shards

/// Gathers the bytes of one record's body, and refuses to become larger than a record may be.
///
/// | value | bytes |
/// |---|---|
/// | integer | little-endian |
/// | text | u32 length, UTF-8 |
/// | id | u8 0 and u64, or u8 1 and the 16 bytes of a UUID |
/// | list | u32 count, its elements |
/// | dense vector | u32 dimension, f32 little-endian |
/// | sparse vector | u32 2³² − 1, u32 count, u32 indices, f32 values |
/// | several vectors | u32 2³² − 2, u32 count, u32 dimension, f32 of one behind the other |
struct LogEncoder {
    private(set) var bytes: [UInt8] = []

    mutating func put<T: FixedWidthInteger>(_ value: T) throws(BelfryError) {
        try reserve(MemoryLayout<T>.size)
        bytes.append(littleEndian: value)
    }

    mutating func put(count: Int) throws(BelfryError) {
        guard let count = UInt32(exactly: count) else { throw Self.tooLarge }
        try put(count)
    }

    mutating func put(_ text: String) throws(BelfryError) {
        try put(count: text.utf8.count)
        try reserve(text.utf8.count)
        bytes.append(contentsOf: text.utf8)
    }

    mutating func put(_ texts: [String]) throws(BelfryError) {
        try put(count: texts.count)
        for text in texts { try put(text) }
    }

    mutating func put(_ id: PointID) throws(BelfryError) {
        switch id {
        case .number(let number):
            try put(UInt8(0))
            try put(number)
        case .uuid(let uuid):
            try put(UInt8(1))
            try reserve(16)
            withUnsafeBytes(of: uuid.uuid) { bytes.append(contentsOf: $0) }
        }
    }

    mutating func put(_ ids: [PointID]) throws(BelfryError) {
        try put(count: ids.count)
        for id in ids { try put(id) }
    }

    /// Named vectors, in the order of their names, so that the same write has the same bytes.
    mutating func put(_ vectors: [String: PointVector]) throws(BelfryError) {
        try put(count: vectors.count)
        for (name, vector) in vectors.sorted(by: { $0.key < $1.key }) {
            try put(name)
            switch vector {
            case .dense(let components):
                try put(count: components.count)
                try put(components)
            case .sparse(let vector):
                try put(Self.sparse)
                try put(count: vector.count)
                try put(vector.indices)
                try put(vector.values)
            case .multi(let vectors):
                try put(Self.multi)
                try put(count: vectors.count)
                try put(count: vectors.first?.count ?? 0)
                for vector in vectors { try put(vector) }
            }
        }
    }

    /// These stand where a dense vector has its dimension.
    static let (sparse, multi) = (UInt32.max, UInt32.max - 1)

    private mutating func put<T: BitwiseCopyable>(_ values: [T]) throws(BelfryError) {
        try reserve(values.count * MemoryLayout<T>.stride)
        values.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }

    /// What `body` puts, with its length in front as a u32.
    mutating func putSized(_ body: (inout LogEncoder) throws(BelfryError) -> Void) throws(BelfryError) {
        let place = bytes.count
        try put(UInt32(0))
        try body(&self)
        bytes.replace(at: place, littleEndian: UInt32(bytes.count - place - 4))
    }

    private func reserve(_ count: Int) throws(BelfryError) {
        guard count <= LogFile.recordLimit - bytes.count else { throw Self.tooLarge }
    }

    private static var tooLarge: BelfryError {
        BelfryError(
            .invalidInput,
            "The batch has more than \(LogFile.recordLimit >> 20) MiB (\(LogFile.recordLimit) bytes): the limit of one "
                + "record of the log.", remedy: "Write it in smaller batches.")
    }
}
