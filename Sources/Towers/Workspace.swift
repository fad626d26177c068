import Synchronization
import Vectors

/// The memory of one worker, kept between batches: nothing is allocated once the largest batch has been seen.
final class Workspace {
    enum Part: Int, CaseIterable { case tokens, wide, mixed, panel, attention, pooled }

    /// The tokens of the batch, text after text.
    var ids: [Int32] = []
    /// Which of them belong to one text.
    var texts: [Range<Int>] = []
    private var buffers = [Matrix?](repeating: nil, count: Part.allCases.count)

    /// At least `count` floats, 64-byte aligned, with whatever was in them.
    func buffer(_ part: Part, _ count: Int) -> UnsafeMutablePointer<Float> {
        if let buffer = buffers[part.rawValue], buffer.columns >= count { return buffer.pointer }
        let buffer = Matrix(rows: 1, columns: count)
        buffers[part.rawValue] = buffer
        return buffer.pointer
    }
}

/// Workspaces that wait for their next call.
final class WorkspacePool: Sendable {
    // A workspace is either in here or with one worker.
    private struct Store: @unchecked Sendable { var workspaces: [Workspace] = [] }
    private let store = Mutex(Store())

    /// A workspace that nobody else uses.
    func take() -> Workspace {
        store.withLock { $0.workspaces.popLast().map(Handover.init) }?.workspace ?? Workspace()
    }

    /// Puts the workspace back.
    func give(_ workspace: Workspace) {
        let handover = Handover(workspace: workspace)
        store.withLock { $0.workspaces.append(handover.workspace) }
    }

    private struct Handover: @unchecked Sendable { let workspace: Workspace }
}
