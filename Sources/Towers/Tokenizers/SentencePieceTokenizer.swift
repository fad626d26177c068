import Files
import Vectors

/// A SentencePiece model (Kudo and Richardson, 2018) read from its own `.model` file: ids as the `sentencepiece`
/// library gives them, without tokens around the text.
///
/// 1. The text is normalized by the model's character map; runs of spaces become one, written U+2581.
/// 2. A unigram model finds the pieces whose scores add up to the most; a BPE model joins the pair of neighbors
///    that makes the piece with the highest score, again and again.
/// 3. Neighboring unknown characters become one unknown token, or each becomes its bytes.
final class SentencePieceTokenizer: Tokenizer {
    let largestID: Int
    let templateCount = 0
    let lowercases = false
    private let file: SentencePieceFile
    private let map: CharacterMap?
    private let model: PieceModel
    private let userDefined: VocabularyTrie?
    private let bytes: [Int32]?
    private let scratches = Pool { TokenizerScratch() }

    /// What finds the pieces of a normalized text.
    private enum PieceModel: Sendable {
        case unigram(PieceUnigram)
        case pairs(PiecePairs)
    }

    init(_ file: SentencePieceFile) throws(BelfryError) {
        let location = BelfryError.Location(file: file.file)
        var unknown: Int32?
        var seen: Set<[UInt8]> = []
        for (index, piece) in file.pieces.enumerated() {
            guard seen.insert(piece.text).inserted else {
                throw .corrupt(
                    "The piece “\(String(decoding: piece.text, as: UTF8.self))” is there twice.", at: location)
            }
            guard piece.kind == .unknown else { continue }
            guard unknown == nil else { throw .corrupt("The model has two unknown pieces.", at: location) }
            unknown = Int32(index)
        }
        guard let unknown else { throw .corrupt("The model has no unknown piece.", at: location) }
        guard file.pieces.reduce(0, { $0 + $1.text.count }) <= VocabularyTrie.maxBytes else {
            throw BelfryError(.unsupported, "The vocabulary has more than 8 MiB of text.", at: location)
        }
        switch file.modelKind {
        case .unigram: model = .unigram(PieceUnigram(file.pieces, unknown))
        case .pairs:
            guard !file.pieces.contains(where: { $0.kind == .unused }) else {
                throw BelfryError(.unsupported, "A BPE model with pieces marked unused is not supported.", at: location)
            }
            model = .pairs(PiecePairs(file.pieces, unknown))
        case .word, .character:
            throw BelfryError(
                .unsupported, "SentencePiece models of the kind “\(file.modelKind)” are not supported.", at: location)
        }
        map = file.characterMap.isEmpty ? nil : try CharacterMap(file.characterMap, at: location)
        let own = file.pieces.enumerated().filter { $1.kind == .userDefined }
        userDefined = own.isEmpty ? nil : VocabularyTrie(own.map { (token: $1.text, id: Int32($0)) })
        if file.fallsBackToBytes {
            var ids = [Int32](repeating: -1, count: 256)
            for (index, piece) in file.pieces.enumerated() where piece.kind == .byte {
                let name = String(decoding: piece.text, as: UTF8.self)
                guard name.utf8.count == 6, name.hasPrefix("<0x"), name.hasSuffix(">"),
                    let byte = UInt8(name.dropFirst(3).dropLast(), radix: 16)
                else { throw .corrupt("“\(name)” is marked as a byte and is none.", at: location) }
                ids[Int(byte)] = Int32(index)
            }
            guard !ids.contains(-1) else { throw .corrupt("The model lacks pieces for some bytes.", at: location) }
            bytes = ids
        } else {
            bytes = nil
        }
        self.file = file
        largestID = file.pieces.count - 1
    }

    func encode(_ text: String, limit: Int, into ids: inout [Int32]) -> Bool {
        let maxCount = ids.count > Int.max - max(limit, 0) ? Int.max : ids.count + max(limit, 0)
        let scratch = scratches.take()
        var text = text
        text.withUTF8 { normalize($0, into: scratch.normalized) }
        let normalized = scratch.normalized.text
        if !normalized.isEmpty {
            switch model {
            case .unigram(let unigram): unigram.encode(normalized, scratch.paths) { put($0, $1, &ids) }
            case .pairs(let pairs):
                pairs.encode(normalized, userDefined, scratch.pieceSymbols) { put($0, $1, &ids) }
            }
        }
        scratches.give(back: scratch)
        if ids.count > maxCount { ids.removeLast(ids.count - maxCount) }
        return true
    }

    private func put(_ piece: UnsafeBufferPointer<UInt8>, _ token: PieceToken, _ ids: inout [Int32]) {
        switch token {
        case .piece(let id): ids.append(id)
        case .unknown(let id, let follows):
            if let bytes {
                for byte in piece { ids.append(bytes[Int(byte)]) }
            } else if !follows {
                ids.append(id)
            }
        }
    }

    /// Writes `text` as the model was trained with it.
    private func normalize(_ text: UnsafeBufferPointer<UInt8>, into target: TextBuffer) {
        target.clear()
        guard let bytes = text.baseAddress, !text.isEmpty else { return }
        let space = file.escapesSpace ? PreTokenizer.metaspace : [0x20]
        let removes = file.removesExtraSpace
        let adds = file.addsDummyPrefix
        var place = 0
        while removes, place < text.count {
            let prefix = prefix(bytes + place, text.count - place)
            guard prefix.text.count == 1, prefix.text[0] == 0x20 else { break }
            place += prefix.length
        }
        guard place < text.count else { return }
        if adds, !file.putsSpaceLast { target.append(space) }
        var isAfterSpace = removes
        while place < text.count {
            let (piece, length) = prefix(bytes + place, text.count - place)
            place += length
            var begin = 0
            while isAfterSpace, begin < piece.count, piece[begin] == 0x20 { begin += 1 }
            guard begin < piece.count else { continue }
            for index in begin..<piece.count {
                if piece[index] == 0x20 { target.append(space) } else { target.append(piece[index]) }
            }
            isAfterSpace = removes && piece[piece.count - 1] == 0x20
        }
        while removes, target.count >= space.count, target.text.suffix(space.count).elementsEqual(space) {
            target.truncate(to: target.count - space.count)
        }
        if adds, file.putsSpaceLast { target.append(space) }
    }

    /// What the beginning of `text` becomes, and how many of its bytes that were.
    @inline(__always)
    private func prefix(
        _ text: UnsafePointer<UInt8>, _ count: Int
    ) -> (text: UnsafeBufferPointer<UInt8>, length: Int) {
        if let userDefined,
            let (_, end) = userDefined.longest(
                UnsafeBufferPointer(start: text, count: count), from: 0, to: count)
        {
            return (UnsafeBufferPointer(start: text, count: end), end)
        }
        if let map { return map.prefix(text, count) }
        let length = UTF8Text.length(text[0])
        return (UnsafeBufferPointer(start: text, count: length), length)
    }
}
