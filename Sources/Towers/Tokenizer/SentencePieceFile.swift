import Files

/// What a SentencePiece `.model` file says: the few fields of its protobuf message that change ids.
///
/// | Field | |
/// |---|---|
/// | 1 | a piece: 1 its text, 2 its score (float), 3 its type |
/// | 2 | trainer: 3 kind of model, 24 white space as suffix, 35 byte fallback |
/// | 3 | normaliser: 2 character map, 3 dummy prefix, 4 extra white space, 5 escapes |
///
/// Read by hand: unknown fields are passed over, as protobuf asks, and a length never leads past its message.
struct SentencePieceFile {
    enum Kind: Int { case normal = 1, unknown, control, userDefined, unused, byte }

    struct Piece {
        var text: [UInt8] = []
        var score: Float = 0
        var kind = Kind.normal
    }

    enum ModelKind: Int { case unigram = 1, pairs, word, character }

    let file: String
    private(set) var pieces: [Piece] = []
    private(set) var modelKind = ModelKind.unigram
    private(set) var putsSpaceLast = false
    private(set) var fallsBackToBytes = false
    private(set) var characterMap: [UInt8] = []
    private(set) var addsDummyPrefix = true
    private(set) var removesExtraSpace = true
    private(set) var escapesSpace = true
    private static let mostBytes = 64 << 20

    init(_ file: String) throws(BelfryError) {
        let map = try MappedFile(file)
        guard map.bytes.count <= Self.mostBytes else {
            throw BelfryError(
                .unsupported, "The file has \(map.bytes.count) bytes; at most \(Self.mostBytes) are read here.",
                at: .init(file: file))
        }
        self = try withExtendedLifetime(map) { () throws(BelfryError) in
            try GitLFS.refusePointer(map.bytes, file: file)
            return try SentencePieceFile(map.bytes, file: file)
        }
    }

    /// Reads the bytes of `file`.
    init(_ bytes: UnsafeRawBufferPointer, file: String) throws(BelfryError) {
        self.file = file
        try read(ProtobufReader(bytes, file: file))
        guard !pieces.isEmpty else { throw .corrupt("The model has no pieces.", at: .init(file: file)) }
    }

    private mutating func read(_ message: ProtobufReader) throws(BelfryError) {
        var message = message
        while let field = try message.next() {
            switch field {
            case (1, .bytes(let bytes, let offset)):
                try readPiece(ProtobufReader(bytes, file: message.file, base: offset))
            case (2, .bytes(let bytes, let offset)):
                try readTrainer(ProtobufReader(bytes, file: message.file, base: offset))
            case (3, .bytes(let bytes, let offset)):
                try readNormalizer(ProtobufReader(bytes, file: message.file, base: offset))
            default: break
            }
        }
    }

    private mutating func readPiece(_ message: ProtobufReader) throws(BelfryError) {
        var message = message
        let location = message.location
        var piece = Piece()
        while let field = try message.next() {
            switch field {
            case (1, .bytes(let bytes, _)): piece.text = Array(bytes)
            case (2, .word(let bits)): piece.score = Float(bitPattern: bits)
            case (3, .number(let number)):
                guard let kind = Int(exactly: number).flatMap(Kind.init) else {
                    throw .corrupt("Piece \(pieces.count) has the unknown type \(number).", at: location)
                }
                piece.kind = kind
            default: break
            }
        }
        guard !piece.text.isEmpty, String(validating: piece.text, as: UTF8.self) != nil else {
            throw .corrupt("Piece \(pieces.count) is empty or not UTF-8.", at: location)
        }
        guard piece.score.isFinite else { throw .corrupt("Piece \(pieces.count) has no finite score.", at: location) }
        guard pieces.count < TokenizerJSON.mostIDs else {
            throw BelfryError(.unsupported, "The model has more than \(TokenizerJSON.mostIDs) pieces.", at: location)
        }
        pieces.append(piece)
    }

    private mutating func readTrainer(_ message: ProtobufReader) throws(BelfryError) {
        var message = message
        while let field = try message.next() {
            switch field {
            case (3, .number(let number)):
                guard let kind = Int(exactly: number).flatMap(ModelKind.init) else {
                    throw .corrupt("The model is of the unknown kind \(number).", at: message.location)
                }
                modelKind = kind
            case (24, .number(let number)): putsSpaceLast = number != 0
            case (35, .number(let number)): fallsBackToBytes = number != 0
            default: break
            }
        }
    }

    private mutating func readNormalizer(_ message: ProtobufReader) throws(BelfryError) {
        var message = message
        while let field = try message.next() {
            switch field {
            case (2, .bytes(let bytes, _)): characterMap = Array(bytes)
            case (3, .number(let number)): addsDummyPrefix = number != 0
            case (4, .number(let number)): removesExtraSpace = number != 0
            case (5, .number(let number)): escapesSpace = number != 0
            default: break
            }
        }
    }
}

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
        let place = reader.location
        let tag = try number("A field")
        guard tag >> 3 > 0, tag >> 3 < 1 << 29 else { throw .corrupt("A field has no number.", at: place) }
        let field = Int(tag >> 3)
        switch tag & 7 {
        case 0: return (field, .number(try number("Field \(field)")))
        case 1:
            _ = try reader.read(bytes: 8, "Field \(field)")
            return (field, .long)
        case 2:
            let count = try number("The length of field \(field)")
            guard count <= UInt64(reader.remaining) else {
                throw .corrupt(
                    "Field \(field) needs \(count) bytes, but only \(reader.remaining) are left.", at: place)
            }
            let offset = base + reader.offset
            return (field, .bytes(try reader.read(bytes: Int(count), "Field \(field)"), offset))
        case 5: return (field, .word(try reader.read(UInt32.self, "Field \(field)")))
        default: throw .corrupt("Field \(field) has the unknown wire type \(tag & 7).", at: place)
        }
    }

    private mutating func number(_ what: String) throws(BelfryError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            let byte = try reader.read(UInt8.self, what)
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw .corrupt("\(what) has a number of more than ten bytes.", at: reader.location)
    }
}
