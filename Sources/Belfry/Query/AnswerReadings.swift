import Files
import Shards

/// What a cross-encoder has read for one request. Groups ask for more and more answers: none is read twice, and all of it
/// together takes no longer than the request allows.
struct AnswerReadings {
    private(set) var scores: [PointID: Float] = [:]
    private var wanted: Set<PointID> = []
    private var spent = Duration.zero
    /// What other searches for the same request have read.
    private var others: Reranking.Report?

    /// Reads answers that were not read yet.
    mutating func read(
        _ ids: [PointID], of view: View, by reranking: Reranking, threads: Int
    ) throws(BelfryError) {
        wanted.formUnion(ids)
        let unread = ids.filter { scores[$0] == nil }
        guard !unread.isEmpty else { return }
        let start = ContinuousClock.now
        let read = try reranking.scores(of: view.payloads(of: unread), spent: spent, threads: threads)
        for (id, score) in zip(unread, read) { scores[id] = score }
        spent += start.duration(to: .now)
    }

    /// Notes what another search has read.
    mutating func note(_ report: Reranking.Report?) { others = Self.sum(others, report) }

    /// What was read in all; nil where nothing was to be.
    var report: Reranking.Report? {
        let own = Reranking.Report(read: scores.count, wanted: wanted.count, milliseconds: spent / .milliseconds(1))
        return Self.sum(wanted.isEmpty ? nil : own, others)
    }

    private static func sum(_ first: Reranking.Report?, _ second: Reranking.Report?) -> Reranking.Report? {
        guard let first, let second else { return first ?? second }
        return .init(
            read: first.read + second.read, wanted: first.wanted + second.wanted,
            milliseconds: first.milliseconds + second.milliseconds)
    }
}
