import Files
import Neighbors
import Synchronization

/// How searches that ask alike are carried out.
struct SearchPlan: Sendable {
    /// What they ask for.
    struct Key: Hashable {
        let k: Int
        let target: Double
        let styles: Set<QueryStyle>?
        let space: Int
    }

    /// The recall that is aimed at.
    let target: Double
    /// How hard each segment of the space is searched for it; none for sparse vectors, which are always searched exactly.
    let efforts: [SegmentIndex.Effort]
    let expectation: Expectation

    /// Refuses a recall that no search can be asked for.
    static func require(recall: Double) throws(BelfryError) {
        guard recall > 0, recall <= 1 else {
            throw BelfryError(
                .invalidInput, "A recall of \(recall) cannot be asked for.",
                remedy: "Name the share of the true nearest that is to be found, above 0 and up to 1, as 0.95.")
        }
    }
}

/// What was made for some segments. Views of the same segments share it: searches are mostly of few kinds.
final class PlanCache: Sendable {
    /// A service asks in few ways.
    private let plans = Mutex(RecentValues<SearchPlan.Key, SearchPlan>(bytes: 1 << 20))
    private let sources = Mutex<[Int: CalibrationSource]>([:])
    /// What users have seen.
    let seen = SeenCache()

    /// What the segments of a space were calibrated on: texts, which every answer carries.
    func source(of space: Int, _ make: () -> CalibrationSource) -> CalibrationSource {
        sources.withLock { sources in
            let known = sources[space] ?? make()
            sources[space] = known
            return known
        }
    }

    /// The plan for `key`, which is made where it is not known.
    func plan(_ key: SearchPlan.Key, _ make: () -> SearchPlan) -> SearchPlan {
        if let known = plans.withLock({ $0.value(key) }) { return known }
        let plan = make()
        plans.withLock { $0.keep(plan, for: key, bytes: 1_024) }
        return plan
    }
}
