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
        2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 18, 20, 22, 24, 26, 28, 32, 36, 40, 44, 48, 52, 56, 64, 72, 80,
        88, 96, 104, 112, 128, 144, 160, 176, 192, 208, 224, 256, 288, 320, 352, 384, 416, 448, 512, 576, 640, 704, 768,
        896, 1024,
    ]
}
