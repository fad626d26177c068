import Files
import Foundation
import Neighbors
import Shards

/// What the catalogue says of one segment's files.
struct SegmentRecord: Codable, Equatable, Sendable {
    /// The space of its vectors; nil for the one without a name.
    var space: String?
    /// What finds near rows in it.
    var kind: IndexKind
    /// Its files, sorted.
    var files: [String]
    /// Which files they are, by ``SegmentFile/identity``: another collection's would be as whole. Nil in a collection that an
    /// earlier version built.
    var identities: [String: UInt32]?
    /// The slot of its first row, where the slots are consecutive; nil where a file says them.
    var firstSlot: Slot?
    /// The queries beside rows that it was calibrated on.
    var queries: KeptQueries?
    /// Whether a scan was measured to be faster than any index; nil where it was not.
    var scanIsFastest: Bool?

    /// Whether nothing would find its rows faster.
    var isIndexed: Bool { kind != .exact || scanIsFastest == true }
}

extension SegmentRecord {
    /// The record of the files that are in a folder.
    init(
        of folder: String, _ kind: IndexKind, space: String, queries: KeptQueries?
    ) throws(BelfryError) {
        (self.kind, self.queries) = (kind, queries)
        self.space = space.isEmpty ? nil : space
        files = try System.list(folder)
        var identities: [String: UInt32] = [:]
        for name in files { identities[name] = try SegmentFile("\(folder)/\(name)").identity }
        self.identities = identities
    }

    /// The record of a segment that a catalogue lists.
    init(_ row: Catalogue.SegmentRow, _ layout: CollectionLayout) throws(BelfryError) {
        do {
            self = try JSONDecoder().decode(SegmentRecord.self, from: Data(row.record.utf8))
        } catch {
            throw BelfryError(
                .corruptData, "What the catalogue says of segment \(row.number) does not decode.",
                at: .init(file: layout.catalogue), cause: error)
        }
    }

    /// The place of its space.
    func place(
        in configuration: CollectionConfiguration, _ layout: CollectionLayout
    ) throws(BelfryError) -> Int {
        let name = space ?? ""
        guard let place = configuration.spaces.firstIndex(where: { $0.name.hasSameBytes(as: name) }) else {
            throw .corrupt(
                "A segment has vectors “\(name)”, which the collection does not have.",
                at: .init(file: layout.catalogue))
        }
        return place
    }

    /// The record as a catalogue lists it.
    var text: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        guard let data = try? encoder.encode(self) else { preconditionFailure("texts and numbers encode") }
        return String(decoding: data, as: UTF8.self)
    }

    /// The files of a catalogue's segments.
    static func files(
        of rows: [Catalogue.SegmentRow], _ layout: CollectionLayout
    ) throws(BelfryError) -> CollectionLayout.ListedFiles {
        var files: CollectionLayout.ListedFiles = [:]
        for row in rows { files[row.number] = Set(try SegmentRecord(row, layout).files) }
        return files
    }

    /// What is wrong with a file that is whole: it is not the one that was built with this collection. Reads the header.
    func problem(with name: String, in folder: String) throws(BelfryError) -> BelfryError? {
        guard let known = identities?[name], try SegmentFile("\(folder)/\(name)").identity != known else { return nil }
        return .corrupt(
            "The file is not the one that was built with this collection: the catalogue has another checksum.",
            at: .init(file: "\(folder)/\(name)"))
    }
}
