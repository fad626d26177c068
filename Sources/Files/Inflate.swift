import CZlib
import Foundation

/// Memory that is given back when the last owner lets go: what an archive member inflates into.
///
/// Unlike an array it can fail to be allocated, which a hostile size must not turn into a trap.
final class OwnedBytes: @unchecked Sendable {
    /// The memory. Written only before the object is shared.
    let bytes: UnsafeMutableRawBufferPointer

    /// `count` bytes that hold nothing in particular yet.
    init(count: Int, at location: BelfryError.Location) throws(BelfryError) {
        guard let start = malloc(max(count, 1)) else {
            throw BelfryError(
                .io, "There is no memory for \(count) bytes.", at: location,
                remedy: "Save the array uncompressed (np.save or np.savez): then it is mapped, not copied.")
        }
        bytes = UnsafeMutableRawBufferPointer(start: start, count: count)
    }

    deinit { free(bytes.baseAddress) }
}

/// One zlib decompression, fed piece by piece. zlib keeps a pointer back to its state, so that the state has an
/// address of its own.
final class InflateStream {
    /// How the compressed bytes are wrapped.
    enum Wrapping: Int32 {
        /// Nothing around them (RFC 1951), as in a zip archive.
        case raw = -15
        /// A gzip header, and a checksum that zlib verifies (RFC 1952).
        case gzip = 31
    }

    /// What one step ended with.
    enum Outcome {
        /// More input or more room is needed.
        case more
        /// The stream is complete.
        case end
        /// The bytes are no deflate stream, for this reason.
        case corrupt(String)
    }

    private let stream: UnsafeMutablePointer<z_stream>

    /// A stream that has read nothing.
    init(_ wrapping: Wrapping) throws(BelfryError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let size = Int32(MemoryLayout<z_stream>.size)
        guard inflateInit2_(stream, wrapping.rawValue, ZLIB_VERSION, size) == Z_OK else {
            stream.deallocate()
            throw BelfryError(.io, "zlib cannot start: there is no memory for its window.")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Makes the stream ready for another member.
    func reset() { inflateReset(stream) }

    /// Inflates from `input` into `output` until one of them is used up, or the stream ends.
    func step(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) -> (read: Int, written: Int, outcome: Outcome) {
        // zlib counts in 32 bits; the caller goes on from what was used.
        let available = min(input.count, 1 << 30)
        let room = min(output.count, 1 << 30)
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(available)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(room)
        let status = inflate(stream, Z_NO_FLUSH)
        let outcome: Outcome =
            switch status {
            case Z_OK, Z_BUF_ERROR: .more
            case Z_STREAM_END: .end
            case Z_NEED_DICT: .corrupt("it asks for a preset dictionary")
            case Z_MEM_ERROR: .corrupt("zlib ran out of memory")
            default: .corrupt(stream.pointee.msg.map { String(cString: $0) } ?? "zlib status \(status)")
            }
        return (available - Int(stream.pointee.avail_in), room - Int(stream.pointee.avail_out), outcome)
    }
}

/// The checksum of zip and gzip (the "CRC-32" of zlib, not the Castagnoli one of Belfry's own files).
enum CRC32 {
    static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        UInt32(crc32_z(0, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count))
    }
}
