import CZlib
public import Foundation

extension Data {
    /// The bytes as one gzip member.
    public var gzipped: Data {
        var stream = z_stream()
        let size = Int32(MemoryLayout<z_stream>.size)
        precondition(deflateInit2_(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK)
        defer { deflateEnd(&stream) }
        var input = [UInt8](self)
        var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(count))) + 64)
        let room = output.count
        input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                (stream.next_in, stream.avail_in) = (input.baseAddress, UInt32(input.count))
                (stream.next_out, stream.avail_out) = (output.baseAddress, UInt32(room))
                precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END)
            }
        }
        return Data(output.prefix(room - Int(stream.avail_out)))
    }
}
