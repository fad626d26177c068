import Belfry
import Files
import Foundation
import HTTPTypes
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
    let embeddings: EmbeddingQueue
    let recommender: Recommender
    let snapshots: SnapshotStore
    let audit: RecallAudit
    let shadows = ShadowQueries()
    let jobs = Jobs()
    let logger: Logger
    let started = ContinuousClock.now

    init(_ settings: ServerSettings, logger: Logger) throws(BelfryError) {
        (self.settings, self.logger) = (settings, logger)
        let folder = try DataFolder(settings.data)
        collections = try CollectionRegistry(folder, memoryLimit: settings.memoryLimit, now: settings.now)
        snapshots = SnapshotStore(folder)
        audit = RecallAudit(share: settings.auditShare, logger: logger)
        recommender = Recommender(feedback: FeedbackLog(folder.feedback), logger: logger)
        let cores = max(2, ProcessInfo.processInfo.activeProcessorCount)
        work = WorkThreads("work", count: cores, most: settings.mostRequests)
        embeddings = EmbeddingQueue(on: work, threads: cores)
        chores = WorkThreads("chore", count: 2, most: 64)
    }

    /// Ends writing to all.
    func close() async {
        audit.stop()
        await collections.close()
    }

    /// The collection of a name, an alias or `collection@version`, opened.
    /// - Throws: 404 where there is none, 403 where the caller may not read it.
    /// - Parameter access: what they must be allowed to do to it.
    func target(_ name: String, for caller: Caller, _ access: Access = .reading) throws -> Target {
        let (served, version) = try collections.version(named: name)
        try caller.require(access, of: served.name, named: name)
        return try Target(served, version: version)
    }

    /// What answers a query that is asked under a name, and what is to be asked as well: see ``Aliases/Trial``. A caller who may
    /// not read what is tried gets the first one's answers.
    /// - Throws: as ``target(_:for:)``.
    func routed(
        _ name: String, for call: Call
    ) throws -> (target: Target, shadow: CollectionRegistry.Place?, isTried: Bool) {
        let routed = try collections.routed(named: name) { header in
            HTTPField.Name(header).flatMap { call.headers[$0] }
        }
        let mayRead = call.caller.access(to: routed.answers.collection.name) >= .reading
        guard routed.isTried || routed.shadow != nil, mayRead else {
            return (try target(name, for: call.caller), nil, false)
        }
        do throws(BelfryError) {
            let target = try Target(routed.answers.collection, version: routed.answers.version)
            return (target, routed.shadow, routed.isTried)
        } catch {
            // What is tried may be damaged, or gone: the first one answers.
            guard routed.isTried else { throw error }
            logger.error("what is tried under \(name): \(error)")
            return (try target(name, for: call.caller), nil, true)
        }
    }

    /// The collections that a caller may read, in the order of their names.
    func all(for caller: Caller) -> [ServedCollection] {
        collections.all().filter { caller.access(to: $0.name) >= .reading }
    }
}
