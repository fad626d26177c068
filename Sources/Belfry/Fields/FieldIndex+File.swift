public import Files
import Foundation
public import Shards

/// The file of a field index: a ``SegmentFile`` of kind `field`, version 1.
///
/// | section | bytes | what |
/// |---|---|---|
/// | `params` | | u32 the kind of values (``FieldKind``), u32 0, u64 the version, u64 the bound B of slots, the path's text |
/// | `present` | 8 × ⌈B ÷ 64⌉ | the slots whose field is there; slot `s` is bit `s % 64` of word `s / 64` |
/// | `filled` | as above | those that have more there than null and empty lists |
/// | `nulls` | as above | those that have a null |
/// | `ones` | as above | those that have one value at some place of the path |
/// | `typed` | as above | those that have a value of the kind |
/// | `others` | as above | those that have another value, null apart |
/// | `counts` | 4 × C | u32 how many values, if not one, in growing order |
/// | `counted` | 4 × C | u32 the slots that have them, those of a count in growing order |
/// | `keys` | | see below |
/// | `east` | 8 × N | of places alone: the longitudes, f64 |
/// | `starts` | 8 × (K + 1) | of dictionaries alone: u64 where in `keys` each text begins, and where the last one ends |
/// | `firsts` | 8 × (K + 1) | of dictionaries alone: u64 where in `slots` those of each text begin, and the end |
/// | `slots` | 4 × N | u32 the slot of each value |
///
/// `keys` are N values in order, of the same value by growing slot: i64 for whole numbers, true (1) and false (0), and
/// times (microseconds since 1970), f64 for numbers and for the latitudes of places, two u64 for UUIDs. Of dictionaries they
/// are K texts, or words, by growing bytes, one after another. All integers are little-endian.
///
/// Opening verifies header, table and `params`; every other section is verified when it is first read.
enum FieldFormat {
    static let version = 1
    static let sections =
        ["params"] + FieldShape.allCases.map(\.name) + [
            "counts", "counted", "keys", "east", "starts", "firsts", "slots",
        ]
}

/// What a field is in a slot: a bitmap of the slots for which it is so.
enum FieldShape: Int, CaseIterable {
    /// It is there.
    case present
    /// There is more than null and empty lists.
    case filled
    /// There is a null.
    case nulls
    /// It has one value at some place of the path.
    case ones
    /// There is a value of the index's kind.
    case typed
    /// There is another value, null apart.
    case others

    /// The section's name.
    var name: String { "\(self)" }
}

extension SegmentFile.Kind {
    /// The values of a payload field: see ``FieldIndex``.
    public static let field = SegmentFile.Kind(rawValue: "field")
}

extension FieldIndex {
    /// Writes the columns, in the place of a file that may be there, and makes them survive a power cut. What has changed
    /// since they were made comes into them first.
    /// - Parameter version: up to which write the index has everything.
    public func write(to path: String, version: UInt64) throws(BelfryError) {
        let whole = changes.isEmpty ? self : try compact()
        let file = try SegmentFileWriter(
            path, kind: .field, version: FieldFormat.version, sections: FieldFormat.sections)
        try file.begin("params")
        try file.write(field.kind.code)
        try file.write(UInt32(0))
        try file.write(version)
        try file.write(UInt64(whole.bound))
        try Array(field.path.description.utf8).withBytes { bytes throws(BelfryError) in try file.write(bytes) }
        for name in FieldFormat.sections.dropFirst() {
            try file.begin(name)
            try file.write(try whole.sections.bytes(name))
        }
        try file.finish()
    }

    /// Maps the file at `path`; its columns are read when they are needed.
    /// - Throws: `notFound`, `corruptData` with the byte offset, or `unsupported` for a newer format.
    public init(opening path: String) throws(BelfryError) {
        let file = try SegmentFile(path, kind: .field, newest: FieldFormat.version)
        let place = try file.range(of: "params").lowerBound
        let bytes = try file.verifiedBytes(of: "params")
        var reader = ByteReader(bytes, file: path, base: place)
        let code = try reader.read(UInt32.self, "The kind of values")
        guard let kind = FieldKind.allCases.first(where: { $0.code == code }) else {
            throw .corrupt("The kind of values \(code) does not exist.", at: .byte(place, of: path))
        }
        guard try reader.read(UInt32.self, "A reserved number") == 0 else {
            throw .corrupt("A reserved number is not zero.", at: .byte(place + 4, of: path))
        }
        let version = try reader.read(UInt64.self, "The version")
        let bound = try reader.readCount(UInt64.self, "The bound of slots")
        guard bound <= Int(UInt32.max) + 1 else {
            throw .corrupt("\(bound) slots are more than 32 bits can number.", at: .byte(place + 16, of: path))
        }
        let text = String(decoding: try reader.read(bytes: reader.remaining, "The path"), as: UTF8.self)
        guard let fieldPath = try? JSONPath(text) else {
            throw .corrupt("\(text.debugDescription) is no path of a field.", at: .byte(place + 24, of: path))
        }
        for name in FieldShape.allCases.map(\.name) {
            let range = try file.range(of: name)
            guard range.count == (bound + 63) / 64 * 8 else {
                throw .corrupt(
                    "The section “\(name)” has \(range.count) bytes for \(bound) slots.",
                    at: .byte(range.lowerBound, of: path))
            }
        }
        self.init(field: IndexedField(fieldPath, kind), version: version, sections: FieldSections(file), bound: bound)
    }
}
