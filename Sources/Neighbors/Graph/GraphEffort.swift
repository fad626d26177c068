/// How far a search of a graph looks.
struct GraphEffort: Hashable, Sendable {
    /// How many of the nearest rows are expanded: the walk ends when these all are.
    var window: Int
    /// How many of the nearest rows are looked at again on the codes, at least.
    var rerank: Int
    /// Ends the walk in the place of the window.
    var slack: Slack?
    /// The ratio of a walk that this one may be continued to: rows are remembered for it.
    var keptRatio = Float.infinity

    /// The effort of a window for `k` neighbors. What is looked at again is at least half as much again as is wanted,
    /// so that a walk may end early and what it saw on its way still counts.
    init(window: Int, k: Int) {
        (self.window, rerank) = (window, max(window, k + k / 2 + 6))
    }

    /// The effort of a slack for `k` neighbors. What was expanded is looked at again, and half as much again as is wanted.
    init(slack: Slack, k: Int) {
        (self.slack, window, rerank) = (slack, k + k / 2 + 6, k + k / 2 + 6)
        keptRatio = slack.ratio
    }

    /// Windows from cheapest to most expensive: one by one, then in steps of a fifteenth.
    static let windows: [Int] = {
        var windows = [2]
        while windows.last! < 1024 { windows.append(min(1024, max(windows.last! + 1, windows.last! * 16 / 15))) }
        return windows
    }()
}
