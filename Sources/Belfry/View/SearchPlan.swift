import Neighbors

/// How searches that ask alike are carried out.
struct SearchPlan: Sendable {
    /// What they ask for.
    struct Key: Hashable {
        let k: Int
        let target: Double
        let styles: Set<QueryStyle>?
    }

    /// The recall that is aimed at.
    let target: Double
    /// How hard each segment is searched for it.
    let efforts: [SegmentIndex.Effort]
    let expectation: Expectation
}
