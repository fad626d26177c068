import Files

/// The start of a safetensors file that is being written: which tensor lies where.
///
/// It is padded so that the first tensor begins at a multiple of 64 bytes.
struct SafetensorsHeader {
    private var members = JSON.Members()
    private var end = 0

    /// The next tensor, whose bytes follow those of the one before.
    mutating func add(_ name: String, type: String, shape: [Int], bytes: Int) {
        members[name] = .object([
            "dtype": .string(type), "shape": .array(shape.map { .integer(Int64($0)) }),
            "data_offsets": .array([.integer(Int64(end)), .integer(Int64(end + bytes))]),
        ])
        end += bytes
    }

    /// Writes the header's length and the header; the tensors' bytes come next.
    func write(to writer: FileWriter) throws(BelfryError) {
        var header = Array(JSON.object(members).text().utf8)
        header += [UInt8](repeating: UInt8(ascii: " "), count: (64 - (8 + header.count) % 64) % 64)
        try writer.write(UInt64(header.count))
        try header.withBytes { bytes throws(BelfryError) in try writer.write(bytes) }
    }
}
