/// How a text is cut into words that are looked up one by one: the steps of a tokenizer file's `pre_tokenizer`.
///
/// Every step cuts each piece of the step before. The pieces are never listed: a piece runs through all later steps
/// and into the model before the next is cut.
struct PreTokenizer: Sendable {
    /// What becomes of the matches that a text is cut at.
    enum Behavior: String, Sendable {
        /// Every match is a piece.
        case isolated = "Isolated"
        case removed = "Removed"
        /// As isolated, but matches that touch are one piece.
        case contiguous = "Contiguous"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
    }

    enum PrependScheme: String, Sendable { case always, first, never }

    enum Step: Sendable {
        /// Cuts at the matches, or (inverted) at what is between them.
        case split(TextPattern, Behavior, isInverted: Bool)
        /// Puts a space before a piece that begins with none.
        case prefixSpace
        /// Spaces become `replacement`, and one is put before a piece that begins with none.
        case metaspace(replacement: [UInt8], PrependScheme)
        /// Cuts before every U+2581 that follows something else.
        case beforeMetaspace
    }

    var steps: [Step] = []

    static let metaspace: [UInt8] = [0xe2, 0x96, 0x81]

    /// Calls `word` with every word of `text` in order, until it says that this is enough.
    ///
    /// `isFirst` says whether the text's first byte is that of the whole.
    func words(
        _ text: UnsafeBufferPointer<UInt8>, isFirst: Bool, _ scratch: TokenizerScratch,
        _ word: (UnsafeBufferPointer<UInt8>) -> Bool
    ) -> Bool {
        run(0, text, isFirst, scratch, word)
    }

    private func run(
        _ number: Int, _ text: UnsafeBufferPointer<UInt8>, _ isFirst: Bool, _ scratch: TokenizerScratch,
        _ word: (UnsafeBufferPointer<UInt8>) -> Bool
    ) -> Bool {
        guard !text.isEmpty else { return true }
        guard number < steps.count else { return word(text) }
        switch steps[number] {
        case .split(let pattern, let behavior, let isInverted):
            return Self.split(text, pattern, behavior, isInverted, scratch.stack) { piece in
                run(
                    number + 1, UnsafeBufferPointer(rebasing: text[piece]), isFirst && piece.lowerBound == 0, scratch,
                    word)
            }
        case .prefixSpace:
            if text[0] == 0x20 { return run(number + 1, text, isFirst, scratch, word) }
            let buffer = scratch.piece(number)
            buffer.clear()
            buffer.append(0x20)
            buffer.append(text)
            return run(number + 1, buffer.text, isFirst, scratch, word)
        case .metaspace(let replacement, let scheme):
            let buffer = scratch.piece(number)
            buffer.clear()
            if scheme == .always || scheme == .first && isFirst, text[0] != 0x20, !text.starts(with: replacement) {
                buffer.append(replacement)
            }
            for byte in text {
                if byte == 0x20 { buffer.append(replacement) } else { buffer.append(byte) }
            }
            return run(number + 1, buffer.text, isFirst, scratch, word)
        case .beforeMetaspace:
            return Self.cutBeforeMetaspace(text) { piece in
                run(number + 1, UnsafeBufferPointer(rebasing: text[piece]), false, scratch, word)
            }
        }
    }

    private static func cutBeforeMetaspace(
        _ text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Bool
    ) -> Bool {
        var begin = 0
        var isAfterMetaspace = true
        var place = 0
        while place < text.count {
            let isMetaspace =
                text[place] == 0xe2 && place &+ 2 < text.count && text[place &+ 1] == 0x96
                && text[place &+ 2] == 0x81
            if isMetaspace, !isAfterMetaspace {
                if !body(begin..<place) { return false }
                begin = place
            }
            isAfterMetaspace = isMetaspace
            place &+= isMetaspace ? 3 : UTF8Text.length(text[place])
        }
        return body(begin..<text.count)
    }

    /// Calls `body` with the pieces of `text` in order, until it says that this is enough.
    private static func split(
        _ text: UnsafeBufferPointer<UInt8>, _ pattern: TextPattern, _ behavior: Behavior, _ isInverted: Bool,
        _ stack: PatternStack, _ body: (Range<Int>) -> Bool
    ) -> Bool {
        // A piece that may still grow, and whether it ends with a cut.
        var held: Range<Int>?
        var endsWithCut = false
        func take(_ piece: Range<Int>, _ isCut: Bool) -> Bool {
            switch behavior {
            case .isolated: return body(piece)
            case .removed: return isCut || body(piece)
            case .contiguous, .mergedWithPrevious, .mergedWithNext:
                let joins =
                    switch behavior {
                    case .contiguous: isCut == endsWithCut
                    case .mergedWithPrevious: isCut && !endsWithCut
                    default: !isCut && endsWithCut
                    }
                endsWithCut = isCut
                guard let before = held else {
                    held = piece
                    return true
                }
                if joins {
                    held = before.lowerBound..<piece.upperBound
                    return true
                }
                held = piece
                return body(before)
            }
        }
        var done = 0
        while done < text.count, let match = pattern.next(text, from: done, stack) {
            if done < match.lowerBound, !take(done..<match.lowerBound, isInverted) { return false }
            if !take(match, !isInverted) { return false }
            done = match.upperBound
        }
        if done < text.count, !take(done..<text.count, isInverted) { return false }
        return held.map(body) ?? true
    }
}
