import Files

/// Text to token ids as BERT models expect them: WordPiece over normalized words.
///
/// 1. Added tokens that stand in the text as they are (`[SEP]`) are cut out.
/// 2. Every scalar of the rest is normalized, and words are cut at spaces and around punctuation.
/// 3. A word becomes the longest vocabulary entries from left to right, or the unknown token.
/// 4. The template puts its own tokens around ([CLS] … [SEP]), within the given limit.
///
/// Works on UTF-8 bytes and Unicode scalars, never on Swift's characters: a grapheme cluster may hold several words.
/// What it does *not* do: pairs of texts, offsets, decoding.
package final class WordPieceTokenizer: Tokenizer {
    /// Everything that a tokenizer file says.
    struct Model: Sendable {
        var vocabulary: [(token: [UInt8], id: Int32)] = []
        var unknown: Int32 = 0
        var continuingPrefix: [UInt8] = Array("##".utf8)
        var longestWord = 100
        var normalizer = BertNormalizer()
        var added: [AddedToken] = []
        var before: [Int32] = []
        var after: [Int32] = []
    }

    /// The greatest id that the tokenizer can give.
    package let largestID: Int
    let model: Model
    let trie: VocabularyTrie
    let table: BertNormalizerTable
    private let rawTokens: AddedTokenMatcher
    private let normalizedTokens: AddedTokenMatcher

    convenience init(_ model: Model) {
        let prefix = model.continuingPrefix
        var entries: [(bytes: ArraySlice<UInt8>, continues: Bool, id: Int32)] = []
        entries.reserveCapacity(2 * model.vocabulary.count)
        for (token, id) in model.vocabulary where !token.isEmpty {
            entries.append((token[...], false, id))
            if token.starts(with: prefix), token.count > prefix.count {
                entries.append((token.dropFirst(prefix.count), true, id))
            }
        }
        let ids = model.vocabulary.map(\.id) + model.added.map(\.id) + model.before + model.after + [model.unknown]
        self.init(
            model, VocabularyTrie(entries), BertNormalizerTable(model.normalizer), largestID: Int(ids.max() ?? 0))
    }

    /// A tokenizer with the tables that were made of its vocabulary and its normalizer.
    init(_ model: Model, _ trie: VocabularyTrie, _ table: BertNormalizerTable, largestID: Int) {
        (self.model, self.trie, self.table, self.largestID) = (model, trie, table, largestID)
        rawTokens = AddedTokenMatcher(model.added.filter { !$0.isNormalized })
        let normalizer = model.normalizer
        normalizedTokens = AddedTokenMatcher(
            model.added.filter(\.isNormalized).map { token in
                var token = token
                token.content = normalizer.normalized(token.content)
                return token
            })
    }

    /// How many tokens the template adds to every text.
    package var templateCount: Int { model.before.count + model.after.count }

    /// Whether upper case is made lower case before anything is looked up.
    package var lowercases: Bool { model.normalizer.lowercases }

    /// Appends the ids of `text` with the template's tokens around; `limit` counts both, and cuts the text's end.
    package func encode(_ text: String, limit: Int, into ids: inout [Int32]) -> Bool {
        ids.append(contentsOf: model.before)
        let room = max(limit - templateCount, 0)
        let maximum = ids.count > Int.max - room ? Int.max : ids.count + room
        var text = text
        text.withUTF8 { bytes in
            rawTokens.split(bytes) { range, id in
                if let id {
                    ids.append(id)
                } else if normalizedTokens.isEmpty {
                    words(UnsafeBufferPointer(rebasing: bytes[range]), maximum, &ids)
                } else {
                    let piece = model.normalizer.normalized(Array(bytes[range]))
                    piece.withUnsafeBufferPointer { piece in
                        normalizedTokens.split(piece) { range, id in
                            if let id {
                                ids.append(id)
                            } else {
                                words(UnsafeBufferPointer(rebasing: piece[range]), maximum, &ids)
                            }
                            return ids.count < maximum
                        }
                    }
                }
                return ids.count < maximum
            }
        }
        if ids.count > maximum { ids.removeLast(ids.count - maximum) }
        ids.append(contentsOf: model.after)
        return true
    }

    /// Appends the ids of the words of `text` until there are `maximum` ids or a few more.
    private func words(_ text: UnsafeBufferPointer<UInt8>, _ maximum: Int, _ ids: inout [Int32]) {
        // The word being read, normalized; one longer than the limit is counted but not kept.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4 * model.longestWord + 4) { buffer in
            table.codes.withUnsafeBufferPointer { codes in
                var word = WordBuffer(bytes: buffer, longest: model.longestWord)
                var place = 0
                while place < text.count, ids.count < maximum {
                    let scalar = UTF8Text.scalar(text.baseAddress!, &place)
                    let code =
                        scalar < UInt32(BertNormalizerTable.count)
                        ? codes[Int(scalar)] : BertNormalizerTable.code(model.normalizer, scalar)
                    let value = code & 0xff_ffff
                    switch code & 0xff00_0000 {
                    case BertNormalizerTable.letter: word.append(value)
                    case BertNormalizerTable.space: finish(&word, &ids)
                    case BertNormalizerTable.alone:
                        finish(&word, &ids)
                        word.append(value)
                        finish(&word, &ids)
                    case BertNormalizerTable.other:
                        if case .several(let outcomes) = model.normalizer.outcome(scalar) {
                            for outcome in outcomes { apply(outcome, &word, &ids) }
                        } else {
                            apply(model.normalizer.outcome(scalar), &word, &ids)
                        }
                    default: break
                    }
                }
                finish(&word, &ids)
            }
        }
    }

    private func apply(_ outcome: BertNormalizer.Outcome, _ word: inout WordBuffer, _ ids: inout [Int32]) {
        switch outcome {
        case .letter(let value): model.normalizer.stripsAccents ? word.insertMark(value) : word.append(value)
        case .space: finish(&word, &ids)
        case .alone(let value):
            finish(&word, &ids)
            word.append(value)
            finish(&word, &ids)
        case .dropped, .several: break
        }
    }

    /// Looks the word up and begins the next.
    @inline(__always)
    private func finish(_ word: inout WordBuffer, _ ids: inout [Int32]) {
        guard word.scalars > 0 else { return }
        defer { word.clear() }
        guard word.scalars <= model.longestWord else {
            ids.append(model.unknown)
            return
        }
        let bytes = UnsafeBufferPointer(word.bytes)
        let before = ids.count
        var place = 0
        while place < word.count {
            let node = place == 0 ? trie.start : trie.continuation
            guard let (id, end) = trie.longest(bytes, from: place, to: word.count, after: node) else {
                ids.removeLast(ids.count - before)
                ids.append(model.unknown)
                return
            }
            ids.append(id)
            place = end
        }
    }
}

