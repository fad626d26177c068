/// Which index a segment got, why, and the figures that say so.
///
/// It holds times, and so is never part of a segment's files.
public struct IndexChoice: Codable, Hashable, Sendable {
    /// What one index did with queries of every kind.
    public struct Candidate: Codable, Hashable, Sendable {
        /// The index.
        public var kind: IndexKind
        /// Microseconds of processor time that a query took on one thread, as the mean over the kinds of query; nil for an
        /// index that cannot promise the recall.
        public var microseconds: Double?
        /// Distances that a query estimated or computed, on average.
        public var evaluations: Double
        /// Bytes of codes and index that a query read, on average.
        public var bytes: Double
        /// Seconds that building it took.
        public var buildSeconds: Double
        /// What each kind of query took.
        public var queries: [QueryCost]
    }

    /// What queries of one kind took.
    public struct QueryCost: Codable, Hashable, Sendable {
        /// What the queries are like.
        public var kind: QueryStyle
        /// Microseconds of processor time on one thread: the median of the rounds.
        public var microseconds: Double
    }

    /// The one that is kept.
    public var kind: IndexKind
    /// The recall that searches keep that name none.
    public var recall: Double
    /// Why that recall.
    public var recallReason: String
    /// How many rows each query asked for.
    public var k: Int
    /// All that were measured, fastest first.
    public var candidates: [Candidate]

    /// Why this index, in one sentence.
    public var reason: String {
        guard candidates.count > 1 else { return recallReason }
        let times = candidates.map { candidate in
            candidate.kind.rawValue + " "
                + (candidate.microseconds.map { "\(Self.rounded($0)) µs" } ?? "cannot promise it")
        }
        return "at recall \(recall) a query takes one core: \(times.joined(separator: ", ")) "
            + "(mean of \(candidates[0].queries.map(\.kind.description).joined(separator: ", ")))"
    }

    private static func rounded(_ value: Double) -> String {
        value < 10 ? "\((value * 10).rounded() / 10)" : "\(Int(value.rounded()))"
    }
}

/// The recall of searches that name none, where a recipe does not say it either: the best that a search can have in about
/// a millisecond of one core, since what a person feels is a wrong answer and not half a millisecond.
public enum DefaultRecall {
    /// Bytes of codes that one core looks through in about a millisecond.
    static let scannedBytes = 16 << 20
    /// Rows of a graph that one core estimates in about a millisecond.
    static let evaluations = 30_000.0

    /// Whether so many rows of codes of so many bytes are best scanned.
    public static func scans(rows: Int, bytesPerRow: Int) -> Bool { rows * bytesPerRow <= scannedBytes }

    /// Why all is scanned.
    static func scanReason(_ rows: Int) -> String {
        "a scan of all \(rows) rows takes less than about a millisecond of one core and misses nothing"
    }

    /// The recall for an index that is there, and why.
    public static func recall(of segment: SegmentIndex, k: Int = 10) -> (recall: Double, reason: String) {
        guard segment.kind != .exact, let calibration = segment.calibration else {
            return (1, "all rows are scanned")
        }
        let (best, next) = (0.99, 0.95)
        guard calibration.choice(recall: best, k: k) != nil,
            segment.expectedEvaluations(segment.effort(recall: best, k: k), k: k) <= evaluations
        else {
            return (next, "a search at recall \(best) would take more than about a millisecond of one core")
        }
        return (best, "a search takes less than about a millisecond of one core")
    }
}
