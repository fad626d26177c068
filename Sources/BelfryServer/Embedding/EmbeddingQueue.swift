import Files
import Synchronization
import Towers
import Vectors

/// Embeds the texts of several callers in one batch.
///
/// Nobody waits for company: what comes while a tower computes is its next batch, in which every caller has the same share. So one
/// who sends two thousand texts does not keep one with a single text waiting for longer than a batch takes.
final class EmbeddingQueue: Sendable {
    /// Texts that may stand in one batch: those that one tower embeds in one way.
    private struct Kind: Hashable {
        let fingerprint: String
        let role: Tower.Role
    }

    private struct Waiting {
        let number: Int
        let texts: [String]
        let tower: Tower
        let continuation: CheckedContinuation<[[Float]], any Error>
        var vectors: [[Float]] = []
        /// How many of the texts are being embedded, or have been.
        var taken = 0
    }

    private struct State {
        var waiting: [Kind: [Waiting]] = [:]
        var running: Set<Kind> = []
        var last = 0
    }

    /// What is embedded at once: of each caller the next texts.
    private struct Batch {
        var tower: Tower
        var parts: [(number: Int, texts: ArraySlice<String>)] = []
    }

    private let state = Mutex(State())
    private let work: WorkThreads
    private let threads: Int
    /// More texts, or bytes of them, in a batch make it no faster, and others wait longer.
    private static let mostTexts = 64
    private static let mostBytes = 1 << 14

    /// - Parameters:
    ///   - work: where batches are begun.
    ///   - threads: how many compute one.
    init(on work: WorkThreads, threads: Int) { (self.work, self.threads) = (work, threads) }

    /// The vectors of texts, in their order.
    /// - Throws: as the tower does, for these texts alone.
    func embed(_ texts: [String], by tower: Tower, as role: Tower.Role) async throws -> [[Float]] {
        let kind = Kind(fingerprint: tower.fingerprint, role: role)
        return try await withCheckedThrowingContinuation { continuation in
            let isFirst = state.withLock { state in
                state.last += 1
                state.waiting[kind, default: []].append(
                    Waiting(number: state.last, texts: texts, tower: tower, continuation: continuation))
                return state.running.insert(kind).inserted
            }
            if isFirst { Task(executorPreference: work) { self.run(kind) } }
        }
    }

    private func run(_ kind: Kind) {
        guard let batch = state.withLock({ Self.take(kind, &$0) }) else { return }
        do throws(BelfryError) {
            let texts = batch.parts.flatMap(\.texts)
            let vectors = try batch.tower.embed(texts, as: kind.role, threads: threads)
            var first = 0
            for (number, texts) in batch.parts {
                deliver((first..<first + texts.count).map { Array(vectors.row($0)) }, to: number, kind)
                first += texts.count
            }
        } catch {
            // One text is wrong, and the others are not.
            for (number, texts) in batch.parts { embedAlone(Array(texts), of: number, batch.tower, kind) }
        }
        // Behind whatever has come meanwhile: searches wait for one batch.
        Task(executorPreference: work) { self.run(kind) }
    }

    private func embedAlone(_ texts: [String], of number: Int, _ tower: Tower, _ kind: Kind) {
        do throws(BelfryError) {
            let vectors = try tower.embed(texts, as: kind.role, threads: threads)
            deliver((0..<texts.count).map { Array(vectors.row($0)) }, to: number, kind)
        } catch {
            let waiting = state.withLock { state -> Waiting? in
                guard let place = state.waiting[kind]?.firstIndex(where: { $0.number == number }) else { return nil }
                return state.waiting[kind]?.remove(at: place)
            }
            waiting?.continuation.resume(throwing: error)
        }
    }

    private func deliver(_ vectors: [[Float]], to number: Int, _ kind: Kind) {
        let done = state.withLock { state -> Waiting? in
            guard let place = state.waiting[kind]?.firstIndex(where: { $0.number == number }) else { return nil }
            state.waiting[kind]![place].vectors += vectors
            let waiting = state.waiting[kind]![place]
            return waiting.vectors.count == waiting.texts.count ? state.waiting[kind]!.remove(at: place) : nil
        }
        done?.continuation.resume(returning: done?.vectors ?? [])
    }

    /// The next texts of all that wait; nil where nobody does, and the kind is not running any more.
    private static func take(_ kind: Kind, _ state: inout State) -> Batch? {
        guard let first = state.waiting[kind]?.first else {
            state.waiting[kind] = nil
            state.running.remove(kind)
            return nil
        }
        var batch = Batch(tower: first.tower)
        var (texts, bytes) = (0, 0)
        let share = max(1, mostTexts / state.waiting[kind]!.count)
        for place in state.waiting[kind]!.indices where texts < mostTexts && bytes < mostBytes {
            let waiting = state.waiting[kind]![place]
            var end = waiting.taken
            while end < min(waiting.texts.count, waiting.taken + share), bytes < mostBytes || end == waiting.taken {
                bytes += min(waiting.texts[end].utf8.count, 4 * waiting.tower.maximumTokens)
                end += 1
            }
            batch.parts.append((waiting.number, waiting.texts[waiting.taken..<end]))
            texts += end - waiting.taken
            state.waiting[kind]![place].taken = end
        }
        // Who had no turn is the first of the next batch.
        let turns = batch.parts.count
        state.waiting[kind]! = Array(state.waiting[kind]![turns...] + state.waiting[kind]![..<turns])
        return batch
    }
}
