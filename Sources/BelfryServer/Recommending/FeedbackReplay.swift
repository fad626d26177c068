public import Belfry
public import Files

/// Asks the recommendations of a log again, and compares the answers.
public struct FeedbackReplay: Sendable {
    /// Recommendations with the same points in the same order.
    public private(set) var same = 0
    /// Those with others.
    public private(set) var different: [Difference] = []
    /// Those that are refused now.
    public private(set) var refused: [(request: String, why: String)] = []

    /// A recommendation whose answers have changed.
    public struct Difference: Sendable {
        /// Its `request_id`.
        public let request: String
        /// The points then.
        public let before: [String]
        /// The points now.
        public let now: [String]
    }

    /// - Parameters:
    ///   - collection: has the points, and what users have seen, as they were: a snapshot of before.
    ///   - name: only recommendations of the collection of this name; nil for all.
    public init(
        _ files: [String], on collection: VectorCollection, named name: String? = nil,
        progress: (_ bytes: Int, _ of: Int) -> Void = { _, _ in }
    ) throws(BelfryError) {
        let served = ServedCollection(
            collection.configuration.name, at: collection.path, record: "", opened: collection, memoryLimit: nil)
        let target = try Target(served, version: "")
        _ = try LoggedEvent.forEach(in: files, progress) { event throws(BelfryError) in
            guard event.name == LoggedEvent.recommendation, name == nil || event.line["collection"]?.string == name
            else {
                return
            }
            do {
                let body = try Body(event.line["request"] ?? .null)
                let asked = try RecommendationReader(body, target, SearchHeaders(logged: event.line), seed: 0)
                let now = try collection.recommend(asked.recommendation).answers.map(\.hit.name)
                let before = event.points.compactMap { $0["id"]?.string }
                if now == before {
                    same += 1
                } else {
                    different.append(Difference(request: event.request, before: before, now: now))
                }
            } catch {
                refused.append((event.request, Refusal(any: error).message))
            }
        }
    }
}
