/// What calibration queries found, and what that cost, at every level of a ladder, for one `k`.
///
/// Everything is a count: sums do not depend on the order of addition, so the calibration has the same bytes for any
/// number of threads and on every machine.
public struct RecallObservations: Sendable {
    /// What one query did at one level.
    public struct Outcome: Hashable, Sendable {
        /// How many of its true `k` nearest rows it found.
        public var found: UInt32
        /// How many distances it computed.
        public var evaluations: UInt32
        /// Whether the nearest of all is among them.
        public var hasNearest: Bool
        /// How many bytes of the index and of codes it read, without the shard.
        public var bytes: UInt32

        /// An outcome; costs beyond 2^32 - 1 are written as that.
        public init(found: Int, hasNearest: Bool, evaluations: Int, bytes: Int) {
            self.found = UInt32(clamping: found)
            self.hasNearest = hasNearest
            self.evaluations = UInt32(clamping: evaluations)
            self.bytes = UInt32(clamping: bytes)
        }
    }

    /// How many rows each query asked for.
    public let k: Int
    /// How many levels the ladder has.
    public let levels: Int
    /// How many queries were asked.
    public let queries: Int
    private var outcomes: [Outcome]

    /// Room for the outcomes of `queries` queries at `levels` levels; at first none has found anything.
    public init(k: Int, levels: Int, queries: Int) {
        precondition(k > 0 && levels > 0 && queries > 0)
        (self.k, self.levels, self.queries) = (k, levels, queries)
        outcomes = [Outcome](
            repeating: Outcome(found: 0, hasNearest: false, evaluations: 0, bytes: 0), count: levels * queries)
    }

    /// The outcomes at the first `count` levels only.
    public func prefix(levels count: Int) -> RecallObservations {
        var shorter = RecallObservations(k: k, levels: count, queries: queries)
        for query in 0..<queries {
            for level in 0..<count { shorter[level, query] = self[level, query] }
        }
        return shorter
    }

    /// The outcome of one query at one level, which has found at most `k`.
    public subscript(level: Int, query: Int) -> Outcome {
        get {
            precondition(level >= 0 && level < levels && query >= 0 && query < queries)
            return outcomes[query * levels + level]
        }
        set {
            precondition(level >= 0 && level < levels && query >= 0 && query < queries)
            precondition(newValue.found <= k, "at most k are found")
            outcomes[query * levels + level] = newValue
        }
    }
}
