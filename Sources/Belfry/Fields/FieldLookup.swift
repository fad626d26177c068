import Files
import Shards
import Vectors

/// Answers tests of a field by the columns of its index.
struct FieldLookup {
    let index: FieldIndex
    let sections: FieldSections
    let capacity: Int

    init(_ index: FieldIndex, capacity: Int) {
        (self.index, sections, self.capacity) = (index, index.sections, max(capacity, index.bound))
    }

    func answer(_ test: FieldTest) throws(BelfryError) -> FieldAnswer {
        switch index.field.kind {
        case .keyword: try keyword(test)
        case .text: try text(test)
        case .integer: try integer(test)
        case .float: try float(test)
        case .bool: try bool(test)
        case .datetime: try datetime(test)
        case .uuid: try uuid(test)
        case .geo: try geo(test)
        }
    }

    // MARK: parts of answers

    var nothing: RowSet { RowSet(capacity: capacity) }
    /// The slots with values that are in the columns.
    func typed() throws(BelfryError) -> RowSet { try index.bitmap(.typed, capacity) }
    /// The slots with values that are not, null apart.
    func others() throws(BelfryError) -> RowSet { try index.bitmap(.others, capacity) }

    /// The test passes values of other kinds alone, if any.
    func onlyOthers() throws(BelfryError) -> FieldAnswer { .unknown(among: try others()) }
    /// The columns do not say.
    func anything() throws(BelfryError) -> FieldAnswer { .unknown(among: try typed().union(try others())) }
    /// These pass, and so may values of other kinds.
    func orOthers(_ slots: RowSet) throws(BelfryError) -> FieldAnswer {
        FieldAnswer(certain: slots, possible: slots.union(try others()))
    }

    func insert(_ slots: UnsafeBufferPointer<Slot>, into set: inout RowSet) throws(BelfryError) {
        if let place = set.insert(rows: slots) {
            throw sections.corrupt("slots", 0, "has slot \(slots[place]) of \(index.bound)")
        }
    }

    /// The values in order, and their slots.
    func pairs<Key: BitwiseCopyable>(
        _ type: Key.Type
    ) throws(BelfryError) -> (keys: UnsafeBufferPointer<Key>, slots: UnsafeBufferPointer<Slot>) {
        let (keys, slots) = (try sections.column("keys", of: type), try sections.column("slots", of: Slot.self))
        guard keys.count == slots.count else {
            throw sections.corrupt("slots", 0, "has \(slots.count) slots for \(keys.count) values")
        }
        return (keys, slots)
    }

    /// The slots of the values from the first that is not `isBelow` to the first that is `isAbove`.
    func slots<Key: BitwiseCopyable>(
        _ type: Key.Type, below isBelow: (Key) -> Bool, above isAbove: (Key) -> Bool
    ) throws(BelfryError) -> RowSet {
        let (keys, slots) = try pairs(type)
        let places = keys.places(below: isBelow, above: isAbove)
        var set = nothing
        try insert(UnsafeBufferPointer(rebasing: slots[places]), into: &set)
        return set
    }

    /// The slots of the values that are one of `wanted`.
    func slots<Key: BitwiseCopyable & Comparable>(_ wanted: some Sequence<Key>) throws(BelfryError) -> RowSet {
        let (keys, slots) = try pairs(Key.self)
        var set = nothing
        for key in wanted {
            let places = keys.places(below: { $0 < key }, above: { $0 > key })
            try insert(UnsafeBufferPointer(rebasing: slots[places]), into: &set)
        }
        return set
    }

    /// The slots of the values that pass; each value is asked once.
    func slots<Key: BitwiseCopyable & Equatable>(
        _ type: Key.Type, where passes: (Key) -> Bool
    ) throws(BelfryError) -> RowSet {
        let (keys, slots) = try pairs(type)
        var set = nothing
        var start = 0
        while start < keys.count {
            var end = start + 1
            while end < keys.count, keys[end] == keys[start] { end += 1 }
            if passes(keys[start]) { try insert(UnsafeBufferPointer(rebasing: slots[start..<end]), into: &set) }
            start = end
        }
        return set
    }
}

// MARK: numbers

