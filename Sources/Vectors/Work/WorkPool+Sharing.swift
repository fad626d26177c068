extension WorkPool {
    /// Hands out the disjoint slices of `target`, of at most `size` elements each: what one worker writes no other one
    /// can reach.
    /// - Parameters:
    ///   - inputs: What all workers read, such as pointers that a closure may not capture. Nobody writes it meanwhile.
    ///   - body: Gets the slice, and the place of its first element in `target`.
    @inlinable
    package func forEachSlice<Element, Inputs>(
        of target: UnsafeMutableBufferPointer<Element>, size: Int, reading inputs: Inputs,
        _ body: @Sendable (_ slice: UnsafeMutableBufferPointer<Element>, _ first: Int, _ inputs: Inputs) -> Void
    ) {
        let shared = Shared((target: target, inputs: inputs))
        forEachRange(of: target.count, size: size) { range, _ in
            body(
                UnsafeMutableBufferPointer(rebasing: shared.value.target[range]), range.lowerBound, shared.value.inputs)
        }
    }

    /// Hands out the rows `0..<count` in ranges of at most `size`, with what all workers share: they read it, and write
    /// only the rows that they were given, or memory that is their number's.
    @inlinable
    package func forEachRange<Memory>(
        of count: Int, size: Int, sharing memory: Memory,
        _ body: @Sendable (_ range: Range<Int>, _ worker: Int, _ memory: Memory) -> Void
    ) {
        let shared = Shared(memory)
        forEachRange(of: count, size: size) { range, worker in body(range, worker, shared.value) }
    }

    /// The same for single pieces.
    @inlinable
    package func forEach<Memory>(
        _ pieces: Int, sharing memory: Memory,
        _ body: @Sendable (_ piece: Int, _ worker: Int, _ memory: Memory) -> Void
    ) {
        let shared = Shared(memory)
        forEach(pieces) { piece, worker in body(piece, worker, shared.value) }
    }
}

/// What the workers of one call use at once: they only read it, or each writes to places of its own. It lives as long as
/// the call.
@usableFromInline
struct Shared<Value>: @unchecked Sendable {
    @usableFromInline let value: Value

    @inlinable
    init(_ value: Value) { self.value = value }
}
