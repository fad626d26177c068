import ArgumentParser
import Files
import Foundation
import Neighbors
import Shards
import Vectors

/// A segment that may be larger than memory: how long it takes to open, and what a search reads.
@main
struct PagingBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure opening, and searching with the files out of memory and in it.",
        discussion: """
            belfry bench --index ivf --save DIR … leaves a segment in DIR. Under a memory limit, as root:

            mkdir /sys/fs/cgroup/memory/belfry
            echo 256M > /sys/fs/cgroup/memory/belfry/memory.limit_in_bytes
            sh -c 'echo $$ > /sys/fs/cgroup/memory/belfry/cgroup.procs && exec PagingBenchmark DIR/ivf-… query.npy truth.npy --metric l2'

            "cold": every file was dropped from the page cache before (POSIX_FADV_DONTNEED).
            """)

    @Argument(help: "The segment's directory.") var directory: String
    @Argument(help: "A file of queries.") var queries: String
    @Argument(help: "A file of each query's nearest rows.") var truth: String
    @Option(help: "l2, ip or cosine.") var metric: Metric = .l2
    @Option(help: "The recall target.") var recall = 0.95
    @Option(name: .short, help: "How many neighbours.") var k = 10
    @Option(help: "How many queries.") var count = 1_000

    func run() throws {
        let file = try VectorFile(queries)
        let asked = try file.matrix(0..<min(count, file.rows))
        let right = try VectorFile(truth).integers(first: asked.rows).map { Set($0.prefix(k)) }
        var opens: [Double] = []
        for _ in 0..<21 {
            let start = ContinuousClock.now
            _ = try SegmentIndex(directory, metric: metric)
            opens.append((ContinuousClock.now - start) / .milliseconds(1))
        }
        opens.sort()
        let size = try System.list(directory).reduce(0) { $0 + (try System.fileSize("\(directory)/\($1)")) }
        print(
            "\(directory): \(size / 1_000_000) MB; opened in "
                + String(format: "%.2f ms (%.2f–%.2f)", opens[10], opens[0], opens[20]))
        print("                      queries/s   recall   p50 µs   p99 µs   major faults   MB read")
        for readsAhead in [false, true] {
            try dropFiles()
            let segment = try SegmentIndex(directory, metric: metric)
            let ids = try IDsReader(SegmentPaths(directory).ids)
            for pass in ["cold", "warm"] {
                try measure("\(pass)\(readsAhead ? ", reading ahead" : "")", segment, ids, asked, right, readsAhead)
            }
        }
    }

    private func dropFiles() throws {
        for name in try System.list(directory) {
            let descriptor = open("\(directory)/\(name)", O_RDONLY)
            fsync(descriptor)
            posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
            close(descriptor)
        }
    }

    private func measure(
        _ name: String, _ segment: SegmentIndex, _ ids: IDsReader, _ queries: Matrix, _ right: [Set<Int>],
        _ readsAhead: Bool
    ) throws {
        let searcher = segment.makeSearcher(readsAhead: readsAhead)
        let effort = segment.effort(recall: recall, k: k)
        let (faults, read) = (Self.majorFaults, Self.bytesRead)
        var answers: [[Neighbor]] = []
        var times: [Double] = []
        let start = ContinuousClock.now
        for query in 0..<queries.rows {
            let before = ContinuousClock.now
            answers.append(try searcher.search(queries.pointer + query * queries.columns, k: k, effort: effort))
            times.append((ContinuousClock.now - before) / .microseconds(1))
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let (faulted, megabytes) = (Self.majorFaults - faults, (Self.bytesRead - read) / 1_000_000)
        var found = 0
        for (query, answer) in answers.enumerated() {
            for neighbor in answer {
                guard case .number(let number) = try ids.id(Int(neighbor.row)) else { continue }
                found += right[query].contains(Int(number)) ? 1 : 0
            }
        }
        times.sort()
        print(
            name.padding(toLength: 20, withPad: " ", startingAt: 0),
            String(
                format: "%10.0f   %.4f %8.0f %8.0f %14d %9d", Double(queries.rows) / seconds,
                Double(found) / Double(k * queries.rows), times[times.count / 2], times[times.count * 99 / 100],
                faulted,
                megabytes))
    }

    private static var majorFaults: Int {
        var usage = rusage()
        getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_majflt
    }

    /// Bytes that this process has made the disk read.
    private static var bytesRead: Int {
        let lines = (try? String(contentsOfFile: "/proc/self/io", encoding: .utf8))?.split(separator: "\n") ?? []
        return lines.first { $0.hasPrefix("read_bytes:") }.flatMap { Int($0.dropFirst(12)) } ?? 0
    }
}

extension Metric: @retroactive ExpressibleByArgument {}
