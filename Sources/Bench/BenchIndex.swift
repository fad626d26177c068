package import Files
package import Neighbors
package import Vectors

/// What an index must offer to be measured: built from a file of vectors, or opened again, and searched at efforts from
/// cheapest to most expensive.
///
/// The harness knows nothing else of an index, so that all are measured in the same way.
package protocol BenchIndex: Sendable {
    /// Builds the index in an empty directory.
    static func build(
        _ base: VectorFile, in directory: String, _ options: BenchBuildOptions
    ) throws(BelfryError) -> Self

    /// Opens what `build` left in the directory.
    static func open(_ directory: String, _ options: BenchBuildOptions) throws(BelfryError) -> Self

    /// What answers, for people: `exact`, or what `auto` chose and why.
    var summary: String { get }
    /// The effort that looks at every row; nil where there is none, or where it is the only one.
    var scan: BenchEffort? { get }
    /// What search reads again and again, in bytes: what should be in memory.
    var memoryBytes: Int { get }
    /// All files, in bytes.
    var diskBytes: Int { get }

    /// The efforts that a sweep goes through, from cheapest to most expensive.
    func efforts(k: Int) -> [BenchEffort]

    /// The effort that a recall target chooses.
    func effort(recall target: Double, k: Int) throws(BelfryError) -> BenchEffort

    /// What one thread searches with, at one effort. Made before the clock starts.
    func makeSearcher(k: Int, effort: BenchEffort) throws(BelfryError) -> any BenchSearcher

    /// Answers all queries in one call.
    /// - Parameters:
    ///   - rows: room for `queries.rows × k` row numbers, nearest first; where fewer are found, `BenchIndex.noRow`.
    /// - Returns: what it cost, over all queries; nil if that is not counted.
    func searchBatch(
        _ queries: Matrix, k: Int, effort: BenchEffort, threads: Int, into rows: UnsafeMutablePointer<UInt32>
    ) throws(BelfryError) -> BenchCost?
}

extension BenchIndex {
    /// None, unless an index says so.
    package var scan: BenchEffort? { nil }

    /// Stands where a search found fewer rows than it was asked for.
    package static var noRow: UInt32 { .max }
}

/// Searches at one effort. Not thread-safe: use one per thread.
package protocol BenchSearcher: AnyObject {
    /// Answers one query.
    /// - Parameters:
    ///   - query: as many components as the base has.
    ///   - rows: room for `k` row numbers, nearest first.
    /// - Returns: how many were found.
    func search(
        _ query: UnsafePointer<Float>, into rows: UnsafeMutablePointer<UInt32>
    ) throws(BelfryError) -> Int

    /// What all searches of this object have cost together.
    var cost: BenchCost { get }
}

/// How hard a search works: a rung of an index's ladder, and its name for people.
package struct BenchEffort: Hashable, Sendable {
    /// As `pool=64`.
    package var label: String
    /// What the index makes of it.
    package var level: EffortLevel

    /// An effort with its name.
    package init(_ label: String, _ level: EffortLevel) { (self.label, self.level) = (label, level) }
}

/// What searches cost, in figures that are the same on every machine.
package struct BenchCost: Hashable, Sendable {
    /// Distances computed, of any precision.
    package var evaluations: UInt64
    /// Bytes of codes, links, lists and vectors that were read.
    package var bytes: UInt64

    /// A cost; nothing by default.
    package init(evaluations: UInt64 = 0, bytes: UInt64 = 0) {
        (self.evaluations, self.bytes) = (evaluations, bytes)
    }
}

/// What a build is told.
package struct BenchBuildOptions: Sendable {
    /// How vectors are compared.
    package var metric: Metric
    /// What all that is random in a build starts from.
    package var seed: UInt64
    /// How many threads build.
    package var threads: Int
    /// The recall at which the fastest index is wanted, where there is a choice.
    package var recall = 0.95
    /// Hears how many of how many are done, and of what.
    package var progress: @Sendable (_ stage: String, _ done: Int, _ total: Int) -> Void

    /// Options of a build.
    package init(
        metric: Metric, seed: UInt64 = 1, threads: Int = 1,
        progress: @escaping @Sendable (_ stage: String, _ done: Int, _ total: Int) -> Void = { _, _, _ in }
    ) {
        (self.metric, self.seed, self.threads, self.progress) = (metric, seed, threads, progress)
    }
}

extension IndexRequest {
    /// The file that says why it is this kind of index, where that was measured.
    static let reasonName = "reason.txt"

    /// What builds and searches it.
    var type: any BenchIndex.Type {
        switch self {
        case .exact: SegmentBenchIndex<BenchedScan>.self
        case .hnsw: SegmentBenchIndex<BenchedGraph>.self
        case .ivf: SegmentBenchIndex<BenchedLists>.self
        case .auto: SegmentBenchIndex<BenchedFastest>.self
        }
    }
}
