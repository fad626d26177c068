import CKernels
import Foundation
import Synchronization
import Vectors

/// Several threads at one batch: what one text's latency is made of.
///
/// Every member runs the same steps, and each step is cut into numbered pieces:
///
/// 1. A member claims the next piece of its step, until there is none.
/// 2. It waits until the pieces that others have claimed are done, spinning: they are microseconds away.
/// 3. It goes on to the next step.
///
/// No step waits for a member that has not come: one that the system starts late finds the first steps done, and the
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

    /// Where one thread is in the steps.
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
    /// `memory` is what all members share: each writes to places of its own piece.
    static func run<Memory>(
        threads: Int, _ workspace: Workspace, sharing memory: Memory,
        _ body: @Sendable (inout Member, Workspace, Memory) -> Void
    ) {
        let count = min(threads, cores)
        guard count > 1, !isBusy.exchange(true, ordering: .acquiringAndReleasing) else {
            var alone = Member(nil)
            return body(&alone, workspace, memory)
        }
        defer { isBusy.store(false, ordering: .releasing) }
        let team = Team()
        let places = workspace.team(of: count).map { (workspace: $0, memory: memory) }
        WorkPool(threads: count).together(places) { place, _ in
            var member = Member(team)
            body(&member, place.workspace, place.memory)
        }
    }

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
