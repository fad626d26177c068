import Belfry
import Files
import Foundation
import Synchronization

/// Snapshots on disk: archives of collections as they were at one moment, each with its SHA-256 beside it.
final class SnapshotStore: Sendable {
    /// What is told of a snapshot.
    struct Description {
        let name: String
        let path: String
        let size: Int
        let created: Date
        let checksum: String?

        var json: JSON {
            let time = DateFormatter()
            time.dateFormat = "yyyy-MM-dd'T'HH:mm:ss"
            time.locale = Locale(identifier: "en_US_POSIX")
            time.timeZone = TimeZone(secondsFromGMT: 0)
            return [
                "name": .string(name), "size": .integer(Int64(size)),
                "creation_time": .string(time.string(from: created)),
                "checksum": checksum.map { .string($0) } ?? .null,
            ]
        }
    }

    private let folder: DataFolder
    private let numbers = Atomic<Int>(0)

    init(_ folder: DataFolder) { self.folder = folder }

    /// Where the snapshots of a collection lie, or those of the whole folder.
    private func place(of collection: String?) -> String {
        collection.map { "\(folder.snapshots(of: $0))" } ?? folder.snapshots
    }

    /// The folder, with links resolved, that a client's `file://` may lead into.
    var root: String { folder.snapshots }

    // MARK: listing

    func list(_ collection: String?) throws(BelfryError) -> [Description] {
        let place = place(of: collection)
        guard System.isDirectory(place) else { return [] }
        var found: [Description] = []
        // A collection may be called so, and its folder lies beside those of all.
        for name in try System.list(place)
        where name.hasSuffix(".snapshot") && !System.isDirectory("\(place)/\(name)") {
            found.append(try describe(name, "\(place)/\(name)"))
        }
        return found
    }

    /// The snapshot of a name, which no path leads out of its folder.
    func find(_ name: String, of collection: String?) throws -> Description {
        let path = "\(place(of: collection))/\(name)"
        guard !name.contains("/"), !name.hasPrefix("."), name.hasSuffix(".snapshot"), System.exists(path),
            !System.isDirectory(path)
        else {
            throw Refusal.missing("Snapshot \(name) not found")
        }
        return try describe(name, path)
    }

    private func describe(_ name: String, _ path: String) throws(BelfryError) -> Description {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        let checksum = try? System.read("\(path).checksum", limit: 1_024)
        return Description(
            name: name, path: path, size: try System.fileSize(path),
            created: attributes?[.modificationDate] as? Date ?? .distantPast,
            checksum: checksum.map { String(decoding: $0, as: UTF8.self) })
    }

    func delete(_ snapshot: Description) throws(BelfryError) {
        try System.remove(snapshot.path)
        try System.remove("\(snapshot.path).checksum")
    }

    // MARK: making

    /// Makes a snapshot of a collection, or of all.
    func create(_ collections: [ServedCollection], of collection: String?, _ job: Jobs.Handle) throws -> Description {
        let place = place(of: collection)
        try System.createDirectory(place)
        let number = numbers.add(1, ordering: .relaxed).newValue
        let work = folder.scratch("copy")
        try System.createDirectory(work)
        defer { try? System.remove(work) }
        var entries: [TarArchive.Entry] = []
        for (place, served) in collections.enumerated() {
            let copy = "\(work)/\(served.name).belfry"
            try CollectionCopy.make(
                of: served.path, at: copy,
                progress: { (done, total) throws(BelfryError) in
                    // A half of it; the archive is the other.
                    let copied = Double(place) + Double(done) / Double(max(1, total))
                    try job.progress(Int(500 * copied / Double(collections.count)), of: 1_000)
                })
            let record = "\(work)/\(served.name).json"
            try served.record().write(to: record)
            let prefix = collection == nil ? "\(served.name)/" : ""
            entries += try TarArchive.entries(below: copy, as: "\(prefix)collection")
            entries.append(.init(name: "\(prefix)record.json", path: record))
        }
        let seconds = Int(Date().timeIntervalSince1970)
        let name = "\(collection ?? "full")-\(seconds)-\(number).snapshot"
        let (made, path) = ("\(work)/archive", "\(place)/\(name)")
        try TarArchive.write(entries, to: made) { (done, total) throws(BelfryError) in
            try job.progress(500 + Int(450 * Double(done) / Double(max(1, total))), of: 1_000)
        }
        let checksum = try Digest.sha256(file: made)
        try job.progress(1_000, of: 1_000)
        try System.write(Data(checksum.utf8), to: "\(path).checksum")
        try System.rename(made, to: path)
        return try describe(name, path)
    }

    // MARK: recovering

    /// Puts what a snapshot holds in the place of a collection, or where none is. The archive may come from anybody: every
    /// file of it is verified before it is put there.
    func recover(
        _ archive: String, checksum: String?, as name: String, in registry: CollectionRegistry, _ job: Jobs.Handle
    ) async throws {
        try CollectionName.require(name)
        guard try registry.aliases.targets[name] == nil else {
            throw Refusal.bad("\(name) is an alias: name the collection that is to be replaced")
        }
        if let checksum, try Digest.sha256(file: archive) != checksum.lowercased() {
            throw Refusal.bad("Snapshot checksum mismatch")
        }
        let work = folder.scratch("recover")
        defer { try? System.remove(work) }
        try job.progress(0, of: 3)
        try TarArchive.extract(archive, to: work)
        try job.progress(1, of: 3)
        let made = "\(work)/\(name).belfry"
        guard System.exists("\(work)/collection/catalog.sqlite") else {
            throw Refusal.bad("The file is no snapshot of a collection")
        }
        try System.rename("\(work)/collection", to: made)
        for finding in try VectorCollection.check(made) {
            if let problem = finding.problems.first { throw Refusal.bad("The snapshot is damaged: \(problem.message)") }
        }
        try job.progress(2, of: 3)
        let record = CollectionRecord(file: "\(work)/record.json")
        if registry.exists(name) {
            try await registry.replace(name) { path in
                try CollectionCopy.make(of: made, at: path, replacing: true)
                try record?.write(to: registry.folder.record(of: name))
            }
        } else {
            try registry.make(name) { path in
                try record?.write(to: registry.folder.record(of: name))
                try System.rename(made, to: path)
                return registry.adopt(name, at: path)
            }
        }
    }
}
