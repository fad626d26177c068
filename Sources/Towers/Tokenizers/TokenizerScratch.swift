/// The memory of one worker: nothing is allocated once the longest text has been seen.
/// Not thread-safe: use one per thread, from a `Pool`.
final class TokenizerScratch {
    let normalized = TextBuffer()
    let otherNormalized = TextBuffer()
    let stack = PatternStack()
    let cache = WordCache()
    let symbols = SymbolBuffer()
    let paths = PathBuffer()
    let pieceSymbols = PieceBuffer()
    private var pieces: [TextBuffer] = []

    /// The buffer of the pre-tokenizer's step `number`.
    func piece(_ number: Int) -> TextBuffer {
        while pieces.count <= number { pieces.append(TextBuffer()) }
        return pieces[number]
    }
}
