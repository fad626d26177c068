public import Files
import Shards
import Synchronization
import Vectors

// Writing. A call returns when what it has written is on disk: it survives a crash and a power cut from then on, and the
// next search finds it. Calls of several tasks share the disk's sync, so that many at once are about as fast as one.
extension VectorCollection {
    /// The merges that are under way.
    package var mergesUnderWay: [MergeStatus] { writer?.maintenance.mergesUnderWay.withLock { $0 } ?? [] }

    /// Writes points, each in the place of the one of its id; all of them, or none.
    ///
    /// ```swift
    /// try await collection.upsert([WrittenPoint(id: "red-lamp", vector: vector, payload: ["title": "Red lamp"])])
    /// ```
    /// - Throws: as ``write(_:)``.
    @discardableResult
    public func upsert(
        _ points: [WrittenPoint], condition: WriteCondition = .always
    ) async throws(BelfryError) -> WriteResult {
        try await write(points.map { .upsert($0, condition: condition) })
    }

    /// Deletes points by their ids; one that is not there is none to delete.
    /// - Throws: as ``write(_:)``.
    @discardableResult
    public func delete(_ ids: [String]) async throws(BelfryError) -> WriteResult {
        try await write([.delete(.ids(ids))])
    }

    /// Deletes all points that pass a filter, as the collection is when it is carried out.
    /// - Throws: as ``write(_:)``.
    @discardableResult
    public func delete(where filter: Filter) async throws(BelfryError) -> WriteResult {
        try await write([.delete(.matching(filter))])
    }

    /// Carries out operations in order; all of them, or none.
    /// - Throws: `invalidInput` for a batch above the ``WriteLimits``, a vector of another dimension, one that is not finite
    ///   or zero under cosine, a payload that is no object; `conflict` for a collection that was opened for reading, or
    ///   closed; `io` where the disk fails or is full: what was acknowledged before is safe, and what this call was to
    ///   write may be there or not.
    @discardableResult
    public func write(_ operations: [WriteOperation]) async throws(BelfryError) -> WriteResult {
        let writer = try writing()
        let configuration = configuration
        try configuration.requireVersion(version, at: path)
        let batch = try WriteBatch(operations, configuration)
        // What passes in the catalogue is found here, and kept: the writer, for whom others wait, looks at the rest alone.
        for filter in batch.filters.values {
            try onCurrentView { view throws(BelfryError) in _ = try view.slots(where: filter) }
        }
        return try await writer.write(batch)
    }

    /// Brings the catalogue up to date with the log, and makes one segment of all, or as few as can be built within the memory
    /// that there is: for whoever has just loaded many points. Without it that is done bit by bit, when it is worth it.
    public func compact() async throws(BelfryError) {
        let writer = try writing()
        try await writer.settle()
    }

    /// Leaves all merging to ``compact()``: for whoever is about to load many points.
    public func mergeOnlyWhenCompacted() throws(BelfryError) {
        try writing().maintenance.mergesLater.store(true, ordering: .relaxed)
    }

    /// Goes on with what an earlier writer has left to be merged: for whoever has the collection open for long.
    package func resumeMerges() throws(BelfryError) {
        let writer = try writing()
        writer.maintenance.mergeSoon(writer)
    }

    /// Ends writing: what was acknowledged is on disk, whether this is called or not. Other processes may write then.
    /// - Parameter endsMerges: Whether merges that are under way are given up, to be begun anew another time. Else this
    ///   waits for them: an index of a million rows takes minutes.
    public func close(endingMerges endsMerges: Bool = false) async throws(BelfryError) {
        try await writer?.close(endingMerges: endsMerges)
    }

    func writing() throws(BelfryError) -> Writer {
        guard let writer else {
            throw BelfryError(
                .conflict, "The collection was opened for reading.", at: .init(file: path),
                remedy: "Open it for writing.")
        }
        return writer
    }
}
