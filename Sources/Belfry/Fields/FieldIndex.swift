public import Files
import HashTreeCollections
public import Shards
import Vectors

/// The values of one payload field over the slots of a collection.
///
/// 1. What was there when the index was made lies in columns that never change: values in order, each with its slot, or a
///    dictionary of texts, each with its slots; bitmaps of the slots whose field is there, filled, null, or has values that
///    the index has no column for.
/// 2. What came since is kept beside, by slot, as it stands in the payload, and is looked at value by value.
///    ``compact()`` makes new columns of both.
/// 3. An index says for which slots a condition holds for certain, and for which it may hold: a text in a field of numbers
///    is known to be there, and not what it says. ``FieldIndexes`` reads the payload of the doubtful ones.
///
/// Copies share what they have in common: a view keeps the index as it was while a writer goes on.
public struct FieldIndex: Sendable {
    /// The field.
    public let field: IndexedField
    /// The number that whoever made the columns gave them: up to which write they have everything.
    public let version: UInt64
    let sections: FieldSections
    /// Slots from here on have nothing in the columns.
    let bound: Int
    private(set) var changes: TreeDictionary<Slot, [JSON]> = [:]

    /// An index without slots.
    public init(_ field: IndexedField) {
        var builder = FieldBuilder(field)
        self.init(&builder, version: 0)
    }

    init(field: IndexedField, version: UInt64, sections: FieldSections, bound: Int) {
        (self.field, self.version, self.sections, self.bound) = (field, version, sections, bound)
    }

    init(_ builder: inout FieldBuilder, version: UInt64) {
        let (sections, bound) = builder.finish()
        self.init(field: builder.field, version: version, sections: sections, bound: bound)
    }

    /// An index over many slots.
    public init(_ field: IndexedField, version: UInt64 = 0, of payloads: some Sequence<(slot: Slot, payload: JSON)>) {
        var builder = FieldBuilder(field)
        for (slot, payload) in payloads { builder.add(slot, field.path.values(in: payload)) }
        self.init(&builder, version: version)
    }

    /// How many slots were changed since the columns were made.
    public var changeCount: Int { changes.count }

    /// Gives a slot the values of a payload, in the place of those that it had.
    public mutating func insert(_ slot: Slot, payload: JSON) {
        changes[slot] = field.path.values(in: payload)
    }

    /// Takes a slot out.
    public mutating func remove(_ slot: Slot) { changes[slot] = [] }

    /// The same index with columns that have everything.
    /// - Throws: `corruptData` if the columns in its file are damaged.
    public func compact(version: UInt64? = nil) throws(BelfryError) -> FieldIndex {
        var builder = FieldBuilder(field)
        let changes = changes
        try builder.absorb(sections) { changes[$0] != nil }
        for (slot, values) in changes { builder.add(slot, values) }
        return FieldIndex(&builder, version: version ?? self.version)
    }
}

extension FieldIndex {
    /// For which of `live` slots a condition on this field holds.
    func answer(_ condition: Condition, in live: RowSet) throws(BelfryError) -> FieldAnswer {
        let answer = try lookUp(condition, in: live).intersection(live)
        guard !changes.isEmpty else { return answer }
        var (certain, possible) = (answer.certain, answer.possible)
        for (slot, values) in changes {
            let row = Int(slot)
            guard live.contains(row) else { continue }
            certain.remove(row)
            possible.remove(row)
            if condition.holds(forValues: values) {
                certain.insert(row)
                possible.insert(row)
            }
        }
        return FieldAnswer(certain: certain, possible: possible)
    }
}
