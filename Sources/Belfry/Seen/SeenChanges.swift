import HashTreeCollections
import Shards

/// What was noted of what a user has seen since the catalogue was last brought up to date. A value of which a view keeps a copy:
/// copies share what they have in common.
struct SeenChanges: Sendable {
    /// Points that were seen, with the seconds; nil for those that were forgotten.
    private(set) var marks: TreeDictionary<PointID, UInt32?> = [:]
    /// What an older list has of before this was forgotten; in seconds since 1970.
    private(set) var forgottenBefore: UInt64 = 0

    /// Whether something of an older list counts no more.
    var forgets: Bool { forgottenBefore > 0 || hasForgotten }
    private var hasForgotten = false

    /// Notes what a write says.
    mutating func note(_ note: SeenNote) {
        switch note {
        case .seen(let ids, let seconds): for id in ids { marks.updateValue(seconds, forKey: id) }
        case .forgotten(let ids):
            hasForgotten = true
            for id in ids { marks.updateValue(nil, forKey: id) }
        case .forgottenBefore(let time):
            forgottenBefore = max(forgottenBefore, time)
            // The list before may have one of these with a later time: what was noted last counts.
            marks = marks.mapValues { $0.flatMap { UInt64($0) >= time ? $0 : nil } }
        }
    }
}

/// What one write says of what a user has seen.
enum SeenNote: Equatable, Sendable {
    /// Points were seen; when, in seconds since 1970.
    case seen([PointID], seconds: UInt32)
    /// Points are to count as never seen.
    case forgotten([PointID])
    /// What was seen before this, in seconds since 1970, is to count as never seen.
    case forgottenBefore(UInt64)

    /// The points that it names.
    var ids: [PointID] {
        switch self {
        case .seen(let ids, _), .forgotten(let ids): ids
        case .forgottenBefore: []
        }
    }
}

extension SeenList {
    /// So many are kept of one user: beyond it those that were seen longest ago are forgotten.
    static let limit = 100_000

    /// Takes up what was noted since.
    mutating func apply(_ changes: SeenChanges) {
        let known = Dictionary(uniqueKeysWithValues: changes.marks.compactMap { id, _ in mark(id).map { (id, $0) } })
        var kept = marks.filter { UInt64($0.seconds) >= changes.forgottenBefore && changes.marks[$0.id] == nil }
        for (id, seconds) in changes.marks {
            if let seconds { kept.append(Mark(id: id, slot: known[id]?.slot, seconds: seconds)) }
        }
        if kept.count > Self.limit {
            kept.sort { ($1.seconds, $0.id) < ($0.seconds, $1.id) }
            kept.removeLast(kept.count - Self.limit)
        }
        self = SeenList(distinct: kept)
    }

    /// The list with what was noted since, the newest first.
    func applying(_ changes: [SeenChanges]) -> SeenList {
        var list = self
        for change in changes.reversed() { list.apply(change) }
        return list
    }
}
