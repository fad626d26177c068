import Synchronization

/// The view that readers take, and that a writer replaces.
final class CurrentView: Sendable {
    private let current: Mutex<View>

    init(_ view: View) { current = Mutex(view) }

    var view: View { current.withLock { $0 } }

    func show(_ view: View) { current.withLock { $0 = view } }
}
