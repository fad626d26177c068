public import Foundation
import Synchronization

/// The progress of long work (Foundation has a `Progress` already), as one line on a terminal that is rewritten at most five times a second:
/// `embedding  1,234 / 5,000  312/s  12 s left`.
///
/// Nothing is written where standard error is no terminal, or for work that takes less than a second. Any thread may
/// report.
public final class ProgressLine: Sendable {
    private struct State {
        var done = 0
        var lastShown: TimeInterval = 0
        var shown = false
        var finished = false
    }

    private let label: String
    private let total: Int?
    private let unit: Unit
    private let clock: @Sendable () -> TimeInterval
    private let output: (@Sendable (String) -> Void)?
    private let state = Mutex(State())
    private let start: TimeInterval

    /// What is counted.
    public enum Unit: Sendable {
        /// Things: `1,234`.
        case items
        /// Bytes: `1.2 MB`.
        case bytes
    }

    /// Starts the clock.
    /// - Parameter total: how much there is to do, if that is known.
    public convenience init(_ label: String, total: Int? = nil, unit: Unit = .items) {
        let write: @Sendable (String) -> Void = { text in
            // A terminal that has gone away is no reason to stop the work.
            try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
        }
        self.init(
            label, total: total, unit: unit, clock: { ProcessInfo.processInfo.systemUptime },
            output: isatty(STDERR_FILENO) == 1 ? write : nil)
    }

    init(
        _ label: String, total: Int?, unit: Unit = .items, clock: @escaping @Sendable () -> TimeInterval,
        output: (@Sendable (String) -> Void)?
    ) {
        (self.label, self.total, self.unit, self.clock, self.output) = (label, total, unit, clock, output)
        start = clock()
    }

    /// How much is done.
    public var done: Int { state.withLock { $0.done } }

    /// Reports that `count` in all are done.
    public func advance(to count: Int) {
        state.withLock { state in
            state.done = max(state.done, count)
            guard let output, !state.finished else { return }
            let seconds = clock() - start
            guard seconds >= 1, seconds - state.lastShown >= 0.2 else { return }
            state.lastShown = seconds
            state.shown = true
            // Return to the line's beginning, write, and clear what a longer line left behind.
            output("\r" + Self.line(label, done: state.done, total: total, seconds: seconds, unit: unit) + "\u{1b}[K")
        }
    }

    /// Replaces the line by its summary, or clears it when the work failed. What is reported later is not shown.
    public func finish(failed: Bool = false) {
        state.withLock { state in
            guard !state.finished else { return }
            state.finished = true
            let seconds = clock() - start
            guard let output, state.shown || (seconds >= 1 && !failed) else { return }
            output("\r\u{1b}[K")
            if !failed { output(Self.summary(label, done: state.done, seconds: seconds, unit: unit) + "\n") }
        }
    }

    // MARK: the text

    /// The line for work that goes on.
    public static func line(
        _ label: String, done: Int, total: Int?, seconds: TimeInterval, unit: Unit = .items
    ) -> String {
        let rate = seconds > 0 ? Double(done) / seconds : 0
        var parts = [label, amount(done, unit) + (total.map { " / " + amount($0, unit) } ?? "")]
        if rate > 0 { parts.append(self.rate(rate, unit)) }
        if let total, rate > 0, total > done { parts.append(duration(Double(total - done) / rate) + " left") }
        return parts.joined(separator: "  ")
    }

    /// The line for work that is done: `embedding  5,000 in 16 s (312/s)`.
    public static func summary(_ label: String, done: Int, seconds: TimeInterval, unit: Unit = .items) -> String {
        let rate = seconds > 0 && done > 0 ? " (\(self.rate(Double(done) / seconds, unit)))" : ""
        return "\(label)  \(amount(done, unit)) in \(duration(seconds))\(rate)"
    }

    /// `850 ms`, `12 s`, `3 min 20 s`, `2 h 05 min`.
    public static func duration(_ seconds: TimeInterval) -> String {
        guard seconds.isFinite, seconds < 1e9 else { return "∞" }
        if seconds < 0.9995 { return "\(Int((max(0, seconds) * 1000).rounded())) ms" }
        let whole = Int(seconds.rounded())
        func two(_ value: Int) -> String { (value < 10 ? "0" : "") + "\(value)" }
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(two(whole % 60)) s" }
        return "\(whole / 3600) h \(two(whole % 3600 / 60)) min"
    }

    /// `1,234,567`.
    public static func grouped(_ value: Int) -> String {
        let digits = String(value.magnitude)
        var text = value < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return text
    }

    /// The nearest whole number, as `1,234,567`; `∞` for what is no number that 64 bits hold.
    public static func grouped(_ value: Double) -> String {
        Int(exactly: value.rounded()).map { grouped($0) } ?? "∞"
    }

    private static func amount(_ value: Int, _ unit: Unit) -> String {
        unit == .items ? grouped(value) : bytes(Double(value))
    }

    private static func rate(_ rate: Double, _ unit: Unit) -> String {
        if unit == .bytes { return bytes(rate) + "/s" }
        return (rate < 10 ? oneDecimal(rate) : grouped(rate)) + "/s"
    }

    /// `1.2 MB`, in powers of 1,000.
    public static func bytes(_ value: Double) -> String {
        guard value.isFinite, value >= 0 else { return "∞" }
        var (value, unit) = (value, 0)
        let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
        while value >= 999.95, unit < units.count - 1 { (value, unit) = (value / 1000, unit + 1) }
        return (unit == 0 ? "\(Int(value))" : oneDecimal(value)) + " " + units[unit]
    }

    private static func oneDecimal(_ value: Double) -> String {
        guard let tenths = Int(exactly: (value * 10).rounded()) else { return "∞" }
        return "\(tenths / 10).\(tenths % 10)"
    }
}
