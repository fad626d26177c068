import Belfry
import Files
import Synchronization

/// A collection of the folder, which is opened by whoever needs it first. What it costs to open, or that it cannot be
/// opened, is no other's concern.
final class ServedCollection: Sendable {
    let name: String
    let path: String
    private let opened: Mutex<VectorCollection?>
    /// What a client said of it; see ``CollectionRecord``.
    private let described: Mutex<CollectionRecord?>
    private let recordFile: String
    private let memoryLimit: Int?

    init(
        _ name: String, at path: String, record: String, opened: VectorCollection? = nil,
        described: CollectionRecord? = nil, memoryLimit: Int?
    ) {
        (self.name, self.path, recordFile, self.memoryLimit) = (name, path, record, memoryLimit)
        self.opened = Mutex(opened)
        self.described = Mutex(described)
    }

    /// The open collection. Where another process writes to it, it is read as it is now.
    func collection() throws(BelfryError) -> VectorCollection {
        try opened.withLock { opened throws(BelfryError) in
            if let opened { return opened }
            let collection: VectorCollection
            do throws(BelfryError) {
                collection = try VectorCollection(path, for: .writing, memoryLimit: memoryLimit)
            } catch {
                guard error.code == .conflict else { throw error }
                // Not kept: the next request sees what was written meanwhile, or may write itself.
                return try VectorCollection(path, for: .reading)
            }
            opened = collection
            return collection
        }
    }

    /// The collection, if somebody has opened it.
    var openedAlready: VectorCollection? { opened.withLock { $0 } }

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
            return opened
        }
        try? await collection?.close()
    }
}
