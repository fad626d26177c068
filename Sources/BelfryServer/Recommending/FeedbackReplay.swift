public import Belfry
public import Files

/// Asks the recommendations of a log again, and compares the answers.
public struct FeedbackReplay: Sendable {
    /// Recommendations with the same points in the same order.
    public private(set) var same = 0
    /// Those with others.
    public private(set) var different: [Difference] = []
    /// How many are of other collections.
    public private(set) var others = 0
    /// Those that are refused now, or were too long to be kept.
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
    ///   - files: logs. Only recommendations of one collection are asked again: that of the collection's name, or of its directory's,
    ///     or the only one that the logs have.
    ///   - report: what these logs say.
    ///   - collection: has the points, and what users have seen, as they were: a snapshot of before.
    public init(
        _ files: [String], of report: FeedbackReport, on collection: VectorCollection,
        progress: (_ bytes: Int, _ of: Int) -> Void = { _, _ in }
    ) throws(BelfryError) {
        let (own, logged) = (collection.configuration.name, report.collections)
        let served = ServedCollection(own, at: collection.path, record: "", opened: collection, memoryLimit: nil)
        let file = collection.path.split(separator: "/").last.map { String($0.replacing(".belfry", with: "")) } ?? ""
        guard let wanted = [own, file].first(where: logged.contains) ?? (logged.count == 1 ? logged.first : nil) else {
            throw BelfryError(
                .invalidInput, "The logs have no recommendations of \(own).", at: .init(file: collection.path),
                remedy: "They are of \(logged.sorted().joined(separator: ", ")).")
        }
        _ = try LoggedEvent.forEach(in: files, progress) { event throws(BelfryError) in
            guard event.name == LoggedEvent.recommendation else { return }
            guard event.collection == wanted else {
                others += 1
                return
            }
            do {
                guard let request = event.line["request"], request != .null else {
                    throw Refusal.bad("The request was too long to be kept")
                }
                let target = try Target(served, version: event.version)
                let body = try Body(request)
                let asked = try RecommendationReader(body, target, SearchHeaders(logged: event.line), seed: 0)
                let now = try target.collection.recommend(asked.recommendation).answers.map(\.hit.name)
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
