public import Neighbors

/// What a search for `k` points may expect, as the calibration has measured it when the index was built.
public struct Expectation: Codable, Sendable {
    /// How many points are asked for.
    public var k: Int
    /// The recall that is asked for: see ``RecallPromise``.
    public var target: Double
    /// Whether every row is looked at: nothing is missed then.
    public var isExact: Bool
    /// How hard the index works, as it says itself: `slack 1.12`, `every row`.
    public var effort: String
    /// The mean recall of the kind of query that finds least, or 1 if all is scanned; nil where nobody has measured it.
    public var recall: Double?
    /// The share of the queries that stayed below the target, in the kind where most did.
    public var shareBelowTarget: Double?
    /// Distances that a query estimates or computes, on average, in the kind that needs most.
    public var evaluations: Double?
    /// Bytes of codes and index that a query reads, on average, without the shard's, in the kind that needs most.
    public var bytes: Double?
    /// The same for each kind of query; empty if all is scanned, or nobody has measured it.
    public var kinds: [KindExpectation]
}

/// What queries of one kind may expect.
public struct KindExpectation: Codable, Sendable {
    /// What the queries are like.
    public var kind: QueryStyle
    /// How many were asked when the index was built.
    public var queries: Int
    /// Their mean recall.
    public var recall: Double
    /// The share of them that stayed below the target.
    public var shareBelowTarget: Double
    /// The share of them that found less than the target less 0.15.
    public var shareLow: Double
    /// The share of them that missed the nearest point.
    public var shareMissingNearest: Double
    /// Distances that they estimated or computed, on average.
    public var evaluations: Double
    /// Bytes of codes and index that they read, on average.
    public var bytes: Double
}

extension Expectation {
    /// What is expected of parts that are searched for the same, one after the other. There is one at least.
    init(ofAll parts: [Expectation]) {
        self = parts[0]
        for part in parts.dropFirst() {
            isExact = isExact && part.isExact
            effort += ", \(part.effort)"
            recall = Self.combine(recall, part.recall, min)
            shareBelowTarget = Self.combine(shareBelowTarget, part.shareBelowTarget, max)
            evaluations = Self.combine(evaluations, part.evaluations, +)
            bytes = Self.combine(bytes, part.bytes, +)
        }
    }

    private static func combine(_ first: Double?, _ second: Double?, _ both: (Double, Double) -> Double) -> Double? {
        guard let first, let second else { return nil }
        return both(first, second)
    }
}

extension KindExpectation {
    init(_ kind: RecallCalibration.Kind, k: Int, _ target: Double, level: Int) {
        let curve = kind.curve(k: k)
        self.init(
            kind: kind.kind, queries: kind.queries, recall: curve.recall(level),
            shareBelowTarget: curve.shareBelow(target, level),
            shareLow: curve.shareBelow(target - RecallPromise.margin, level),
            shareMissingNearest: curve.shareMissingNearest(level), evaluations: curve.evaluations(level),
            bytes: curve.bytes(level))
    }
}
