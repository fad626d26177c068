import Synchronization

/// Objects that are expensive to make and serve one user at a time: they are lent, given back, and kept for the next
/// one. There are as many as there were users at once.
package final class Pool<Element>: Sendable {
    // An element is either in here or with one user.
    private struct Idle: @unchecked Sendable { var elements: [Element] = [] }
    private struct Handover: @unchecked Sendable { let element: Element }

    private let idle = Mutex(Idle())
    private let make: @Sendable () -> Element

    /// A pool whose elements come from `make`, when none is idle.
    package init(_ make: @escaping @Sendable () -> Element) { self.make = make }

    /// Lends an element to `body`, which must not keep it.
    package func lend<Result, Failure: Error>(_ body: (Element) throws(Failure) -> Result) throws(Failure) -> Result {
        let element = idle.withLock { $0.elements.popLast().map(Handover.init) }?.element ?? make()
        defer {
            let handover = Handover(element: element)
            idle.withLock { $0.elements.append(handover.element) }
        }
        return try body(element)
    }
}
