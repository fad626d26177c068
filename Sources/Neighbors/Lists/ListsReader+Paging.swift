import Foundation

extension ListsReader {
    /// Tells the kernel how the codes will be read. Random reads bring in what was asked for and nothing around it.
    func expect(randomReads: Bool) {
        advise(0, block(of: listCount), randomReads ? MADV_RANDOM : MADV_NORMAL)
    }

    /// Asks the kernel for the codes of these lists, in the order of the file, without waiting for them.
    func readAhead(_ lists: UnsafePointer<UInt32>, _ count: Int) {
        for list in UnsafeBufferPointer(start: lists, count: count).sorted() {
            advise(block(of: Int(list)), block(of: Int(list) + 1), MADV_WILLNEED)
        }
    }

    private func advise(_ firstBlock: Int, _ endBlock: Int, _ advice: Int32) {
        guard firstBlock < endBlock else { return }
        let bytes = format.rowBlockBytes
        // A page that two lists share is asked for twice.
        Paging.advise(blocks + firstBlock * bytes, (endBlock - firstBlock) * bytes, advice)
    }
}
