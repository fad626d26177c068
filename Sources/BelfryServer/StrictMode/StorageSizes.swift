import Files
import Foundation
import Synchronization

/// What a collection takes on disk, as far as it is known without looking at each point.
final class StorageSizes: Sendable {
    private struct State {
        /// When the file of the payloads was last changed.
        var changed: Date?
        /// Bytes of the payloads that were written since: they lie in the log.
        var logged = 0
        /// Mean bytes of vectors that have no common length, by the names of vectors.
        var means: [String: Double] = [:]
        /// How often the means are still taken as they are.
        var uses = 0
    }

    private let state = Mutex(State())

    // MARK: payloads

    /// Bytes of the file that has the payloads, and of the payloads that were written since.
    func payloadBytes(in file: String) -> Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: file)
        let changed = attributes?[.modificationDate] as? Date
        return state.withLock { state in
            if state.changed != changed { (state.changed, state.logged) = (changed, 0) }
            return (attributes?[.size] as? Int ?? 0) + state.logged
        }
    }

    func notePayloads(bytes: Int) { state.withLock { $0.logged += bytes } }

    // MARK: vectors

    /// How many writes may go by before it is measured again how long vectors are.
    private static let lag = 32

    /// The mean bytes of vectors, which `measure` finds out now and then.
    func vectorMeans(_ measure: () throws(BelfryError) -> [String: Double]) throws(BelfryError) -> [String: Double] {
        let known = state.withLock { state -> [String: Double]? in
            guard state.uses > 0 else { return nil }
            state.uses -= 1
            return state.means
        }
        if let known { return known }
        let means = try measure()
        state.withLock { ($0.means, $0.uses) = (means, Self.lag - 1) }
        return means
    }
}
