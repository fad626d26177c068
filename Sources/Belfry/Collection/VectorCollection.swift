public import Files
import Foundation
import Neighbors
import Shards
import Synchronization
import Towers
import Vectors

/// An open collection: one directory with a catalogue, the segments it lists, the log of what was written since, and the
/// tower that filled it.
///
/// 1. The configuration, the list of segments and what is dead in them are read from the catalogue.
/// 2. Each segment's shard, codes, index and ids are mapped; little is read from them yet.
/// 3. What the log has beyond the catalogue is read into memory.
/// 4. If another collection was put in the place meanwhile, all of that is done again: parts never mix.
/// 5. A search takes the ``View`` that there is, goes through its segments at the recall that is asked for, merges the
///    nearest, and fetches the payload of those only.
///
/// One that was opened for reading shows what was there then, and changes nothing on disk, whatever lies there. One that
/// was opened for writing shows what is written through it: `VectorCollection+Writing.swift`. Safe to use from several
/// threads and tasks.
public final class VectorCollection: Sendable {
    /// What a collection is opened for.
    public enum Access: Sendable {
        /// Any number of processes at once, also while another one writes.
        case reading
        /// One process at a time.
        case writing
    }

    /// A point as the collection has it.
    public typealias Point = RetrievedPoint

    /// The collection's directory.
    public var path: String { base.path }
    /// What the collection is.
    public var configuration: CollectionConfiguration { base.configuration.version(version) }
    /// The version that is searched and written to; empty for the first.
    public let version: String
    /// How many points it holds.
    public var count: Int { view.count }

    var base: CollectionBase { view.base }
    /// Nil where it was opened for reading.
    let writer: Writer?
    private let current: CurrentView

    /// Opens the collection at `path`, a `.belfry` directory.
    /// - Parameters:
    ///   - memoryLimit: for writing, bytes of memory that the process may have: no merge holds more. Nil for half of what it
    ///     may fill.
    ///   - version: the version that is searched and written to; empty for the first.
    ///   - note: for writing, hears what was removed that a killed writer had left.
    /// - Throws: `notFound` where nothing is built yet, or there is no such version, `corruptData` with file and place,
    ///   `conflict` where another process writes; for writing, `wrongTower` where its own tower does not compute what it did.
    public init(
        _ path: String, for access: Access = .reading, version: String = "", memoryLimit: Int? = nil,
        note: (String) -> Void = { _ in }
    ) throws(BelfryError) {
        self.version = version
        let layout = CollectionLayout(path: path)
        switch access {
        case .reading:
            let view = try CollectionBase.readLatest(layout)
            (writer, current) = (nil, CurrentView(view))
        case .writing:
            let writer = try Writer(opening: layout, memory: MemoryBudget(limit: memoryLimit), note: note)
            (current, self.writer) = (writer.current, writer)
            // What is embedded for it must be what it holds. Other versions' towers are looked at when they are used: one that is
            // damaged keeps nobody from dropping its version.
            for (place, space) in configuration.spaces.enumerated()
            where space.tower != nil && space.versioned.version == version {
                _ = try towers(of: place)
            }
        }
        try base.configuration.requireVersion(version, at: path)
    }

    private init(_ collection: VectorCollection, version: String) {
        (self.version, writer, current) = (version, collection.writer, collection.current)
    }

    /// The same open collection, searched and written to in another version.
    /// - Throws: `notFound` where there is no such version.
    public func version(_ version: String) throws(BelfryError) -> VectorCollection {
        try base.configuration.requireVersion(version, at: path)
        return VectorCollection(self, version: version)
    }

    /// The collection as it is now.
    package var view: View { current.view }

    /// The point that `text` names: a number, a UUID, or the key that the rows gave it.
    /// - Throws: `notFound`, `corruptData`.
    public func point(_ text: String) throws(BelfryError) -> Point {
        try onCurrentView { view throws(BelfryError) in try view.point(text) }
    }

    /// What `body` makes of the collection as it is now; where a write has overtaken that, it is asked again.
    package func onCurrentView<Result>(
        _ body: (View) throws(BelfryError) -> Result
    ) throws(BelfryError) -> Result {
        while true {
            let view = view
            do throws(BelfryError) {
                return try body(view)
            } catch {
                guard error.isOvertaken, try hasNewer(than: view) else { throw error }
            }
        }
    }

    /// The recall of searches where neither they nor the recipe name one.
    package var recallOfIndex: Double { base.index.recall }

    /// Whether there is a newer view than one that the catalogue may have overtaken: for a reader, it is read; a writer shows
    /// it as soon as the catalogue is up to date.
    func hasNewer(than view: View) throws(BelfryError) -> Bool {
        guard try base.catalogue.read({ try $0.lsn() }) > view.lsn else { return self.view !== view }
        guard writer != nil else {
            current.show(try CollectionBase.readLatest(base.layout, known: base))
            return true
        }
        for _ in 0..<10_000 where self.view === view { usleep(1_000) }
        return self.view !== view
    }
}
