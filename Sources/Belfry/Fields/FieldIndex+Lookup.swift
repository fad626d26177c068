import Files
import Shards
import Vectors

/// What the columns say of a condition, whatever changed since.
extension FieldIndex {
    func lookUp(_ condition: Condition, in live: RowSet) throws(BelfryError) -> FieldAnswer {
        switch condition {
        case .isEmpty: return FieldAnswer(exactly: live.subtracting(try bitmap(.filled, live.capacity)))
        case .isNull: return FieldAnswer(exactly: try bitmap(.nulls, live.capacity))
        case .field(_, .count(let range)): return FieldAnswer(exactly: try counted(range, in: live))
        case .field(_, let test):
            let lookup = FieldLookup(self, capacity: live.capacity)
            return try lookup.answer(test)
        case .hasID, .hasVector, .slice, .nested, .filter: return .unknown(among: live)
        }
    }

    /// The slots that a bitmap has.
    func bitmap(_ part: FieldShape, _ capacity: Int) throws(BelfryError) -> RowSet {
        let words = try sections.column(part.name, of: UInt64.self)
        return RowSet(capacity: capacity) { $0 < words.count ? words[$0] : 0 }
    }

    private func counted(_ range: ValueRange<Int>, in live: RowSet) throws(BelfryError) -> RowSet {
        let capacity = max(live.capacity, bound)
        var found = range.contains(1) ? try bitmap(.ones, capacity) : RowSet(capacity: capacity)
        // A field that is not there has no values.
        if range.contains(0) { found = found.union(live.subtracting(try bitmap(.present, live.capacity))) }
        let counts = try sections.column("counts", of: UInt32.self)
        let slots = try sections.column("counted", of: Slot.self)
        guard counts.count == slots.count else {
            throw sections.corrupt("counts", 0, "has \(counts.count) counts for \(slots.count) slots")
        }
        let places = counts.places(below: { range.isBelow(Int($0)) }, above: { range.isAbove(Int($0)) })
        if let place = found.insert(rows: UnsafeBufferPointer(rebasing: slots[places])) {
            throw sections.corrupt("counted", 0, "has slot \(slots[places.lowerBound + place]) of \(bound)")
        }
        return found
    }
}
