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

/// Answers tests of a field by the columns of its index.
struct FieldLookup {
    private let index: FieldIndex
    private let sections: FieldSections
    private let capacity: Int

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

    private var nothing: RowSet { RowSet(capacity: capacity) }
    /// The slots with values that are in the columns.
    private func typed() throws(BelfryError) -> RowSet { try index.bitmap(.typed, capacity) }
    /// The slots with values that are not, null apart.
    private func others() throws(BelfryError) -> RowSet { try index.bitmap(.others, capacity) }

    /// The test passes values of other kinds alone, if any.
    private func onlyOthers() throws(BelfryError) -> FieldAnswer { .unknown(among: try others()) }
    /// The columns do not say.
    private func anything() throws(BelfryError) -> FieldAnswer { .unknown(among: try typed().union(try others())) }
    /// These pass, and so may values of other kinds.
    private func orOthers(_ slots: RowSet) throws(BelfryError) -> FieldAnswer {
        FieldAnswer(certain: slots, possible: slots.union(try others()))
    }

    private func insert(_ slots: UnsafeBufferPointer<Slot>, into set: inout RowSet) throws(BelfryError) {
        if let place = set.insert(rows: slots) {
            throw sections.corrupt("slots", 0, "has slot \(slots[place]) of \(index.bound)")
        }
    }

    /// The values in order, and their slots.
    private func pairs<Key: BitwiseCopyable>(
        _ type: Key.Type
    ) throws(BelfryError) -> (keys: UnsafeBufferPointer<Key>, slots: UnsafeBufferPointer<Slot>) {
        let (keys, slots) = (try sections.column("keys", of: type), try sections.column("slots", of: Slot.self))
        guard keys.count == slots.count else {
            throw sections.corrupt("slots", 0, "has \(slots.count) slots for \(keys.count) values")
        }
        return (keys, slots)
    }

    /// The slots of the values from the first that is not `isBelow` to the first that is `isAbove`.
    private func slots<Key: BitwiseCopyable>(
        _ type: Key.Type, below isBelow: (Key) -> Bool, above isAbove: (Key) -> Bool
    ) throws(BelfryError) -> RowSet {
        let (keys, slots) = try pairs(type)
        let places = keys.places(below: isBelow, above: isAbove)
        var set = nothing
        try insert(UnsafeBufferPointer(rebasing: slots[places]), into: &set)
        return set
    }

    /// The slots of the values that are one of `wanted`.
    private func slots<Key: BitwiseCopyable & Comparable>(_ wanted: some Sequence<Key>) throws(BelfryError) -> RowSet {
        let (keys, slots) = try pairs(Key.self)
        var set = nothing
        for key in wanted {
            let places = keys.places(below: { $0 < key }, above: { $0 > key })
            try insert(UnsafeBufferPointer(rebasing: slots[places]), into: &set)
        }
        return set
    }

