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
    let rerankers: Rerankers
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
        rerankers = try Rerankers(settings.rerankers)
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

    // MARK: what a call is about

    /// The collection that a call's path names first, if its caller may do to it what the call does: they are told apart here,
    /// where the name is looked up, so that an alias that is switched meanwhile takes nobody along.
    /// - Throws: 404 where there is none, 403 where they may not.
    func served(_ call: Call) throws -> ServedCollection { try place(call).collection }

    /// The same, opened.
    func target(_ call: Call) throws -> Target {
        let place = try place(call)
        return try Target(place.collection, version: place.version)
    }

    private func place(_ call: Call) throws -> CollectionRegistry.Place {
        try place(call.names[0], for: call.caller, call.access)
    }

    /// The collection of a name, an alias or `collection@version`, opened to be read.
    /// - Throws: 404 where there is none, 403 where the caller may not read it.
    func target(_ name: String, for caller: Caller) throws -> Target {
        let place = try place(name, for: caller, .reading)
        return try Target(place.collection, version: place.version)
    }

    private func place(
        _ name: String, for caller: Caller, _ access: Access
    ) throws -> CollectionRegistry.Place {
        let place = try collections.version(named: name)
        try caller.require(access, of: place.collection.name, named: name)
        return place
    }

    /// What answers a query, and what is to be asked as well: see ``Aliases/Trial``. A caller who may not read what is tried gets
    /// the first one's answers, and so does everybody where it is damaged or gone.
    /// - Throws: as ``target(_:)``.
    func routed(_ call: Call) throws -> (target: Target, shadow: CollectionRegistry.Place?, isTried: Bool) {
        let first = try place(call)
        let trial = collections.trial(under: call.names[0]) { header in
            HTTPField.Name(header).flatMap { call.headers[$0] }
        }
        func answered(by place: CollectionRegistry.Place) throws(BelfryError) -> Target {
            try Target(place.collection, version: place.version)
        }
        switch trial {
        case nil: return (try answered(by: first), nil, false)
        case .shadow(let second)?: return (try answered(by: first), try? collections.version(named: second), false)
        case .part(nil)?: return (try answered(by: first), nil, true)
        case .part(let second?)?:
            do {
                let place = try collections.version(named: second)
                guard call.caller.access(to: place.collection.name) >= call.access else {
                    return (try answered(by: first), nil, false)
                }
                return (try answered(by: place), nil, true)
            } catch {
                logger.error("what is tried under \(call.names[0]): \(error)")
                return (try answered(by: first), nil, true)
            }
        }
    }

    /// The collections that a caller may read, in the order of their names.
    func all(for caller: Caller) -> [ServedCollection] {
        collections.all().filter { caller.access(to: $0.name) >= .reading }
    }
}
