import Files
import Synchronization

/// The progress lines of work in several stages, one after another.
final class StageProgress: Sendable {
    private let current = Mutex<(label: String, line: ProgressLine)?>(nil)

    func show(_ label: String, _ done: Int, of total: Int?, _ unit: ProgressLine.Unit) {
        let line = current.withLock { current in
            if let current, current.label == label { return current.line }
            current?.line.finish()
            let line = ProgressLine(label, total: total, unit: unit)
            current = (label, line)
            return line
        }
        line.advance(to: done)
    }

    func finish(failed: Bool) { current.withLock { $0?.line.finish(failed: failed) } }
}
