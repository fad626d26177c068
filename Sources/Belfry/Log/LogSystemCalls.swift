import Foundation

/// The two system calls on which the log's promises stand, so that a test can let them fail.
struct LogSystemCalls: Sendable {
    /// `pwrite`: descriptor, bytes, offset; how many bytes were written, or -1 and `errno`.
    var write: @Sendable (Int32, UnsafeRawBufferPointer, Int) -> Int
    /// `fdatasync`: 0, or -1 and `errno`.
    var sync: @Sendable (Int32) -> Int32

    static let system = LogSystemCalls(
        write: { descriptor, bytes, offset in pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(offset)) },
        sync: { descriptor in fdatasync(descriptor) })
}
