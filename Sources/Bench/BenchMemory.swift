package import Files
import Foundation
package import Neighbors
package import Vectors

/// What a search has in memory: measured by a process that does nothing else, since one that has built an index has the
/// rows and the work of the build in it, too.
///
/// The growth of the process is taken from before the index is opened to after all queries were asked once, as
/// `Benchmarks/peers` takes it of others: codes, index and the blocks of the shard that were read, and what searching
/// needs besides. Most of it is pages of files, which the system drops where memory is short.
package struct BenchMemory: Codable, Sendable {
    /// The folder of the index.
    package var directory: String
    /// What it is.
    package var index: IndexRequest
    /// How vectors are compared.
    package var metric: Metric
    /// The file of queries.
    package var queries: String
    /// How many of them are asked.
    package var queryLimit: Int
    /// How many rows each query asks for.
    package var k: Int
    /// The recall target that chooses the effort.
    package var target: Double

    /// How much a process grew, in bytes.
    package struct Growth: Codable, Hashable, Sendable {
        /// By all that is resident.
        package var all: Int
        /// Of that, by pages of files.
        package var files: Int
    }

    /// A scan reads all codes for any query: more of them show nothing new.
    private static let scanned = 20

    /// Opens the index and searches, in this process.
    package func measure() throws(BelfryError) -> Growth {
        let all = try VectorFile(queries)
        let asked = try all.matrix(0..<min(queryLimit, all.rows))
        let room = UnsafeMutablePointer<UInt32>.allocate(capacity: k)
        defer { room.deallocate() }
        let before = try Self.resident()
        let opened = try index.type.open(directory, BenchBuildOptions(metric: metric))
        let effort = try opened.effort(recall: target, k: k)
        let isScan = effort == opened.scan || opened.scan == nil
        let searcher = try opened.makeSearcher(k: k, effort: effort)
        for query in 0..<(isScan ? min(asked.rows, Self.scanned) : asked.rows) {
            _ = try searcher.search(asked.pointer + query * asked.columns, into: room)
        }
        let after = try Self.resident()
        withExtendedLifetime((opened, searcher)) {}
        return Growth(all: max(0, after.all - before.all), files: max(0, after.files - before.files))
    }

    /// Bytes of this process that are in memory, and of these those of files, as the kernel counts them page by page.
    static func resident() throws(BelfryError) -> (all: Int, files: Int) {
        let path = "/proc/self/smaps_rollup"
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        func bytes(_ name: String) -> Int? {
            let line = text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
            return line?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }.map { $0 << 10 }
        }
        guard let all = bytes("Rss"), let anonymous = bytes("Anonymous") else {
            throw BelfryError(.unsupported, "The kernel does not say what is in memory.", at: .init(file: path))
        }
        return (all, all - anonymous)
    }
}
