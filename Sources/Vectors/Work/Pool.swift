package import Synchronization

/// Objects that are expensive to make and serve one user at a time: they are lent, given back, and kept for the next
/// one. There are as many as there were users at once.
package final class Pool<Element>: Sendable {
    // An element is either in here or with one user.
    @usableFromInline
    struct Idle: @unchecked Sendable {
        @usableFromInline var elements: [Element] = []

        @inlinable
        init() {}
    }

    @usableFromInline
    struct Handover: @unchecked Sendable {
        @usableFromInline let element: Element

        @inlinable
        init(_ element: Element) { self.element = element }
    }

    @usableFromInline let idle = Mutex(Idle())
    @usableFromInline let make: @Sendable () -> Element

    /// A pool whose elements come from `make`, when none is idle.
    @inlinable
    package init(_ make: @escaping @Sendable () -> Element) { self.make = make }

    /// Lends an element to `body`, which must not keep it.
    @inlinable
    package func lend<Result, Failure: Error>(_ body: (Element) throws(Failure) -> Result) throws(Failure) -> Result {
        let element = take()
        defer { give(back: element) }
        return try body(element)
    }

    /// An element that nobody else has, until it is given back: for loops that a closure would cost too much.
    @inlinable
    package func take() -> Element {
        idle.withLock { $0.elements.popLast().map { Handover($0) } }?.element ?? make()
    }

    /// Keeps the element for its next user.
    @inlinable
    package func give(back element: Element) {
        let handover = Handover(element)
        idle.withLock { $0.elements.append(handover.element) }
    }
}
