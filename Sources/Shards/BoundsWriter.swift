public import Files

/// Writes the file `bounds`. The format is described at ``BoundsReader``.
public enum BoundsWriter {
    /// Writes the file, in the place of one that may be there, and makes it survive a power cut.
    /// - Parameter counts: how many rows each point has, at least one.
    public static func write(_ counts: [Int], to path: String) throws(BelfryError) {
        let file = try SegmentFileWriter(path, kind: .bounds, version: BoundsReader.version, sections: ["starts"])
        try file.begin("starts")
        var start: UInt64 = 0
        try file.write(start)
        for count in counts {
            precondition(count > 0, "a point has a vector")
            start += UInt64(count)
            try file.write(start)
        }
        try file.finish()
    }
}
