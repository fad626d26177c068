import Belfry
import Files

/// Which columns could be ids: for each of them whether a value has been there before, as a build would find.
///
/// A column that is not called like an id falls out with the first value that is empty or there twice. What is kept of the
/// others is bounded: beyond some millions of ids in all, no more are counted, and a build will say what repeats.
struct IDCandidates {
    /// What is known of one column.
    struct Candidate {
        fileprivate(set) var ids: Set<PointID> = []
        /// Rows whose id was there before.
        fileprivate(set) var repeats = 0
        fileprivate(set) var empty = 0
        /// The line of the first that was there before, and its value.
        fileprivate(set) var firstRepeat: (line: Int, text: String)?
        fileprivate let isNamed: Bool

        /// How many ids there are.
        var count: Int { ids.count }
    }

    /// By the column's place in the profile.
    private(set) var candidates: [Int: Candidate] = [:]
    /// Whether all rows were counted.
    private(set) var isWhole = true
    private var total = 0
    private static let most = 8_000_000
    /// Longer texts are no ids.
    private static let longest = 200

    /// A column that is looked at from here on.
    mutating func begin(_ column: Int, named isNamed: Bool) { candidates[column] = Candidate(isNamed: isNamed) }

    /// Rows before this one lack the column.
    mutating func lacks(_ rows: Int, column: Int) {
        candidates[column]?.empty += rows
        drop(column)
    }

    /// Takes a cell.
    mutating func add(_ value: JSON?, column: Int, line: Int) {
        guard isWhole, candidates[column] != nil else { return }
        guard let text = value?.name, text.utf8.count <= Self.longest else {
            candidates[column]?.empty += 1
            drop(column)
            return
        }
        if candidates[column]?.ids.insert(PointName(text).id).inserted == true {
            total += 1
            isWhole = total < Self.most
        } else {
            candidates[column]?.repeats += 1
            if candidates[column]?.firstRepeat == nil { candidates[column]?.firstRepeat = (line, text) }
            drop(column)
        }
    }

    /// A column that is called like no id is none any more, and one that is, where most rows speak against it.
    private mutating func drop(_ column: Int) {
        guard let candidate = candidates[column] else { return }
        let against = candidate.repeats + candidate.empty
        if candidate.isNamed, against < 1_000 || against < candidate.count { return }
        total -= candidate.count
        candidates[column] = nil
    }
}
