/// A tokenizer with another template than its file says: static embeddings were trained without one, the Universal
/// Sentence Encoder with tokens that its SentencePiece file does not put around a text by itself.
struct FramedTokenizer: Tokenizer {
    private let base: any Tokenizer
    /// How many tokens the file's own template puts before and after a text.
    private let own: (before: Int, after: Int)
    private let before: [Int32]
    private let after: [Int32]
    /// What stands for a text that has no tokens.
    private let empty: [Int32]

    init(_ base: any Tokenizer, before: [Int32] = [], after: [Int32] = [], empty: [Int32] = []) {
        self.base = base
        self.before = before
        self.after = after
        self.empty = empty
        // The template is what an empty text has; which part of it comes first shows around a text of one letter.
        let template = base.encode("")
        let letter = base.encode("a")
        let first = min(zip(template, letter).prefix { $0 == $1 }.count, base.templateCount)
        own = (first, base.templateCount - first)
    }

    var largestID: Int { max(base.largestID, (before + after + empty).reduce(0) { max($0, Int($1)) }) }
    var templateCount: Int { before.count + after.count }
    var lowercases: Bool { base.lowercases }

    func encode(_ text: String, limit: Int, into ids: inout [Int32]) -> Bool {
        ids.append(contentsOf: before)
        let begin = ids.count
        let room = max(limit - templateCount, 0)
        let isWhole = base.encode(
            text, limit: room > Int.max - base.templateCount ? room : room + base.templateCount, into: &ids)
        ids.removeLast(min(own.after, ids.count - begin))
        ids.removeSubrange(begin..<min(begin + own.before, ids.count))
        if ids.count == begin { ids.append(contentsOf: empty) }
        ids.append(contentsOf: after)
        return isWhole
    }
}
