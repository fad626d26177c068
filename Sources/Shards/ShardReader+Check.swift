public import Files

extension ShardReader {
    /// Reads every byte of the file, decodes every block, and returns all that is wrong, each with its byte offset.
    public func check() -> [BelfryError] {
        var found = file.problems()
        let bytes = file.file.bytes
        let scratch = Scratch()
        let rows = UnsafeMutableRawBufferPointer.allocate(byteCount: format.blockBytes, alignment: 64)
        defer { rows.deallocate() }
        var end: UInt64 = 0
        for index in 0..<blockCount {
            let place = offsets.lowerBound + index * 8
            let start = bytes.loadLittle(place, as: UInt64.self)
            if start != end {
                found.append(
                    .corrupt(
                        "Block \(index) begins at \(start), not at \(end) where the one before ends.",
                        at: .byte(place, of: path)))
            }
            end = bytes.loadLittle(place + 8, as: UInt64.self)
            do throws(BelfryError) {
                try decodeBlock(index, into: rows, scratch)
            } catch {
                found.append(error)
            }
        }
        let last = offsets.upperBound - 8
        if bytes.loadLittle(last, as: UInt64.self) != UInt64(blocks.count) {
            found.append(.corrupt("The blocks do not end where their section ends.", at: .byte(last, of: path)))
        }
        return found
    }
}
