public import Files

/// Writes the file `slots`, which says which slot each row's point has. The format is described at ``SlotsReader``.
public enum SlotsWriter {
    /// Writes the file, in the place of one that may be there, and makes it survive a power cut.
    /// - Parameter slots: the slot of every row; no slot twice.
    public static func write(_ slots: [Slot], to path: String) throws(BelfryError) {
        let file = try SegmentFileWriter(
            path, kind: .slots, version: SlotsReader.version, sections: ["slots", "order"])
        try file.begin("slots")
        for slot in slots { try file.write(slot) }
        try file.begin("order")
        for row in slots.indices.sorted(by: { slots[$0] < slots[$1] }) { try file.write(UInt32(row)) }
        try file.finish()
    }
}
