import Files

/// Writes tensors to a file in the safetensors format, in the order given.
///
/// The first tensor begins at a multiple of 64 bytes; a tensor of floats behind one of bytes is aligned if that one's
/// length is.
struct SafetensorsWriter {
    /// One tensor to write.
    struct Entry {
        var name: String
        /// `F32`, `U8`, …
        var type: String
        var shape: [Int]
        var bytes: [UInt8]
    }

    private var entries: [Entry] = []

    mutating func add(_ name: String, _ shape: [Int], bytes: [UInt8]) {
        precondition(bytes.count == shape.reduce(1, *))
        entries.append(Entry(name: name, type: "U8", shape: shape, bytes: bytes))
    }

    mutating func add(_ name: String, _ shape: [Int], _ values: [Float]) {
        precondition(values.count == shape.reduce(1, *))
        entries.append(Entry(name: name, type: "F32", shape: shape, bytes: values.withUnsafeBytes(Array.init)))
    }

    /// Writes the file and syncs it.
    func write(to path: String) throws(BelfryError) {
        var header = SafetensorsHeader()
        for entry in entries { header.add(entry.name, type: entry.type, shape: entry.shape, bytes: entry.bytes.count) }
        let writer = try FileWriter(path)
        try header.write(to: writer)
        for entry in entries {
            try entry.bytes.withBytes { bytes throws(BelfryError) in try writer.write(bytes) }
        }
        try writer.finish()
    }
}
