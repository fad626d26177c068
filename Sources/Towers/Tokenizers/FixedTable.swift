/// Numbers that are filled in once and then only read, by any thread: a look-up takes no reference counts and checks no
/// bounds.
struct FixedTable<Element: BitwiseCopyable>: @unchecked Sendable {
    /// The first element, for loops of their own. Valid as long as the table.
    let start: UnsafePointer<Element>
    /// How many elements there are.
    let count: Int
    // Memory of its own, or a mapped file.
    private let owner: AnyObject

    /// A copy of `elements`.
    init(_ elements: some Collection<Element>) {
        let memory = OwnedElements<Element>(count: elements.count)
        _ = memory.elements.initialize(from: elements)
        (start, count, owner) = (UnsafePointer(memory.elements.baseAddress!), elements.count, memory)
    }

    /// Elements that lie in what `owner` has in memory.
    init(mapped elements: UnsafeBufferPointer<Element>, owner: AnyObject) {
        precondition(!elements.isEmpty, "a table that is not empty")
        (start, count, self.owner) = (elements.baseAddress!, elements.count, owner)
    }

    @inline(__always)
    subscript(index: Int) -> Element { start[index] }
}

private final class OwnedElements<Element: BitwiseCopyable> {
    let elements: UnsafeMutableBufferPointer<Element>

    init(count: Int) {
        let memory = UnsafeMutablePointer<Element>.allocate(capacity: max(count, 1))
        elements = UnsafeMutableBufferPointer(start: memory, count: count)
    }

    deinit { elements.baseAddress!.deallocate() }
}
