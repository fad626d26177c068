/// Finds added tokens in a text: the leftmost first, and of several there the longest.
struct AddedTokenMatcher: Sendable {
    private let tokens: [AddedToken]
    /// The tokens' contents, each with its place in `tokens`.
    private let trie: VocabularyTrie
    /// Whether some token begins with this byte: most bytes of most texts are passed over by this alone.
    private let begins: [Bool]

    init(_ tokens: [AddedToken]) {
        self.tokens = tokens.filter { !$0.content.isEmpty }
        trie = VocabularyTrie(self.tokens.enumerated().map { (token: $1.content, id: Int32($0)) })
        var begins = [Bool](repeating: false, count: 256)
        for token in self.tokens { begins[Int(token.content[0])] = true }
        self.begins = begins
    }

    var isEmpty: Bool { tokens.isEmpty }

    /// Calls `body` with every piece of `text` in order: a token's id, or nil for text between tokens. `body` says
    /// whether to go on.
    func split(_ text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>, Int32?) -> Bool) {
        var done = 0
        var place = 0
        begins.withUnsafeBufferPointer { begins in
            while place < text.count {
                guard begins[Int(text[place])], let token = token(at: place, in: text) else {
                    place &+= 1
                    continue
                }
                var begin = place
                var end = place + token.content.count
                place = end
                if token.isSingleWord, isWord(before: begin, in: text) || isWord(at: end, in: text) { continue }
                if token.stripsLeft {
                    while begin > done, let space = space(before: begin, in: text) { begin = max(space, done) }
                }
                if token.stripsRight {
                    while let next = space(at: end, in: text) { end = next }
                    place = end
                }
                if done < begin, !body(done..<begin, nil) { return }
                if !body(begin..<end, token.id) { return }
                done = end
            }
            if done < text.count { _ = body(done..<text.count, nil) }
        }
    }

    private func token(at place: Int, in text: UnsafeBufferPointer<UInt8>) -> AddedToken? {
        trie.longest(text, from: place, to: text.count).map { tokens[Int($0.id)] }
    }

    private func scalar(before place: Int, in text: UnsafeBufferPointer<UInt8>) -> (scalar: UInt32, begin: Int)? {
        guard place > 0, let bytes = text.baseAddress else { return nil }
        let begin = UTF8Text.previous(bytes, place)
        var end = begin
        return (UTF8Text.scalar(bytes, &end), begin)
    }

    private func scalar(at place: Int, in text: UnsafeBufferPointer<UInt8>) -> (scalar: UInt32, end: Int)? {
        guard place < text.count, let bytes = text.baseAddress else { return nil }
        var end = place
        let scalar = UTF8Text.scalar(bytes, &end)
        return (scalar, end)
    }

    private func space(before place: Int, in text: UnsafeBufferPointer<UInt8>) -> Int? {
        scalar(before: place, in: text).flatMap { ScalarClass.isWhitespace.contains($0.scalar) ? $0.begin : nil }
    }

    private func space(at place: Int, in text: UnsafeBufferPointer<UInt8>) -> Int? {
        scalar(at: place, in: text).flatMap { ScalarClass.isWhitespace.contains($0.scalar) ? $0.end : nil }
    }

    private func isWord(before place: Int, in text: UnsafeBufferPointer<UInt8>) -> Bool {
        scalar(before: place, in: text).map { ScalarClass.isWord.contains($0.scalar) } ?? false
    }

    private func isWord(at place: Int, in text: UnsafeBufferPointer<UInt8>) -> Bool {
        scalar(at: place, in: text).map { ScalarClass.isWord.contains($0.scalar) } ?? false
    }
}
