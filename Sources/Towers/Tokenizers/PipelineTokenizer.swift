import Files
import Vectors

/// A tokenizer made of the parts that a tokenizer.json names.
///
/// 1. Added tokens that stand in the text as they are (`<s>`) are cut out.
/// 2. The rest is normalized, and added tokens are looked for once more.
/// 3. The pre-tokenizer cuts what is left into words.
/// 4. The model gives the ids of a word; those of short words are kept for the next time.
/// 5. The template puts its own tokens around, within the given limit.
final class PipelineTokenizer: Tokenizer {
    /// What finds the ids of a word.
    enum Model: Sendable {
        case pairs(PairEncoding)
        case unigram(Unigram)
    }

    let largestID: Int
    let template: TokenTemplate
    private let normalizer: TextNormalizer
    private let preTokenizer: PreTokenizer
    private let model: Model
    private let rawTokens: AddedTokenMatcher
    private let normalizedTokens: AddedTokenMatcher
    private let scratches = Pool { TokenizerScratch() }

    var templateCount: Int { template.before.count + template.after.count }
    var lowercases: Bool { normalizer.lowercases }

    /// A tokenizer whose model gives ids up to `largestModelID`.
    init(
        _ normalizer: TextNormalizer, _ preTokenizer: PreTokenizer, _ model: Model, _ added: [AddedToken],
        _ template: TokenTemplate, largestModelID: Int32, at location: BelfryError.Location
    ) throws(BelfryError) {
        self.normalizer = normalizer
        var preTokenizer = preTokenizer
        if case .pairs(let pairs) = model, pairs.isCutBeforeMetaspace { preTokenizer.steps.append(.beforeMetaspace) }
        self.preTokenizer = preTokenizer
        self.model = model
        self.template = template
        let normalized = scratches.lend { scratch in
            added.filter(\.isNormalized).map { token in
                var token = token
                token.content = token.content.withUnsafeBufferPointer {
                    var isFirst = true
                    return Array(normalizer.apply($0, &isFirst, scratch))
                }
                return token
            }
        }
        let raw = added.filter { !$0.isNormalized }
        guard (normalized + raw).reduce(0, { $0 + $1.content.count }) <= VocabularyTrie.maxBytes else {
            throw BelfryError(.unsupported, "The added tokens have more than 8 MiB of text.", at: location)
        }
        rawTokens = AddedTokenMatcher(raw)
        normalizedTokens = AddedTokenMatcher(normalized)
        largestID = Int((added.map(\.id) + template.before + template.after + [largestModelID]).max()!)
    }

    func encode(_ text: String, limit: Int, into ids: inout [Int32]) -> Bool {
        ids.append(contentsOf: template.before)
        let room = max(limit - templateCount, 0)
        let maxCount = ids.count > Int.max - room ? Int.max : ids.count + room
        let scratch = scratches.take()
        let stack = scratch.stack
        stack.begin(wholeTextOf: text.utf8.count)
        var text = text
        text.withUTF8 { bytes in
            rawTokens.split(bytes) { range, id in
                if let id {
                    ids.append(id)
                } else {
                    encode(UnsafeBufferPointer(rebasing: bytes[range]), range.lowerBound == 0, maxCount, scratch, &ids)
                }
                return ids.count < maxCount && !stack.hasGivenUp
            }
        }
        let isWhole = !stack.hasGivenUp
        scratches.give(back: scratch)
        if ids.count > maxCount { ids.removeLast(ids.count - maxCount) }
        ids.append(contentsOf: template.after)
        return isWhole
    }

    /// Appends the ids of text without added tokens, until there are `maximum` ids or a few more.
    private func encode(
        _ text: UnsafeBufferPointer<UInt8>, _ isFirst: Bool, _ maximum: Int, _ scratch: TokenizerScratch,
        _ ids: inout [Int32]
    ) {
        var isFirst = isFirst
        let text = normalizer.apply(text, &isFirst, scratch)
        if normalizedTokens.isEmpty {
            _ = preTokenizer.words(text, isFirst: isFirst, scratch) { word in
                self.word(word, scratch, &ids)
                return ids.count < maximum
            }
            return
        }
        normalizedTokens.split(text) { range, id in
            if let id {
                ids.append(id)
                return ids.count < maximum
            }
            let piece = UnsafeBufferPointer(rebasing: text[range])
            return preTokenizer.words(piece, isFirst: isFirst && range.lowerBound == 0, scratch) { word in
                self.word(word, scratch, &ids)
                return ids.count < maximum
            }
        }
    }

    /// Appends the ids of one word.
    private func word(_ word: UnsafeBufferPointer<UInt8>, _ scratch: TokenizerScratch, _ ids: inout [Int32]) {
        guard word.count <= WordCache.longestWord else { return lookUp(word, scratch, &ids) }
        let text = word.baseAddress!
        let hash = TokenTable.hash(text, word.count)
        if scratch.cache.append(text, word.count, hash, to: &ids) { return }
        let before = ids.count
        lookUp(word, scratch, &ids)
        scratch.cache.keep(text, word.count, hash, ids[before...])
    }

    private func lookUp(_ word: UnsafeBufferPointer<UInt8>, _ scratch: TokenizerScratch, _ ids: inout [Int32]) {
        switch model {
        case .pairs(let pairs): pairs.encode(word, scratch.symbols, &ids)
        case .unigram(let unigram): unigram.encode(word, scratch.paths, &ids)
        }
    }
}

/// A token that is recognized in the text itself.
struct AddedToken: Sendable {
    var content: [UInt8]
    var id: Int32
    var isSingleWord = false
    var stripsLeft = false
    var stripsRight = false
    var isNormalized = false
}

/// The tokens that a tokenizer puts before and after every text.
struct TokenTemplate: Sendable {
    var before: [Int32] = []
    var after: [Int32] = []
}
