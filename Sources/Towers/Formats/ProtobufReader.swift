import Files

/// The fields of a protobuf message, one after the other.
struct ProtobufReader {
    enum Value {
        case number(UInt64)
        /// 32 bits.
        case word(UInt32)
        /// The bytes and where in the file they begin.
        case bytes(UnsafeRawBufferPointer, Int)
        /// 64 bits, which nothing here needs.
        case long
    }

    private var reader: ByteReader
    private let base: Int
    let file: String

    init(_ bytes: UnsafeRawBufferPointer, file: String, base: Int = 0) {
        reader = ByteReader(bytes, file: file, base: base)
        self.file = file
        self.base = base
    }

    var location: BelfryError.Location { reader.location }

    /// The next field's number and value; nil at the end.
    mutating func next() throws(BelfryError) -> (Int, Value)? {
        guard reader.remaining > 0 else { return nil }
        // A file has some hundred thousand fields: texts of errors are made where there is one.
        let start = base + reader.offset
        var place: BelfryError.Location { .byte(start, of: file) }
        let tag = try number("A field")
        guard tag >> 3 > 0, tag >> 3 < 1 << 29 else { throw .corrupt("A field has no number.", at: place) }
        let field = Int(tag >> 3)
        switch tag & 7 {
        case 0: return (field, .number(try number("A number")))
        case 1:
            _ = try reader.read(bytes: 8, "A number of 64 bits")
            return (field, .long)
        case 2:
            let count = try number("A length")
            guard count <= UInt64(reader.remaining) else {
                throw .corrupt(
                    "Field \(field) needs \(count) bytes, but only \(reader.remaining) are left.", at: place)
            }
            let offset = base + reader.offset
            return (field, .bytes(try reader.read(bytes: Int(count), "A field"), offset))
        case 5: return (field, .word(try reader.read(UInt32.self, "A number of 32 bits")))
        default: throw .corrupt("Field \(field) has the unknown wire type \(tag & 7).", at: place)
        }
    }

    private mutating func number(_ what: String) throws(BelfryError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            let byte = try reader.read(bytes: 1, what)[0]
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw .corrupt("\(what) has a number of more than ten bytes.", at: reader.location)
    }
}