    /// The slots of the values that pass; each value is asked once.
    private func slots<Key: BitwiseCopyable & Equatable>(
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
    private func integer(_ test: FieldTest) throws(BelfryError) -> FieldAnswer {
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

    private func float(_ test: FieldTest) throws(BelfryError) -> FieldAnswer {
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

    private func bool(_ test: FieldTest) throws(BelfryError) -> FieldAnswer {
        switch test {
        case .match(.bool(let bool)): return FieldAnswer(exactly: try slots(CollectionOfOne(bool ? 1 : 0 as Int64)))
        case .except: return try orOthers(try typed())
        default: return try onlyOthers()
        }
    }
}

// MARK: texts

extension FieldLookup {
    private func datetime(_ test: FieldTest) throws(BelfryError) -> FieldAnswer {
        switch test {
        case .times(let range):
            return FieldAnswer(
                exactly: try slots(
                    Int64.self, below: { range.isBelow(Timestamp(microseconds: $0)) },
                    above: { range.isAbove(Timestamp(microseconds: $0)) }))
        default: return try test.passesTexts ? anything() : test.passesAllTexts ? orOthers(try typed()) : onlyOthers()
        }
    }

    private func uuid(_ test: FieldTest) throws(BelfryError) -> FieldAnswer {
        switch test {
        case .match(.string(let text)):
            guard let key = UUIDKey(text.text) else { return try onlyOthers() }
            return FieldAnswer(exactly: try slots(CollectionOfOne(key)))
        case .any(.strings(let texts)): return try orOthers(try slots(texts.lazy.compactMap { UUIDKey($0.text) }))
        case .except(.strings(let texts)):
            let unwanted = texts.compactMap { UUIDKey($0.text) }.sorted()
            return try orOthers(try slots(UUIDKey.self) { !unwanted.hasSorted($0) })
        default: return try test.passesTexts ? anything() : test.passesAllTexts ? orOthers(try typed()) : onlyOthers()
        }
    }

    private func keyword(_ test: FieldTest) throws(BelfryError) -> FieldAnswer {
        let dictionary = try FieldDictionary(sections)
        var set = nothing
        switch test {
        case .match(.string(let text)):
            if let place = try dictionary.place(of: text) { try insert(dictionary.slots(place), into: &set) }
        case .any(.strings(let texts)):
            for text in texts {
                if let place = try dictionary.place(of: text) { try insert(dictionary.slots(place), into: &set) }
            }
        case .except(.strings(let texts)):
            var start = 0
            for text in texts.sorted() {
                guard let place = try dictionary.place(of: text) else { continue }
                try insert(dictionary.slots(start..<place), into: &set)
                start = place + 1
            }
            try insert(dictionary.slots(start..<dictionary.count), into: &set)
            set = set.union(try others())
        case .prefix(let text): try insert(dictionary.slots(try dictionary.places(prefix: text)), into: &set)
        case .substring, .textAny, .phrase, .times:
            for place in 0..<dictionary.count where test.accepts(.string(try dictionary.text(place))) {
                try insert(dictionary.slots(place), into: &set)
            }
        // Words may be spread over the texts of a slot.
        case .text(let query): return query.words.isEmpty ? FieldAnswer(exactly: set) : .unknown(among: try typed())
        default: return try test.passesAllTexts ? orOthers(try typed()) : onlyOthers()
        }
        return FieldAnswer(exactly: set)
    }

    private func text(_ test: FieldTest) throws(BelfryError) -> FieldAnswer {
        switch test {
        case .text(let query): return FieldAnswer(exactly: try having(all: query.words))
        case .phrase(let query): return .unknown(among: try having(all: query.words))
        case .textAny(let query):
            let dictionary = try FieldDictionary(sections)
            var set = nothing
            for word in query.words {
                if let place = try dictionary.place(of: word) { try insert(dictionary.slots(place), into: &set) }
            }
            return FieldAnswer(exactly: set)
        case .match(.string(let text)):
            let words = WordQuery.words(of: text.text)
            return .unknown(among: words.isEmpty ? try typed() : try having(all: words))
        default: return try test.passesTexts ? anything() : test.passesAllTexts ? orOthers(try typed()) : onlyOthers()
        }
    }

    private func having(all words: [UTF8Key]) throws(BelfryError) -> RowSet {
        let dictionary = try FieldDictionary(sections)
        var common: RowSet?
        for word in words {
            var set = nothing
            if let place = try dictionary.place(of: word) { try insert(dictionary.slots(place), into: &set) }
            common = common.map { $0.intersection(set) } ?? set
        }
        return common ?? nothing
    }
}

// MARK: places

extension FieldLookup {
    private func geo(_ test: FieldTest) throws(BelfryError) -> FieldAnswer {
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

extension FieldTest {
    /// Whether some texts pass, and others do not.
    fileprivate var passesTexts: Bool {
        switch self {
        case .match(.string), .any(.strings), .except(.strings), .text, .textAny, .phrase, .prefix, .substring, .times:
            true
        default: false
        }
    }

    /// Whether every text passes.
    fileprivate var passesAllTexts: Bool { if case .except(.integers) = self { true } else { false } }
}

extension ValueRange {
    /// Whether a value lies before the range.
    @inline(__always)
    fileprivate func isBelow(_ value: Value) -> Bool {
        lower.map { $0.isIncluded ? value < $0.value : value <= $0.value } ?? false
    }

    /// Whether a value lies behind the range.
    @inline(__always)
    fileprivate func isAbove(_ value: Value) -> Bool {
        upper.map { $0.isIncluded ? value > $0.value : value >= $0.value } ?? false
    }
}

extension UnsafeBufferPointer {
    /// Of elements in order, the places from the first that is not below to the first that is above.
    fileprivate func places(below isBelow: (Element) -> Bool, above isAbove: (Element) -> Bool) -> Range<Int> {
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

extension [UUIDKey] {
    /// Whether one of the keys, which are in order, is `key`.
    fileprivate func hasSorted(_ key: UUIDKey) -> Bool {
        withUnsafeBufferPointer { !$0.places(below: { $0 < key }, above: { $0 > key }).isEmpty }
    }
}
