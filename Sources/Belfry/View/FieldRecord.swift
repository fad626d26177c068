import Files
import Foundation
import Shards
import Vectors

/// The payload fields that have indexes: the document `fields` of the catalogue.
///
/// An index is a file, `fields/000003`, which has everything up to one write. What points were written since is listed
/// here, and read from the catalogue by whoever opens the collection. When they are many, files are written anew.
struct FieldRecord: Codable, Equatable, Sendable {
    /// One index.
    struct Entry: Codable, Equatable, Sendable {
        /// Where the values lie, as a ``JSONPath``.
        var path: String
        var kind: FieldKind
        /// The number of its file.
        var file: Int
        /// Which file it is: see ``SegmentFile``.
        var identity: UInt32
    }

    var entries: [Entry] = []
    /// The slots that were written to since the files were made, each as four bytes, little-endian.
    var changed = Data()

    /// The slots that were written to since.
    var slots: [Slot] {
        get {
            stride(from: 0, to: changed.count / 4 * 4, by: 4).map { place in
                (0..<4).reduce(Slot(0)) { $0 | Slot(changed[changed.startIndex + place + $1]) << Slot(8 * $1) }
            }
        }
        set {
            changed = Data(newValue.flatMap { slot in (0..<4).map { UInt8(truncatingIfNeeded: slot >> Slot(8 * $0)) } })
        }
    }

    /// The fields.
    func fields() throws(BelfryError) -> [IndexedField] {
        var fields: [IndexedField] = []
        for entry in entries { fields.append(IndexedField(try JSONPath(entry.path), entry.kind)) }
        return fields
    }
}

// MARK: reading and writing the files

extension FieldRecord {
    /// The indexes as they are now. One whose file is missing or damaged is left out: filters read payloads in its place, and
    /// find the same; `check` names it.
    func open(_ layout: CollectionLayout, _ transaction: Catalogue.Transaction) throws -> FieldIndexes {
        var indexes = FieldIndexes()
        for entry in entries {
            if let index = try entry.open(layout) { indexes.add(index) }
        }
        guard !indexes.indexes.isEmpty else { return indexes }
        let cursor = Catalogue.Transaction.SlotCursor(transaction)
        for slot in slots.sorted() {
            if let row = try cursor.point(slot) {
                indexes.insert(slot, payload: try StoredPoint(row, layout.catalogue).payload())
            } else {
                indexes.remove(slot)
            }
        }
        return indexes
    }

    /// Writes files of indexes that have everything up to a write, and syncs them.
    /// - Parameter first: the number of the first file.
    init(
        writing indexes: FieldIndexes, upTo lsn: UInt64, from first: Int, _ layout: CollectionLayout
    ) throws(BelfryError) {
        guard !indexes.indexes.isEmpty else { return }
        try System.createDirectory(layout.fields)
        for (place, index) in indexes.indexes.values.sorted(by: { $0.field < $1.field }).enumerated() {
            let path = layout.field(first + place)
            try index.write(to: path, version: lsn)
            entries.append(
                Entry(
                    path: index.field.path.description, kind: index.field.kind, file: first + place,
                    identity: try SegmentFile(path).identity))
        }
        for folder in [layout.fields, layout.path] { try System.sync(folder) }
    }

    /// The number of a file after all that are there.
    static func nextFile(_ layout: CollectionLayout) throws(BelfryError) -> Int {
        guard !System.isMissing(layout.fields) else { return 1 }
        return (try System.list(layout.fields).compactMap(NumberedName.number(of:)).max() ?? 0) + 1
    }

    /// Removes the files of a folder that no entry names; where that fails, the next writer does it.
    func removeOthers(_ layout: CollectionLayout) {
        guard !System.isMissing(layout.fields), let directory = try? Directory(layout.fields),
            let names = try? directory.names()
        else { return }
        let own = Set(entries.map { NumberedName.name($0.file) })
        for name in names where NumberedName.number(of: name) != nil && !own.contains(name) {
            if directory.kind(of: name) == .file { try? directory.removeFile(name) }
        }
    }

    /// What is wrong with the files.
    func problems(_ layout: CollectionLayout) -> [(name: String, problems: [BelfryError])] {
        entries.map { entry in
            let path = layout.field(entry.file)
            let name = "fields/\(NumberedName.name(entry.file))"
            guard !System.isMissing(path) else { return (name, [.listedAndMissing(path)]) }
            var problems = SegmentFile.check(path)
            if problems.isEmpty, (try? SegmentFile(path))?.identity != entry.identity {
                problems = [
                    .corrupt(
                        "The file is not the one that was made for this collection: the catalogue has another checksum.",
                        at: .init(file: path))
                ]
            }
            return (name, problems)
        }
    }
}

extension Catalogue.Transaction {
    private static let fields = "fields"

    /// The payload fields that have indexes.
    func fieldRecord() throws -> FieldRecord { try document(Self.fields, as: FieldRecord.self) ?? FieldRecord() }

    func put(_ record: FieldRecord) throws { try put(Self.fields, record) }
}

extension FieldRecord.Entry {
    /// The index; nil where its file is missing, damaged, or another one.
    /// - Throws: what keeps a file that is whole from being read.
    func open(_ layout: CollectionLayout) throws(BelfryError) -> FieldIndex? {
        let path = layout.field(file)
        do throws(BelfryError) {
            guard try SegmentFile(path).identity == identity else { return nil }
            let index = try FieldIndex(opening: path)
            return index.field == IndexedField(try JSONPath(self.path), kind) ? index : nil
        } catch {
            guard [.corruptData, .notFound, .unsupported].contains(error.code) else { throw error }
            return nil
        }
    }
}

extension FieldIndexes {
    /// Indexes of some fields over all points of a catalogue.
    init(_ fields: [IndexedField], over catalogue: Catalogue) throws(BelfryError) {
        self = try catalogue.read { transaction in
            var builders = fields.map { FieldBuilder($0) }
            try transaction.forEachPointBySlot { row in
                let payload = try StoredPoint(row, catalogue.path).payload()
                for place in builders.indices {
                    builders[place].add(row.slot, builders[place].field.path.values(in: payload))
                }
            }
            return FieldIndexes(builders.indices.map { FieldIndex(&builders[$0], version: 0) })
        }
    }
}
