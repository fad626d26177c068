package import Files
import Foundation
package import Neighbors
package import Vectors

/// What a measurement found.
package struct BenchReport: Sendable {
    /// One effort: how much it found, how fast, and at what cost.
    package struct Point: Sendable {
        /// The recall target that chose the effort; nil for a rung of the ladder.
        package var target: Double?
        /// The effort, as `pool=64`.
        package var parameter: String
        /// The share of the true nearest rows that were found.
        package var recall: Double
        /// Queries per second: the median of the rounds, and the slowest and the fastest of them.
        package var qps: Double
        /// Of the slowest round.
        package var slowestQPS: Double
        /// Of the fastest round.
        package var fastestQPS: Double
        /// Microseconds per query, over all rounds; nil for batches, whose queries have no time of their own.
        package var latency: Latency?
        /// Distances computed per query; nil if they are not counted.
        package var evaluations: Double?
        /// Bytes read per query; nil if they are not counted.
        package var bytes: Double?
        /// How many times as long the rounds took by the clock as the searching threads worked: the median of the rounds;
        /// nil if that is not known.
        package var wait: Double?

        /// Whether the machine had other work, or the index was read from disk: the figures are then not the index's own.
        package var isDisturbed: Bool { wait.map { $0 > Self.maxWait } ?? false }

        /// The clock's time over the threads' own from which on a point is marked.
        package static let maxWait = 1.25
    }

    /// What a process that does nothing but search has in memory, in bytes per row: its growth from before the index is
    /// opened to after the searches.
    package struct Resident: Hashable, Sendable {
        /// All of it.
        package var all: Double
        /// Of these, pages of files, which the system can drop and read again.
        package var evictable: Double

        /// Bytes per row.
        package init(all: Double, evictable: Double) { (self.all, self.evictable) = (all, evictable) }
    }

    /// Percentiles of the time of one query, in microseconds.
    package struct Latency: Sendable {
        /// Half of the queries take at most this.
        package var p50: Double
        /// 95 in 100 take at most this.
        package var p95: Double
        /// 99 in 100 take at most this.
        package var p99: Double
    }

    /// Where the base was.
    package var dataset: String
    /// What was asked for.
    package var index: IndexRequest
    /// What answered.
    package var summary: String
    /// Rows of the base.
    package var rows: Int
    /// Components per row.
    package var dimension: Int
    /// How many queries were asked.
    package var queries: Int
    /// How vectors were compared.
    package var metric: Metric
    /// How many rows each query asked for.
    package var k: Int
    /// How long the build took, in seconds, when it was made.
    package var buildSeconds: Double
    /// With how many threads it was made.
    package var buildThreads: Int
    /// Whether an earlier run had made it.
    package var wasReused: Bool
    /// How many threads searched.
    package var threads: Int
    /// Whether all queries went in one call.
    package var isBatch: Bool
    /// How many rounds were timed.
    package var rounds: Int
    /// What the build's random numbers started from.
    package var seed: UInt64
    /// Bytes per row of codes and index: what search reads again and again.
    package var memoryBytesPerVector: Double
    /// Bytes per row that a process has in memory after searching; nil if that was not measured.
    package var resident: Resident?
    /// Bytes per row of all files.
    package var diskBytesPerVector: Double
    /// What was measured: first the targets, then the rungs of the ladder.
    package var points: [Point]
    /// What looking at every row takes, beside a ladder of efforts: measured on the first queries, since it takes as long
    /// for any.
    package var scan: Point?
    /// The processor's name.
    package var processor: String
    /// What the kernels were written for.
    package var instructionSet: InstructionSet
}

extension BenchReport {
    /// The report for programs: figures with six digits.
    package var json: JSON {
        var members: [String: JSON] = [
            "dataset": .string(dataset), "index": .string(index.rawValue), "summary": .string(summary),
            "n": .integer(Int64(rows)), "dim": .integer(Int64(dimension)), "queries": .integer(Int64(queries)),
            "metric": .string(metric.rawValue), "k": .integer(Int64(k)), "build_s": Self.number(buildSeconds),
            "build_threads": .integer(Int64(buildThreads)), "reused": .bool(wasReused),
            "threads": .integer(Int64(threads)), "batch": .bool(isBatch), "repeat": .integer(Int64(rounds)),
            "seed": .unsigned(seed),
            "bytes_per_vector": .object([
                "memory": Self.number(memoryBytesPerVector), "disk": Self.number(diskBytesPerVector),
                "resident": Self.number(resident?.all), "evictable": Self.number(resident?.evictable),
            ]),
            "points": .array(points.map(Self.json)), "cpu": .string(processor), "isa": .string("\(instructionSet)"),
        ]
        if let scan { members["scan"] = Self.json(scan) }
        return .object(members)
    }

    private static func json(_ point: Point) -> JSON {
        .object([
            "target": number(point.target), "param": .string(point.parameter), "recall": number(point.recall),
            "qps": number(point.qps), "qps_min": number(point.slowestQPS), "qps_max": number(point.fastestQPS),
            "p50_us": number(point.latency?.p50), "p95_us": number(point.latency?.p95),
            "p99_us": number(point.latency?.p99), "evaluations": number(point.evaluations),
            "bytes": number(point.bytes), "wall_over_cpu": number(point.wait), "disturbed": .bool(point.isDisturbed),
        ])
    }

    private static func number(_ value: Double?) -> JSON {
        guard let value, value.isFinite else { return .null }
        return .number(Double(String(format: "%.6g", value)) ?? value)
    }

    /// The report as a line of a plot.
    package var series: BenchPlot.Series {
        BenchPlot.Series(name: "belfry \(index.rawValue)", points: points, scan: scan)
    }
}
