import Synchronization

/// Objects that are expensive to make and serve one user at a time: they are lent, given back, and kept for the next
/// one. There are as many as there were users at once.
package final class Pool<Element: AnyObject>: Sendable {
    private let idle = IdleObjects()
    private let make: @Sendable () -> Element

    /// A pool whose elements come from `make`, when none is idle.
    package init(_ make: @escaping @Sendable () -> Element) { self.make = make }

    /// Lends an element to `body`, which must not keep it.
    package func lend<Result, Failure: Error>(_ body: (Element) throws(Failure) -> Result) throws(Failure) -> Result {
        let element = take()
        defer { give(back: element) }
        return try body(element)
    }

    /// An element that nobody else has, until it is given back: for loops that a closure would cost too much.
    package func take() -> Element { idle.take().map { unsafeDowncast($0, to: Element.self) } ?? make() }

    /// Keeps the element for its next user.
    package func give(back element: Element) { idle.give(element) }
}

/// What a pool has, whatever it is: generic code would look its types up for every text that is cut into tokens.
private final class IdleObjects: Sendable {
    // An object is either in here or with one user.
    private struct Objects: @unchecked Sendable { var all: [AnyObject] = [] }
    private struct Handover: @unchecked Sendable { let object: AnyObject? }

    private let objects = Mutex(Objects())

    func take() -> AnyObject? { objects.withLock { Handover(object: $0.all.popLast()) }.object }

    func give(_ object: AnyObject) {
        let handover = Handover(object: object)
        objects.withLock { $0.all.append(handover.object!) }
    }
}
