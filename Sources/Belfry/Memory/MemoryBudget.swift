package import Files
package import Neighbors

/// How much memory a build or a merge may take for itself, and how many rows a segment may have for that.
///
/// What counts is what the process allocates. Files are mapped: their pages are the system's, which takes them back when
/// it needs them. An eighth of the limit is left to them.
package struct MemoryBudget: Hashable, Sendable {
    /// Bytes that the process may have in memory.
    package let limit: Int
    /// Whether somebody has said so: then mapped pages are kept below it, too.
    package let isExplicit: Bool

    /// A limit that somebody gave; nil for half of what the process may fill.
    package init(limit: Int?) {
        self.limit = limit ?? System.memoryLimit / 2
        isExplicit = limit != nil
        System.giveBackFreedMemory()
    }

    /// What holds mapped pages below the limit, as long as it is kept; nil where nobody gave one.
    package func guarded() -> MemoryGuard? { isExplicit ? MemoryGuard(limit: limit) : nil }

    /// What is known of every row while some are worked on: its id, its slot, and where its vector is.
    package static let bytesPerRow = 52
    /// A build ends in so many segments at the most.
    private static let mostSegments = 64
    /// A segment of fewer rows is none.
    private static let fewestRows = 1_000

    /// How many rows each segment may have that `rows` rows are built into.
    /// - Parameters:
    ///   - memory: what the build of a segment takes.
    ///   - beside: bytes of what is in memory all the time, such as a tower.
    /// - Throws: `invalidInput` where the limit is too small for anything, with the least that is enough.
    package func segmentRows(
        _ memory: SegmentMemory, of rows: Int, beside: Int
    ) throws(BelfryError) -> Int {
        let held = SegmentMemory.fixed + beside + rows * Self.bytesPerRow
        let most = memory.mostRows(bytes: own - held)
        let fewest = min(rows, max(Self.fewestRows, (rows + Self.mostSegments - 1) / Self.mostSegments))
        guard most >= fewest else {
            let least = (held + memory.bytes(rows: fewest)) / 7 * 8 + (1 << 20)
            throw BelfryError(
                .invalidInput,
                "\(ByteSize(bytes: limit)) of memory are too few for \(rows) rows of \(memory.dimension) components.",
                remedy: "The least that is enough is \(ByteSize(bytes: least)).")
        }
        return most
    }

    /// How many rows a merge may make one segment with an index of, beside a writer with its tables, and beside a copy.
    package func mergedRows(_ memory: SegmentMemory) -> Int {
        memory.mostRows(bytes: merges / 8 * 7, bytesPerRow: Self.bytesPerRow)
    }

    /// How many rows a merge may make one segment without an index of, beside all that.
    package func copiedRows(_ memory: SegmentMemory) -> Int {
        memory.mostRows(bytes: merges / 8, bytesPerRow: Self.bytesPerRow)
    }

    private var merges: Int { max(0, own - SegmentMemory.fixed - Self.tables) }

    /// How many rows of so many bytes are embedded at a time, at the most.
    package func batchRows(rowBytes: Int) -> Int { max(Self.fewestRows, own / 16 / max(1, rowBytes)) }

    /// What a writer holds of vectors that no segment has yet: a table, one that is being sealed, and what is made of it.
    private static let tables = 96 << 20

    /// What is left for what the process allocates.
    package var own: Int { limit / 8 * 7 }
}

/// Numbers cut into stretches of about equal length.
package enum EqualParts {
    /// `0..<count` in as few parts as hold at most `most` each.
    package static func of(_ count: Int, most: Int) -> [Range<Int>] {
        let parts = count == 0 ? 1 : (count - 1) / max(1, most) + 1
        return (0..<parts).map { $0 * count / parts..<($0 + 1) * count / parts }
    }
}
