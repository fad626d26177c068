import Files
import Vectors

extension CodesReader {
    /// Asks the kernel for the codes of some rows, without waiting for them. Rows that do not exist are passed over.
    func readAhead(_ rows: UnsafePointer<UInt32>, _ count: Int) {
        for row in UnsafeBufferPointer(start: rows, count: count).sorted() where Int(row) < rowCount {
            Paging.readAhead(.init(start: records + Int(row) * code.recordSize, count: code.recordSize))
        }
    }
}
