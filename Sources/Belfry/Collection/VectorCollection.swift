public import Files
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
    public var configuration: CollectionConfiguration { base.configuration }
    /// How many points it holds.
    public var count: Int { view.count }

    let base: CollectionBase
    /// Nil where it was opened for reading.
    let writer: Writer?
    private let current: CurrentView

    /// Opens the collection at `path`, a `.belfry` directory.
    /// - Parameter note: for writing, hears what was removed that a killed writer had left.
    /// - Throws: `notFound` where nothing is built yet, `corruptData` with file and place, `conflict` where another process
    ///   writes; for writing, `wrongTower` where its own tower does not compute what it did.
    public init(
        _ path: String, for access: Access = .reading, note: (String) -> Void = { _ in }
    ) throws(BelfryError) {
        let layout = CollectionLayout(path: path)
        switch access {
        case .reading:
            let view = try Self.read(layout)
            (base, writer, current) = (view.base, nil, CurrentView(view))
        case .writing:
            let writer = try Writer(opening: layout, note: note)
            (base, current, self.writer) = (writer.base, writer.current, writer)
            // What is embedded for it must be what it holds.
            if base.configuration.tower != nil { _ = try towers() }
        }
    }

    /// Reads a collection that others may write to, or replace, meanwhile.
    private static func read(_ layout: CollectionLayout) throws(BelfryError) -> View {
        var failure: (error: String, lsn: UInt64)?
        while true {
            let identity = FileIdentity(layout.path)
            var lsn: UInt64 = 0
            do throws(BelfryError) {
                let base = try CollectionBase(layout)
                lsn = try base.catalogue.read { try $0.state().lsn }
                let view = try base.readView()
                // What the log leads to begins where the catalogue was.
                let isWhole = try base.catalogue.read { try $0.state().lsn } == lsn
                if isWhole, FileIdentity(layout.path) == identity { return view }
            } catch {
                // What is missing may just have been merged, or sealed: then the catalogue is another one by now.
                if FileIdentity(layout.path) == identity, failure?.lsn == lsn, failure?.error == "\(error)" {
                    throw error
                }
                failure = ("\(error)", lsn)
            }
        }
    }

    /// The collection as it is now.
    package var view: View { current.view }

    /// The point that `text` names: a number, a UUID, or the key that the rows gave it.
    /// - Throws: `notFound`, `corruptData`.
    public func point(_ text: String) throws(BelfryError) -> Point { try view.point(text) }

    /// The recall of searches where neither they nor the recipe name one.
    package var recallOfIndex: Double { base.index.recall }

    /// Shows what is on disk now, where a search has found that another process has written.
    func refresh() throws(BelfryError) {
        guard writer == nil else { return }
        guard base.isInPlace else { throw base.replaced }
        current.show(try Self.read(base.layout))
    }
}
