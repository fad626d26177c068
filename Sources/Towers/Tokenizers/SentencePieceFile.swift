import Files

/// What a SentencePiece `.model` file says: the few fields of its protobuf message that change ids.
///
/// | Field | |
/// |---|---|
/// | 1 | a piece: 1 its text, 2 its score (float), 3 its type |
/// | 2 | trainer: 3 kind of model, 24 white space as suffix, 35 byte fallback |
/// | 3 | normalizer: 2 character map, 3 dummy prefix, 4 extra white space, 5 escapes |
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
    private static let maxBytes = 64 << 20

    init(_ file: String) throws(BelfryError) {
        let map = try MappedFile(file)
        guard map.bytes.count <= Self.maxBytes else {
            throw BelfryError(
                .unsupported, "The file has \(map.bytes.count) bytes; at most \(Self.maxBytes) are read here.",
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
        let start = message
        var location: BelfryError.Location { start.location }
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
        guard pieces.count < TokenizerJSON.maxIDs else {
            throw BelfryError(.unsupported, "The model has more than \(TokenizerJSON.maxIDs) pieces.", at: location)
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