/// The normalized word that is being read.
struct WordBuffer {
    /// Room for one scalar more than the longest word.
    let bytes: UnsafeMutableBufferPointer<UInt8>
    let longest: Int
    private(set) var count = 0
    private(set) var scalars = 0

    init(bytes: UnsafeMutableBufferPointer<UInt8>, longest: Int) {
        self.bytes = bytes
        self.longest = longest
    }

    mutating func clear() {
        count = 0
        scalars = 0
    }

    /// Appends a scalar; beyond the longest word it is only counted.
    @inline(__always)
    mutating func append(_ scalar: UInt32) {
        scalars &+= 1
        guard scalars <= longest else { return }
        if scalar < 0x80 {
            bytes[count] = UInt8(truncatingIfNeeded: scalar)
            count &+= 1
        } else {
            for byte in UTF8.encode(Unicode.Scalar(scalar)!)! {
                bytes[count] = byte
                count &+= 1
            }
        }
    }

    /// Appends a scalar where canonical order puts it: before marks of a higher combining class.
    mutating func insertMark(_ scalar: UInt32) {
        let order = Unicode.Scalar(scalar)!.properties.canonicalCombiningClass
        guard order != .notReordered, scalars < longest else { return append(scalar) }
        var tail: [UInt32] = []
        while count > 0 {
            var begin = count - 1
            while begin > 0, bytes[begin] & 0xc0 == 0x80 { begin -= 1 }
            var place = begin
            let last = UTF8Text.scalar(UnsafePointer(bytes.baseAddress!), &place)
            guard Unicode.Scalar(last)!.properties.canonicalCombiningClass > order else { break }
            tail.append(last)
            count = begin
            scalars -= 1
        }
        append(scalar)
        for scalar in tail.reversed() { append(scalar) }
    }
}

extension BertNormalizer {
    /// The text after normalizing alone, words not yet cut: what added tokens marked `normalized` are looked for in.
    func normalized(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        func add(_ outcome: Outcome, isIdeograph: Bool) {
            switch outcome {
            case .dropped: break
            case .space: result.append(UInt8(ascii: " "))
            case .letter(let value): result.append(contentsOf: UTF8.encode(Unicode.Scalar(value)!)!)
            case .alone(let value):
                if isIdeograph { result.append(UInt8(ascii: " ")) }
                result.append(contentsOf: UTF8.encode(Unicode.Scalar(value)!)!)
                if isIdeograph { result.append(UInt8(ascii: " ")) }
            case .several(let outcomes): for outcome in outcomes { add(outcome, isIdeograph: isIdeograph) }
            }
        }
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            let isIdeograph =
                separatesIdeographs && UnicodeRanges.contains(UnicodeRanges.ideographs, scalar.value)
            add(outcome(scalar.value), isIdeograph: isIdeograph)
        }
        return result
    }
}
