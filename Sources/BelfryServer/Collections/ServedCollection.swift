import Belfry
import Files
import Synchronization

/// A collection of the folder, which is opened by whoever needs it first. What it costs to open, or that it cannot be
/// opened, is no other's concern.
final class ServedCollection: Sendable {
    let name: String
    let path: String
    private let opening: Mutex<Opening>
    /// What a client said of it; see ``CollectionRecord``.
    private let described: Mutex<CollectionRecord?>
    private let strict = Mutex(StrictState.unread)
    private let recordFile: String
    private let memoryLimit: Int?
    private let now: @Sendable () -> ContinuousClock.Instant

    private enum StrictState {
        /// Nobody has asked since it was set.
        case unread
        case known(StrictMode?)
    }

    private enum Opening {
        case unopened
        case open(Opened)
        /// For good: what lies at the path may be another collection by now, which is another one's to open.
        case closed
    }

    private struct Opened {
        let collection: VectorCollection
        /// When it is opened again; nil for one that this server writes to.
        var until: ContinuousClock.Instant?
    }

    /// What another process writes is found after so long at the latest. To open a collection takes some milliseconds, which no
    /// search is to wait for each time.
    private static let readFor = Duration.seconds(1)

    init(
        _ name: String, at path: String, record: String, opened: VectorCollection? = nil,
        described: CollectionRecord? = nil, memoryLimit: Int?,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        (self.name, self.path, recordFile, self.memoryLimit, self.now) = (name, path, record, memoryLimit, now)
        opening = Mutex(opened.map { .open(Opened(collection: $0)) } ?? .unopened)
        self.described = Mutex(described)
    }

    /// The open collection. Where this process cannot write to it, because another one does or because it is a link, it is read as
    /// it was a moment ago.
    /// - Throws: `notFound` once it is closed.
    func collection() throws(BelfryError) -> VectorCollection {
        try opening.withLock { opening throws(BelfryError) in
            switch opening {
            case .open(let opened) where opened.until.map({ ContinuousClock.now < $0 }) ?? true:
                return opened.collection
            case .closed: throw BelfryError(.notFound, "Collection \(name) is gone, or is being replaced.")
            case .open, .unopened: break
            }
            let latest: Opened
            do throws(BelfryError) {
                let collection = try VectorCollection(path, for: .writing, memoryLimit: memoryLimit)
                try collection.resumeMerges()
                latest = Opened(collection: collection, until: nil)
            } catch {
                guard error.code == .conflict else { throw error }
                // The next one may write itself.
                latest = Opened(
                    collection: try VectorCollection(path, for: .reading), until: ContinuousClock.now + Self.readFor)
            }
            opening = .open(latest)
            return latest.collection
        }
    }

    /// The collection, if somebody has opened it.
    var openedAlready: VectorCollection? {
        opening.withLock { if case .open(let opened) = $0 { opened.collection } else { nil } }
    }

    /// What a client said of it; of one that was made elsewhere, what the collection says of itself.
    func record() throws(BelfryError) -> CollectionRecord {
        let configuration = try collection().configuration
        return described.withLock { described in
            if let described { return described }
            let record = CollectionRecord(file: recordFile) ?? CollectionRecord(of: configuration)
            described = record
            return record
        }
    }

    /// Changes what a client said of it, and keeps that on disk.
    func changeRecord(_ change: (inout CollectionRecord) throws -> Void) throws {
        var changed = try record()
        try change(&changed)
        try changed.write(to: recordFile)
        described.withLock { $0 = changed }
    }

    /// What it lets through; nil where strict mode is off, which costs every request no more than to look here.
    func strictMode() throws(BelfryError) -> StrictMode? {
        try strict.withLock { strict throws(BelfryError) in
            if case .known(let known) = strict { return known }
            let read = StrictMode(try record().config["strict_mode_config"], now: now)
            strict = .known(read)
            return read
        }
    }

    /// Takes up strict mode as it was set just now: its rates begin anew.
    func renewStrictMode() { strict.withLock { $0 = .unread } }

    /// Ends writing, for good. Searches that are under way go on with what they have.
    func close() async {
        let collection = opening.withLock { opening -> VectorCollection? in
            defer { opening = .closed }
            return if case .open(let opened) = opening { opened.collection } else { nil }
        }
        try? await collection?.close(endingMerges: true)
    }
}
