import Files

extension ShardReader {
    /// Asks the kernel for the block of a row, without waiting for it. A damaged place is passed over.
    package func readAhead(row: Int) {
        precondition(row >= 0 && row < rowCount, "a row of this shard")
        let index = row / format.rowsPerBlock
        let start = file.file.bytes.loadLittle(offsets.lowerBound + index * 8, as: UInt64.self)
        let end = file.file.bytes.loadLittle(offsets.lowerBound + index * 8 + 8, as: UInt64.self)
        guard start < end, end <= UInt64(blocks.count) else { return }
        let place = blocks.lowerBound + Int(start)..<blocks.lowerBound + Int(end)
        Paging.readAhead(UnsafeRawBufferPointer(rebasing: file.file.bytes[place]))
    }
}
