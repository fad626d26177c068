import Belfry
import Files
import Synchronization

/// A collection of the folder, which is opened by whoever needs it first. What it costs to open, or that it cannot be
/// opened, is no other's concern.
final class ServedCollection: Sendable {
    let name: String
    let path: String
    private let opened: Mutex<Opened?>
    /// What a client said of it; see ``CollectionRecord``.
    private let described: Mutex<CollectionRecord?>
    private let recordFile: String
    private let memoryLimit: Int?

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
        described: CollectionRecord? = nil, memoryLimit: Int?
    ) {
        (self.name, self.path, recordFile, self.memoryLimit) = (name, path, record, memoryLimit)
        self.opened = Mutex(opened.map { Opened(collection: $0) })
        self.described = Mutex(described)
    }

    /// The open collection. Where this process cannot write to it, because another one does or because it is a link, it is read as
    /// it was a moment ago.
    func collection() throws(BelfryError) -> VectorCollection {
        try opened.withLock { opened throws(BelfryError) in
            if let opened, opened.until.map({ ContinuousClock.now < $0 }) ?? true { return opened.collection }
            let latest: Opened
            do throws(BelfryError) {
                latest = Opened(
                    collection: try VectorCollection(path, for: .writing, memoryLimit: memoryLimit), until: nil)
            } catch {
                guard error.code == .conflict else { throw error }
                // The next one may write itself.
                latest = Opened(
                    collection: try VectorCollection(path, for: .reading), until: ContinuousClock.now + Self.readFor)
            }
            opened = latest
            return latest.collection
        }
    }

    /// The collection, if somebody has opened it.
    var openedAlready: VectorCollection? { opened.withLock { $0?.collection } }

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

    /// Ends writing. Searches that are under way go on with what they have.
    func close() async {
        let collection = opened.withLock { opened in
            defer { opened = nil }
            return opened?.collection
        }
        try? await collection?.close()
    }
}
