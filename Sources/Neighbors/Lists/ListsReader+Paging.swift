import Files

extension ListsReader {
    /// Tells the kernel whether the codes will be read here and there.
    func expect(randomReads: Bool) { Paging.expect(randomReads: randomReads, of: bytes(of: 0..<listCount)) }

    /// Asks the kernel for the codes of these lists, in the order of the file, without waiting for them.
    func readAhead(_ lists: UnsafePointer<UInt32>, _ count: Int) {
        for list in UnsafeBufferPointer(start: lists, count: count).sorted() {
            Paging.readAhead(bytes(of: Int(list)..<Int(list) + 1))
        }
    }

    private func bytes(of lists: Range<Int>) -> UnsafeRawBufferPointer {
        let (first, end) = (block(of: lists.lowerBound), block(of: lists.upperBound))
        let size = format.rowBlockBytes
        return UnsafeRawBufferPointer(start: blocks + first * size, count: (end - first) * size)
    }
}
