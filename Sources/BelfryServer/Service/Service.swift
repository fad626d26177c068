import Belfry
import Files
import Foundation
import Logging

/// What the routes share: the collections, the threads, the keys and the counts.
final class Service: Sendable {
    let settings: ServerSettings
    let collections: CollectionRegistry
    /// For searches, writes and embeddings.
    let work: WorkThreads
    /// For what takes long: making, removing and copying collections.
    let chores: WorkThreads
    let metrics = RequestMetrics()
    let models = KnownModels()
    let recommender: Recommender
    let snapshots: SnapshotStore
    let logger: Logger
    let started = ContinuousClock.now

    init(_ settings: ServerSettings, logger: Logger) throws(BelfryError) {
        (self.settings, self.logger) = (settings, logger)
        let folder = try DataFolder(settings.data)
        collections = try CollectionRegistry(folder, memoryLimit: settings.memoryLimit)
        snapshots = SnapshotStore(folder)
        recommender = Recommender(feedback: FeedbackLog(folder.feedback), logger: logger)
        let cores = max(2, ProcessInfo.processInfo.activeProcessorCount)
        work = WorkThreads("work", count: cores, most: settings.mostRequests)
        chores = WorkThreads("chore", count: 2, most: 64)
    }

    /// The collection of a name, an alias or `collection@version`, opened.
    func target(_ name: String) throws -> Target {
        let (served, version) = try collections.version(named: name)
        return try Target(served, version: version)
    }
}
