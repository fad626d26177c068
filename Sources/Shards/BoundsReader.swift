public import Files

/// Reads the file `bounds` through a mapping: which rows of a shard are a point's, where a point has several vectors.
///
/// A ``SegmentFile`` of kind `bounds`, version 1, with one section:
///
/// | section | what |
/// |---|---|
/// | `starts` | u64 where the rows of each point begin, strictly ascending from 0; and how many rows there are |
///
/// It is verified when it is opened: 8 bytes per point.
public final class BoundsReader: Sendable {
    static let version = 1

    /// How many points there are.
    public let count: Int
    private let file: SegmentFile
    private let starts: Range<Int>

    /// Maps the file at `path` and verifies all of it.
    /// - Throws: `notFound`, `corruptData` with the byte offset, or `unsupported` for a newer format.
    public init(_ path: String) throws(BelfryError) {
        file = try SegmentFile(path, kind: .bounds, newest: Self.version)
        starts = try file.range(of: "starts")
        count = starts.count / 8 - 1
        guard starts.count % 8 == 0, count >= 0 else {
            throw .corrupt("\(starts.count) bytes of bounds are none.", at: .byte(starts.lowerBound, of: path))
        }
        _ = try file.verifiedBytes(of: "starts")
        // What is right by its checksum may still come from somebody who lies.
        for point in 0...count {
            guard point == 0 ? word(0) == 0 : word(point - 1) < word(point), word(point) <= UInt64(UInt32.max) else {
                throw .corrupt(
                    "The bounds of point \(point) are not behind those before.",
                    at: .byte(starts.lowerBound + point * 8, of: path))
            }
        }
    }

    /// Where the file was when it was opened.
    public var path: String { file.path }
    /// Bytes of the file.
    public var fileBytes: Int { file.file.bytes.count }
    /// How many rows all points have together.
    public var rows: Int { Int(word(count)) }

    /// The rows of a point, at least one.
    public func rows(of point: Int) -> Range<Int> {
        precondition(point >= 0 && point < count, "a point of this file")
        return Int(word(point))..<Int(word(point + 1))
    }

    private func word(_ index: Int) -> UInt64 {
        file.file.bytes.loadLittle(starts.lowerBound + index * 8, as: UInt64.self)
    }

    /// Reads every byte of the file at `path` and returns all that is wrong with it.
    static func check(_ path: String) throws(BelfryError) -> [BelfryError] {
        let problems = try SegmentFile(path).problems()
        if problems.isEmpty { _ = try BoundsReader(path) }
        return problems
    }
}
