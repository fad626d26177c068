import Files
import Synchronization
import Testing

@testable import Vectors

/// Every piece is done once, by as many threads as were asked for, whatever happens on the way.
@Suite struct WorkPoolTests {
    @Test(arguments: [0, 1, 2, 7, 100], [1, 2, 5])
    func everyPieceIsDoneOnce(pieces: Int, threads: Int) throws {
        for priority in [WorkPool.Priority.interactive, .background] {
            let pool = WorkPool(threads: threads, priority: priority)
            let counts = Mutex([Int](repeating: 0, count: pieces))
            pool.forEach(pieces) { piece, worker in
                #expect((0..<threads).contains(worker))
                counts.withLock { $0[piece] += 1 }
            }
            try pool.run(pieces) { worker in
                while worker.one({ piece throws(BelfryError) in counts.withLock { $0[piece] += 1 } }) {}
            }
            #expect(counts.withLock { $0 } == [Int](repeating: 2, count: pieces))
        }
    }

    @Test(arguments: [1, 3])
    func slicesAreDisjointAndCoverAll(threads: Int) {
        var numbers = [Int](repeating: 0, count: 103)
        numbers.withUnsafeMutableBufferPointer { numbers in
            WorkPool(threads: threads).forEachSlice(of: numbers, size: 10, reading: 1_000) { slice, first, offset in
                #expect(slice.count == min(10, 103 - first))
                for index in slice.indices { slice[index] += offset + first + index }
            }
        }
        #expect(numbers == (0..<103).map { 1_000 + $0 })
    }

    @Test(arguments: [1, 2, 4])
    func theFirstFailureIsSeenAndNothingIsHandedOutAfterIt(threads: Int) {
        let done = Mutex(Set<Int>())
        let error = #expect(throws: BelfryError.self) {
            try WorkPool(threads: threads).run(1_000) { worker in
                while worker.one({ piece throws(BelfryError) in
                    if piece >= 10 { throw BelfryError(.invalidInput, "Piece \(piece) is bad.") }
                    _ = done.withLock { $0.insert(piece) }
                }) {}
            }
        }
        #expect(error?.message == "Piece 10 is bad.")
        #expect(done.withLock { $0 } == Set(0..<10))
    }

    @Test func aCancelledTaskStopsTheWork() async {
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try WorkPool(threads: 2).run(10, "count") { worker in while worker.one({ _ in }) {} }
        }
        let error = await #expect(throws: BelfryError.self) { try await task.value }
        #expect(error?.code == .cancelled && error?.message == "The count was cancelled.")
    }

    /// Helpers of background work leave when interactive work begins, and the work is done all the same.
    @Test func backgroundWorkMakesRoomAndGoesOn() {
        let pieces = 200
        let counts = Mutex([Int](repeating: 0, count: pieces))
        WorkPool(threads: 4, priority: .background).forEach(pieces) { piece, _ in
            if piece % 3 == 0 {
                WorkPool(threads: 2).forEach(2) { _, _ in counts.withLock { _ in } }
            }
            counts.withLock { $0[piece] += 1 }
        }
        #expect(counts.withLock { $0 } == [Int](repeating: 1, count: pieces))
    }

    @Test func statesAreEachOneWorkers() {
        let states = (0..<4).map { _ in Counter() }
        for _ in 0..<3 { WorkPool(threads: 4).together(states) { state, worker in state.add(worker + 1) } }
        #expect(states.map(\.total) == [3, 6, 9, 12])
    }

    @Test func aPoolKeepsWhatItLent() {
        let made = Mutex(0)
        let pool = Pool {
            made.withLock { $0 += 1 }
            return Counter()
        }
        for _ in 0..<3 { pool.lend { $0.add(1) } }
        #expect(pool.lend(\.total) == 3 && made.withLock { $0 } == 1)
        pool.lend { outer in pool.lend { inner in #expect(outer !== inner) } }
        #expect(made.withLock { $0 } == 2)
    }
}

private final class Counter {
    private(set) var total = 0
    func add(_ number: Int) { total += number }
}
