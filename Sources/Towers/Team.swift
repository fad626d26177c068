import CKernels
import Foundation
import Synchronization

/// Several threads at one batch: what one text's latency is made of.
///
/// Every member runs the same steps, and each step is cut into numbered pieces:
///
/// 1. A member claims the next piece of its step, until there is none.
/// 2. It waits until the pieces that others have claimed are done, spinning: they are microseconds away.
/// 3. It goes on to the next step.
///
/// Nobody waits for a member that has not come: one that the system starts late finds the first steps done, and the
/// caller does all pieces itself if none comes. Between batches the helpers are asleep in the system's pool. Which
/// member gets which piece is left to chance, so a piece's result must not depend on it.
final class Team: Sendable {
    /// Processors that this process may run on.
    private static let cores = ProcessInfo.processInfo.activeProcessorCount
    /// One team at a time: when several calls are under way, the processors have enough to do.
    private static let isBusy = Atomic<Bool>(false)
    /// Looks at a value, a few dozen cycles each, before a waiting member lets other threads have its processor.
    private static let patience = 2000

    // Pieces are counted from the first step on, so that two counters serve all steps.
    private let claimed = Atomic<Int>(0)
    private let done = Atomic<Int>(0)
    /// Helpers that are inside; -1 when the batch is done.
    private let helpers = Atomic<Int>(0)

    /// One thread's place in the steps.
    struct Member {
        fileprivate let team: Team?
        private var end = 0

        fileprivate init(_ team: Team?) { self.team = team }

        /// One step: calls `body` for the pieces that this member gets of `0..<pieces`. All are done on return.
        @inline(__always)
        mutating func share(_ pieces: Int, _ body: (Int) -> Void) {
            guard let team else {
                for piece in 0..<pieces { body(piece) }
                return
            }
            let begin = end
            end += pieces
            while let piece = team.claim(before: end) {
                body(piece - begin)
                team.done.add(1, ordering: .releasing)
            }
            team.wait { team.done.load(ordering: .acquiring) >= end }
        }
    }

    /// Runs `body` on the caller's thread, and on up to `threads - 1` more if they are free.
    ///
    /// Each member gets a workspace of its own, the caller the one given here.
    static func run(
        threads: Int, _ workspace: Workspace, _ body: @escaping @Sendable (inout Member, Workspace) -> Void
    ) {
        let count = min(threads, cores)
        guard count > 1, !isBusy.exchange(true, ordering: .acquiringAndReleasing) else {
            var alone = Member(nil)
            return body(&alone, workspace)
        }
        defer { isBusy.store(false, ordering: .releasing) }
        let team = Team()
        for index in 1..<count {
            let handover = Handover(workspace: workspace.helper(index - 1))
            DispatchQueue.global(qos: .userInitiated).async {
                guard team.enter() else { return }
                var member = Member(team)
                body(&member, handover.workspace)
                team.helpers.subtract(1, ordering: .releasing)
            }
        }
        var member = Member(team)
        body(&member, workspace)
        team.close()
    }

    // Only helpers that have entered touch their workspace, and the caller waits for those.
    private struct Handover: @unchecked Sendable { let workspace: Workspace }

    private func claim(before end: Int) -> Int? {
        var next = claimed.load(ordering: .relaxed)
        while next < end {
            let (exchanged, original) = claimed.weakCompareExchange(
                expected: next, desired: next + 1, ordering: .relaxed)
            if exchanged { return next }
            next = original
        }
        return nil
    }

    private func enter() -> Bool {
        var inside = helpers.load(ordering: .relaxed)
        while inside >= 0 {
            let (exchanged, original) = helpers.weakCompareExchange(
                expected: inside, desired: inside + 1, ordering: .acquiring)
            if exchanged { return true }
            inside = original
        }
        return false
    }

    /// Waits for the helpers inside, and lets no more in.
    private func close() {
        wait { helpers.weakCompareExchange(expected: 0, desired: -1, ordering: .acquiring).exchanged }
    }

    @inline(__always)
    private func wait(_ isReached: () -> Bool) {
        var looks = 0
        while !isReached() {
            belfry_pause()
            looks += 1
            if looks > Self.patience { sched_yield() }
        }
    }
}
