import Foundation
import Vectors

extension CodesReader {
    /// Tells the kernel how the codes will be read. Random reads bring in what was asked for and nothing around it.
    func expect(randomReads: Bool) {
        Paging.advise(records, rowCount * code.recordSize, randomReads ? MADV_RANDOM : MADV_NORMAL)
    }

    /// Asks the kernel for the codes of some rows, without waiting for them. Rows that do not exist are passed over.
    func readAhead(_ rows: UnsafePointer<UInt32>, _ count: Int) {
        for row in UnsafeBufferPointer(start: rows, count: count).sorted() where Int(row) < rowCount {
            Paging.advise(records + Int(row) * code.recordSize, code.recordSize, MADV_WILLNEED)
        }
    }
}

/// Advice to the kernel about mapped bytes.
enum Paging {
    /// Advice is for whole pages: all that hold some of the bytes.
    static func advise(_ start: UnsafePointer<UInt8>, _ count: Int, _ advice: Int32) {
        guard count > 0 else { return }
        let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
        let first = UInt(bitPattern: start) / page * page
        let end = UInt(bitPattern: start) + UInt(count)
        madvise(UnsafeMutableRawPointer(bitPattern: first), Int(end - first), advice)
    }
}
