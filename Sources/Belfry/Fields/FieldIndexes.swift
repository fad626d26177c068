public import Files
public import Shards
public import Vectors

/// The slots that a filter is evaluated over, and what can be asked of them.
public struct FilteredSlots {
    /// The slots that there are.
    public var live: RowSet
    /// The point in a slot: reads its payload.
    public var point: (Slot) throws(BelfryError) -> FilteredPoint
    /// The slots of points, of those that there are, if whoever asks knows them without reading payloads.
    public var slots: ((Set<PointID>) throws(BelfryError) -> [Slot])?
    /// The id of the point in a slot, if that can be known without reading its payload.
    public var id: ((Slot) -> PointID)?
    /// The slots that have a vector of a name, if that is known.
    public var vectors: ((String) -> RowSet?)?

    /// Slots.
    public init(
        _ live: RowSet, slots: ((Set<PointID>) throws(BelfryError) -> [Slot])? = nil, id: ((Slot) -> PointID)? = nil,
        vectors: ((String) -> RowSet?)? = nil,
        point: @escaping (Slot) throws(BelfryError) -> FilteredPoint
    ) {
        (self.live, self.slots, self.id, self.vectors, self.point) = (live, slots, id, vectors, point)
    }
}

/// The indexes of a collection's payload fields: which points a filter lets through, as a set of slots.
///
/// 1. Each condition becomes two sets: the slots for which it holds for certain, and those for which it may hold. A
///    condition without an index holds for none for certain, and may hold for all.
/// 2. Clauses combine them: a `must` is an intersection, a `should` a union, a `mustNot` turns them round.
/// 3. Only for slots that are possible and not certain in the end, payloads are read.
///
/// The result is always what ``Filter/matches(_:)`` says of every point. There is no estimate.
public struct FieldIndexes: Sendable {
    /// The indexes, by their fields. A field may have several, of different kinds.
    public private(set) var indexes: [IndexedField: FieldIndex]

    /// These indexes.
    public init(_ indexes: [FieldIndex] = []) {
        self.indexes = Dictionary(indexes.map { ($0.field, $0) }) { _, last in last }
    }

    /// The indexes of some fields, over many slots.
    public init(_ fields: [IndexedField], version: UInt64 = 0, of payloads: some Sequence<(slot: Slot, payload: JSON)>)
    {
        var builders = Set(fields).map { FieldBuilder($0) }
        for (slot, payload) in payloads {
            for place in builders.indices { builders[place].add(slot, builders[place].field.path.values(in: payload)) }
        }
        self.init(builders.indices.map { FieldIndex(&builders[$0], version: version) })
    }

    /// Adds an index, in the place of one of the same field.
    public mutating func add(_ index: FieldIndex) { indexes[index.field] = index }

    /// Drops the index of a field.
    public mutating func drop(_ field: IndexedField) { indexes[field] = nil }

    /// Gives a slot the values of a payload, in the place of those that it had. Every point that has a slot is inserted.
    public mutating func insert(_ slot: Slot, payload: JSON) {
        for field in indexes.keys { indexes[field]?.insert(slot, payload: payload) }
    }

    /// Takes a slot out.
    public mutating func remove(_ slot: Slot) { for field in indexes.keys { indexes[field]?.remove(slot) } }
}

extension FieldIndexes {
    /// The slots whose points pass.
    /// - Throws: what reading a payload throws, and `corruptData` where an index's file is damaged.
    public func evaluate(_ filter: Filter, over slots: FilteredSlots) throws(BelfryError) -> RowSet {
        var (found, doubtful) = try narrow(filter, over: slots)
        for slot in doubtful.listed where filter.matches(try slots.point(slot)) { found.insert(Int(slot)) }
        return found
    }

    /// The slots whose points pass for certain, and those whose payloads have to be read: for whoever reads many at once,
    /// or does not want to.
    public func narrow(
        _ filter: Filter, over slots: FilteredSlots
    ) throws(BelfryError) -> (certain: RowSet, doubtful: RowSet) {
        if filter.isEmpty { return (slots.live, RowSet(capacity: slots.live.capacity)) }
        let answer = try answer(filter, slots)
        return (answer.certain, answer.doubtful)
    }

