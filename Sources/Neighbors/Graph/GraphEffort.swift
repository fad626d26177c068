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

    /// Windows from cheap to dear: one by one, then in steps of a fifteenth.
    static let windows: [Int] = {
        var windows = [2]
        while windows.last! < 1024 { windows.append(min(1024, max(windows.last! + 1, windows.last! * 16 / 15))) }
        return windows
    }()
}
