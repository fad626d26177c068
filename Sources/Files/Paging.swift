import Foundation

/// Advice to the kernel about mapped bytes, for files that are larger than memory.
package enum Paging {
    /// Random reads bring in what is asked for and nothing around it.
    package static func expect(randomReads: Bool, of bytes: UnsafeRawBufferPointer) {
        advise(bytes, randomReads ? MADV_RANDOM : MADV_NORMAL)
    }

    /// Asks for bytes without waiting for them.
    package static func readAhead(_ bytes: UnsafeRawBufferPointer) { advise(bytes, MADV_WILLNEED) }

    /// Advice is for whole pages: all that hold some of the bytes. That it is not taken changes nothing but time.
    private static func advise(_ bytes: UnsafeRawBufferPointer, _ advice: Int32) {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return }
        let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
        let first = UInt(bitPattern: start) / page * page
        let end = UInt(bitPattern: start) + UInt(bytes.count)
        madvise(UnsafeMutableRawPointer(bitPattern: first), Int(end - first), advice)
    }
}
