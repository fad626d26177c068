import Synchronization

/// The memory of one worker: nothing is allocated once the longest text has been seen.
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

/// Scratch memory that waits for its next text.
final class TokenizerScratchPool: Sendable {
    // Scratch memory is either in here or with one worker.
    private struct Store: @unchecked Sendable { var waiting: [TokenizerScratch] = [] }
    private struct Handover: @unchecked Sendable { let scratch: TokenizerScratch }
    private let store = Mutex(Store())

    func take() -> TokenizerScratch {
        store.withLock { $0.waiting.popLast().map(Handover.init) }?.scratch ?? TokenizerScratch()
    }

    func give(_ scratch: TokenizerScratch) {
        let handover = Handover(scratch: scratch)
        store.withLock { $0.waiting.append(handover.scratch) }
    }
}