    private func answer(_ filter: Filter, _ slots: FilteredSlots) throws(BelfryError) -> FieldAnswer {
        let live = slots.live
        // Each answer is of live slots alone.
        var parts: [FieldAnswer] = []
        for condition in filter.must { parts.append(try answer(condition, slots)) }
        for condition in filter.mustNot { parts.append(try answer(condition, slots).negated(in: live)) }
        if !filter.should.isEmpty {
            var some = FieldAnswer(exactly: RowSet(capacity: live.capacity))
            for condition in filter.should { some = some.union(try answer(condition, slots)) }
            parts.append(some)
        }
        if let minShould = filter.minShould, minShould.count > 0 {
            var answers: [FieldAnswer] = []
            for condition in minShould.conditions { answers.append(try answer(condition, slots)) }
            parts.append(
                FieldAnswer(
                    certain: .inAtLeast(minShould.count, of: answers.map(\.certain), capacity: live.capacity),
                    possible: .inAtLeast(minShould.count, of: answers.map(\.possible), capacity: live.capacity)))
        }
        guard let first = parts.first else { return FieldAnswer(exactly: live) }
        return parts.dropFirst().reduce(first) { $0.intersection($1) }
    }

    private func answer(_ condition: Condition, _ slots: FilteredSlots) throws(BelfryError) -> FieldAnswer {
        let live = slots.live
        switch condition {
        case .filter(let filter): return try answer(filter, slots)
        case .field(let path, _), .isEmpty(let path), .isNull(let path):
            return try answer(condition, at: path, in: live)
        case .nested(let path, let filter):
            return .unknown(among: try holding(filter, below: Condition.elements(path), in: live) ?? live)
        case .hasID(let ids):
            guard let known = slots.slots else { return .unknown(among: live) }
            var found = RowSet(capacity: live.capacity)
            for slot in try known(ids) where live.contains(Int(slot)) { found.insert(Int(slot)) }
            return FieldAnswer(exactly: found)
        case .hasVector(let name):
            guard let found = slots.vectors?(name) else { return .unknown(among: live) }
            return FieldAnswer(exactly: live.intersection(found))
        case .slice(let slice):
            guard let id = slots.id else { return .unknown(among: live) }
            var found = RowSet(capacity: live.capacity)
            for slot in live.listed where slice.contains(id(slot)) { found.insert(Int(slot)) }
            return FieldAnswer(exactly: found)
        }
    }

    private func answer(
        _ condition: Condition, at path: JSONPath, in live: RowSet
    ) throws(BelfryError) -> FieldAnswer {
        var answer = FieldAnswer.unknown(among: live)
        for kind in FieldKind.allCases {
            guard let index = indexes[IndexedField(path, kind)] else { continue }
            answer = answer.agreeing(with: try index.answer(condition, in: live))
            if answer.isExact { break }
        }
        return answer
    }

    /// The slots in which each condition of a nested filter may hold for some element, if not for the same; nil for all.
    private func holding(_ filter: Filter, below path: JSONPath, in live: RowSet) throws(BelfryError) -> RowSet? {
        var common: RowSet?
        for condition in filter.must {
            guard let found = try holding(condition, below: path, in: live) else { continue }
            common = common.map { $0.intersection(found) } ?? found
        }
        if !filter.should.isEmpty {
            var some = RowSet(capacity: live.capacity)
            for condition in filter.should {
                guard let found = try holding(condition, below: path, in: live) else { return common }
                some = some.union(found)
            }
            common = common.map { $0.intersection(some) } ?? some
        }
        return common
    }

    private func holding(_ condition: Condition, below path: JSONPath, in live: RowSet) throws(BelfryError) -> RowSet? {
        switch condition {
        // What an element lacks, others may have.
        case .field(_, .count), .isEmpty: return nil
        case .field(let inner, let test):
            let whole = path.appending(inner)
            return try answer(.field(whole, test), at: whole, in: live).possible
        case .isNull(let inner):
            let whole = path.appending(inner)
            return try answer(.isNull(whole), at: whole, in: live).possible
        case .nested(let inner, let filter):
            return try holding(filter, below: path.appending(Condition.elements(inner)), in: live)
        case .filter(let filter): return try holding(filter, below: path, in: live)
        case .hasID, .hasVector, .slice: return RowSet(capacity: live.capacity)
        }
    }
}
