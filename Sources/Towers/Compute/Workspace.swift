import Vectors

/// The memory of one worker, kept between batches: nothing is allocated once the largest batch has been seen.
/// Not thread-safe: use one per thread, from a `Pool`.
final class Workspace {
    enum Part: Int, CaseIterable {
        case tokens, wide, mixed, panel, attention, pooled
        /// Queries, keys and values of one head, and what attention makes of them.
        case head, headMixed
        /// The inputs of products in bf16.
        case roundedTokens, roundedMixed
    }

    /// The tokens of the batch, text after text.
    var ids: [Int32] = []
    /// Which of them belong to one text.
    var texts: [Range<Int>] = []
    /// Where the second text of a pair begins, one for each of `texts`; empty where there are no pairs.
    var seconds: [Int] = []
    /// How many threads may work at one batch.
    var threads = 1
    private var buffers = [Matrix?](repeating: nil, count: Part.allCases.count)
    private var helpers: [Workspace] = []

    /// At least `count` floats, 64-byte aligned, with whatever was in them.
    func buffer(_ part: Part, _ count: Int) -> UnsafeMutablePointer<Float> {
        if let buffer = buffers[part.rawValue], buffer.columns >= count { return buffer.pointer }
        let buffer = Matrix(rows: 1, columns: count)
        buffers[part.rawValue] = buffer
        return buffer.pointer
    }

    /// At least `count` bf16 numbers in the same place.
    func roundedBuffer(_ part: Part, _ count: Int) -> UnsafeMutablePointer<UInt16> {
        UnsafeMutableRawPointer(buffer(part, (count + 1) / 2)).assumingMemoryBound(to: UInt16.self)
    }

    /// This one, and the memory of `count - 1` more threads that work at the same batch.
    func team(of count: Int) -> [Workspace] {
        while helpers.count < count - 1 { helpers.append(Workspace()) }
        return [self] + helpers.prefix(count - 1)
    }
}