extension FieldLookup {
    func integer(_ test: FieldTest) throws(BelfryError) -> FieldAnswer {
        switch test {
        case .match(.integer(let number)): return FieldAnswer(exactly: try slots(CollectionOfOne(number)))
        case .any(.integers(let numbers)): return FieldAnswer(exactly: try slots(numbers))
        case .except(.integers(let numbers)):
            return FieldAnswer(exactly: try slots(Int64.self) { !numbers.contains($0) }.union(try others()))
        case .except(.strings): return try orOthers(try typed())
        case .range(let range):
            return try orOthers(
                try slots(Int64.self, below: { range.isBelow(Double($0)) }, above: { range.isAbove(Double($0)) }))
        default: return try onlyOthers()
        }
    }

    func float(_ test: FieldTest) throws(BelfryError) -> FieldAnswer {
        switch test {
        case .range(let range):
            return FieldAnswer(exactly: try slots(Double.self, below: range.isBelow, above: range.isAbove))
        // Beyond 2^53 several whole numbers are one f64.
        case .match(.integer(let number)): return .unknown(among: try slots(CollectionOfOne(Double(number))))
        case .any(.integers(let numbers)): return .unknown(among: try slots(numbers.lazy.map { Double($0) }))
        case .except(.integers(let numbers)):
            let doubles = Set(numbers.map { Double($0) })
            let certain = try slots(Double.self) { !doubles.contains($0) }.union(try others())
            return FieldAnswer(certain: certain, possible: try typed().union(try others()))
        case .except(.strings): return try orOthers(try typed())
        default: return try onlyOthers()
        }
    }

    func bool(_ test: FieldTest) throws(BelfryError) -> FieldAnswer {
        switch test {
        case .match(.bool(let bool)): return FieldAnswer(exactly: try slots(CollectionOfOne(bool ? 1 : 0 as Int64)))
        case .except: return try orOthers(try typed())
        default: return try onlyOthers()
        }
    }
}

// MARK: places

extension FieldLookup {
    func geo(_ test: FieldTest) throws(BelfryError) -> FieldAnswer {
        switch test {
        case .box(let box):
            return FieldAnswer(exactly: try places(box.bottomRight.latitude, box.topLeft.latitude, box.contains))
        case .radius(let circle):
            // A degree of latitude has more than 111,000 meters everywhere.
            let reach = max(0, circle.meters / 111_000)
            return FieldAnswer(
                exactly: try places(
                    circle.center.latitude - reach, circle.center.latitude + reach, circle.contains))
        case .polygon(let polygon):
            let latitudes = polygon.exterior.map(\.latitude)
            return FieldAnswer(exactly: try places(latitudes.min() ?? 0, latitudes.max() ?? 0, polygon.contains))
        case .except: return try orOthers(try typed())
        default: return try onlyOthers()
        }
    }

    /// The slots of the places between two latitudes that pass.
    private func places(_ low: Double, _ high: Double, _ passes: (GeoPoint) -> Bool) throws(BelfryError) -> RowSet {
        let (latitudes, slots) = try pairs(Double.self)
        let longitudes = try sections.column("east", of: Double.self)
        guard longitudes.count == slots.count else {
            throw sections.corrupt("east", 0, "has \(longitudes.count) longitudes for \(slots.count) places")
        }
        var set = nothing
        for place in latitudes.places(below: { $0 < low }, above: { $0 > high })
        where passes(GeoPoint(uncheckedLatitude: latitudes[place], longitude: longitudes[place])) {
            try insert(UnsafeBufferPointer(rebasing: slots[place..<place + 1]), into: &set)
        }
        return set
    }
}

extension ValueRange {
    /// Whether a value lies before the range.
    @inline(__always)
    func isBelow(_ value: Value) -> Bool {
        lower.map { $0.isIncluded ? value < $0.value : value <= $0.value } ?? false
    }

    /// Whether a value lies behind the range.
    @inline(__always)
    func isAbove(_ value: Value) -> Bool {
        upper.map { $0.isIncluded ? value > $0.value : value >= $0.value } ?? false
    }
}

extension UnsafeBufferPointer {
    /// Of elements in order, the places from the first that is not below to the first that is above.
    func places(below isBelow: (Element) -> Bool, above isAbove: (Element) -> Bool) -> Range<Int> {
        func first(from start: Int, where isThere: (Element) -> Bool) -> Int {
            var (left, right) = (start, count)
            while left < right {
                let middle = (left + right) / 2
                if isThere(self[middle]) { right = middle } else { left = middle + 1 }
            }
            return left
        }
        let start = first(from: 0) { !isBelow($0) }
        return start..<first(from: start, where: isAbove)
    }
}
