import Files
import Foundation
import Neighbors
import Vectors

/// An index to measure, built for this run or kept from an earlier one.
///
/// With a directory to save to, an index lies in a folder of its own there, `<index>-<digest>`, whose name tells what
/// it was built from: the bytes of the base, the metric, the index and the seed. So one directory keeps any number of
/// them. A build works in `<…>.building` and is renamed when it is whole. Without a directory, the index lies in a
/// temporary one, which goes away with this object.
final class BenchStore: Sendable {
    let index: any BenchIndex
    /// The folder in which it lies.
    let path: String
    /// How long the build took, when it was made.
    let buildSeconds: Double
    /// With how many threads.
    let buildThreads: Int
    /// Whether an earlier run had built it.
    let wasReused: Bool
    private let temporary: String?

    init(
        _ kind: IndexRequest, _ base: VectorFile, save directory: String?, _ options: BenchBuildOptions
    ) throws(BelfryError) {
        let type = kind.type
        guard let directory else {
            path = FileManager.default.temporaryDirectory.path + "/belfry-bench-" + UUID().uuidString
            try System.createDirectory(path)
            do throws(BelfryError) {
                let start = ContinuousClock.now
                index = try type.build(base, in: path, options)
                buildSeconds = (.now - start) / .seconds(1)
            } catch {
                try? System.remove(path)
                throw error
            }
            (buildThreads, wasReused, temporary) = (options.threads, false, path)
            return
        }

        temporary = nil
        path = directory + "/" + (try Self.name(kind, base, options))
        wasReused = System.exists(path)
        if !wasReused {
            let building = path + ".building"
            try Self.removeUnfinished(building)
            try System.createDirectory(building)
            let start = ContinuousClock.now
            _ = try type.build(base, in: building, options)
            let seconds = (.now - start) / .seconds(1)
            let record = JSON.object([
                "build_s": .number(seconds), "build_threads": .integer(Int64(options.threads)),
                "base": .string(base.path), "metric": .string(options.metric.rawValue),
                "index": .string(kind.rawValue), "seed": .unsigned(options.seed),
            ])
            try System.write(Data(record.text(pretty: true).utf8), to: building + "/" + Self.recordName)
            try System.swap(building, into: path, replacing: false)
        }
        let record = try JSON(parsing: System.read(path + "/" + Self.recordName), source: path + "/" + Self.recordName)
        guard let seconds = record["build_s"]?.number, let threads = record["build_threads"]?.integer else {
            throw .corrupt(
                "The record of the build lacks “build_s” or “build_threads”.",
                at: .init(file: path + "/" + Self.recordName))
        }
        (buildSeconds, buildThreads) = (seconds, threads)
        index = try type.open(path, options)
    }

    deinit {
        if let temporary { try? System.remove(temporary) }
    }

    private static let recordName = "bench.json"

    /// Removes what a build left that was interrupted, and nothing that is not of a build.
    /// - Throws: `conflict` where there is something else, or a link.
    private static func removeUnfinished(_ building: String) throws(BelfryError) {
        guard System.exists(building) else { return }
        let (parent, name) = (try Directory(around: building), (building as NSString).lastPathComponent)
        let foreign = try parent.folder(name).foreign(to: belongings)
        try System.refuse(foreign, in: building, "The folder of an unfinished build")
        try parent.removeFolder(name, belongings)
    }

    private static let belongings: @Sendable (String) -> Belongings? = { name in
        let isFile = SegmentPaths.names.contains(name) || [recordName, IndexRequest.reasonName].contains(name)
        if isFile || TemporaryName.file.process(of: name) != nil { return .file }
        return IndexKind(rawValue: name) == nil ? nil : .folder { SegmentPaths.names.contains($0) ? .file : nil }
    }

    private static func name(
        _ kind: IndexRequest, _ base: VectorFile, _ options: BenchBuildOptions
    ) throws(BelfryError) -> String {
        let parts = [
            kind.rawValue, options.metric.rawValue, "\(options.seed)",
            (base.path as NSString).pathExtension.lowercased(),
            try Digest.sha256(file: base.path),
        ]
        return "\(kind.rawValue)-\(Digest.sha256(Data(parts.joined(separator: "\n").utf8)).prefix(16))"
    }
}
