/// How far a search of a graph looks.
struct GraphEffort: Hashable, Sendable {
    /// How many of the nearest rows are expanded: the walk ends when these all are.
    var window: Int
    /// How many of the nearest rows are looked at again on the codes.
    var rerank: Int

    /// The effort of a window for `k` neighbours. What is looked at again is at least half as much again as is wanted,
    /// so that a walk may end early and what it saw on its way still counts.
    init(window: Int, k: Int) {
        (self.window, rerank) = (window, max(window, k + k / 2 + 6))
    }

    /// Windows from cheap to dear.
    static let windows = [
        2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
        384,
        512, 768, 1024,
    ]
}
