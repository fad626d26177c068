import Files
import Foundation
import Shards

/// Collects the values of a field, slot by slot, and lays them out as the columns of an index.
struct FieldBuilder {
    let field: IndexedField
    private var bound = 0
    private var shape = [SlotBits](repeating: SlotBits(), count: FieldShape.allCases.count)
    private var counts: [FieldPair<UInt32>] = []
    private var wholes: [FieldPair<Int64>] = []
    private var numbers: [FieldPair<Double>] = []
    private var uuids: [FieldPair<UUIDKey>] = []
    private var places: [(latitude: Double, longitude: Double, slot: Slot)] = []
    private var texts: [UTF8Key: [Slot]] = [:]

    init(_ field: IndexedField) { self.field = field }

    /// Adds a slot with the values that lie at the field's path.
    mutating func add(_ slot: Slot, _ values: some Sequence<JSON>) {
        for value in values {
            mark(.present, slot)
            let count = value.valueCount
            if count == 1 { mark(.ones, slot) } else { counts.append(FieldPair(UInt32(clamping: count), slot)) }
            if case .array(let elements) = value {
                if !elements.isEmpty { mark(.filled, slot) }
                for element in elements { add(slot, element) }
            } else {
                if value != .null { mark(.filled, slot) }
                add(slot, value)
            }
        }
    }

    private mutating func add(_ slot: Slot, _ value: JSON) {
        if value == .null { return mark(.nulls, slot) }
        switch (field.kind, value) {
        case (.keyword, .string(let text)): add(UTF8Key(text), slot)
        case (.text, .string(let text)): WordQuery.eachWord(of: text) { add($0, slot) }
        case (.integer, .integer(let number)): wholes.append(FieldPair(number, slot))
        case (.bool, .bool(let bool)): wholes.append(FieldPair(bool ? 1 : 0, slot))
        case (.float, .integer), (.float, .unsigned), (.float, .number):
            // What is not a number cannot come from JSON.
            guard let number = value.number, !number.isNaN else { return mark(.others, slot) }
            numbers.append(FieldPair(number, slot))
        case (.datetime, .string(let text)):
            guard let time = Timestamp(text) else { return mark(.others, slot) }
            wholes.append(FieldPair(time.microseconds, slot))
        case (.uuid, .string(let text)):
            guard let uuid = UUIDKey(text) else { return mark(.others, slot) }
            uuids.append(FieldPair(uuid, slot))
        case (.geo, .object):
            guard let place = GeoPoint(payload: value), !place.latitude.isNaN, !place.longitude.isNaN else {
                return mark(.others, slot)
            }
            places.append((place.latitude, place.longitude, slot))
        default: return mark(.others, slot)
        }
        mark(.typed, slot)
    }

    private mutating func add(_ text: UTF8Key, _ slot: Slot) {
        texts[text, default: []].append(slot)
    }

    private mutating func mark(_ part: FieldShape, _ slot: Slot) {
        bound = max(bound, Int(slot) + 1)
        shape[part.rawValue].insert(slot)
    }
}

extension FieldBuilder {
    /// Adds what an index has, but for some of its slots.
    mutating func absorb(_ sections: FieldSections, except isReplaced: (Slot) -> Bool) throws(BelfryError) {
        for part in FieldShape.allCases {
            for (index, word) in try sections.column(part.name, of: UInt64.self).enumerated() {
                var left = word
                while left != 0 {
                    let slot = Slot(index * 64 + left.trailingZeroBitCount)
                    if !isReplaced(slot) { mark(part, slot) }
                    left &= left - 1
                }
            }
        }
        try counts.absorb(sections, "counts", try sections.column("counted", of: Slot.self), isReplaced)
        let slots = try sections.column("slots", of: Slot.self)
        if field.kind.isDictionary {
            let dictionary = try FieldDictionary(sections)
            for place in 0..<dictionary.count {
                let kept = try dictionary.slots(place).filter { !isReplaced($0) }
                if !kept.isEmpty { texts[UTF8Key(try dictionary.text(place)), default: []] += kept }
            }
            return
        }
        switch field.kind {
        case .keyword, .text: return
        case .integer, .bool, .datetime: try wholes.absorb(sections, "keys", slots, isReplaced)
        case .float: try numbers.absorb(sections, "keys", slots, isReplaced)
        case .uuid: try uuids.absorb(sections, "keys", slots, isReplaced)
        case .geo:
            let (latitudes, longitudes) = (
                try sections.column("keys", of: Double.self), try sections.column("east", of: Double.self)
            )
            guard latitudes.count == slots.count, longitudes.count == slots.count else {
                throw sections.corrupt("slots", 0, "has \(slots.count) slots for \(latitudes.count) places")
            }
            for place in slots.indices where !isReplaced(slots[place]) {
                places.append((latitudes[place], longitudes[place], slots[place]))
            }
        }
    }

    /// The columns. The values are gone from here.
    mutating func finish() -> (sections: FieldSections, bound: Int) {
        var sections: [(name: String, bytes: UnsafeMutableRawBufferPointer)] = []
        func put<Element: BitwiseCopyable>(_ name: String, _ elements: [Element]) {
            sections.append((name, FieldSections.copy(elements)))
        }
        for part in FieldShape.allCases { put(part.name, shape[part.rawValue].words(below: bound)) }
        counts.sort()
        put("counts", counts.map(\.key))
        put("counted", counts.map(\.slot))
        switch field.kind {
        case .integer, .bool, .datetime: sections += Self.columns(&wholes)
        case .float: sections += Self.columns(&numbers)
        case .uuid: sections += Self.columns(&uuids)
        case .geo:
            places.sort { ($0.latitude, $0.slot) < ($1.latitude, $1.slot) }
            put("keys", places.map(\.latitude))
            put("east", places.map(\.longitude))
            put("slots", places.map(\.slot))
        case .keyword, .text:
            var (bytes, starts, firsts, slots): ([UInt8], [UInt64], [UInt64], [Slot]) = ([], [0], [0], [])
            for text in texts.keys.sorted(by: { $0.text.hasBytes(before: $1.text) }) {
                bytes += text.text.utf8
                starts.append(UInt64(bytes.count))
                var last: Slot?
                for slot in texts[text]!.sorted() where slot != last {
                    slots.append(slot)
                    last = slot
                }
                firsts.append(UInt64(slots.count))
            }
            put("keys", bytes)
            put("starts", starts)
            put("firsts", firsts)
            put("slots", slots)
        }
        return (FieldSections(sections), bound)
    }

    private static func columns<Key>(_ pairs: inout [FieldPair<Key>]) -> [(String, UnsafeMutableRawBufferPointer)] {
        pairs.sort()
        return [("keys", FieldSections.copy(pairs.map(\.key))), ("slots", FieldSections.copy(pairs.map(\.slot)))]
    }
}

/// A value and a slot that has it.
struct FieldPair<Key: Comparable & BitwiseCopyable>: Comparable, BitwiseCopyable {
    var key: Key
    var slot: Slot

    init(_ key: Key, _ slot: Slot) { (self.key, self.slot) = (key, slot) }

    static func < (first: FieldPair, second: FieldPair) -> Bool {
        first.key < second.key || (first.key == second.key && first.slot < second.slot)
    }
}

extension Array {
    fileprivate mutating func absorb<Key>(
        _ sections: FieldSections, _ name: String, _ slots: UnsafeBufferPointer<Slot>, _ isReplaced: (Slot) -> Bool
    ) throws(BelfryError) where Element == FieldPair<Key> {
        let keys = try sections.column(name, of: Key.self)
        guard keys.count == slots.count else {
            throw sections.corrupt(name, 0, "has \(keys.count) values for \(slots.count) slots")
        }
        for place in slots.indices where !isReplaced(slots[place]) { append(FieldPair(keys[place], slots[place])) }
    }
}

extension String {
    /// Whether this text's bytes come before another's.
    fileprivate func hasBytes(before other: String) -> Bool {
        let order = utf8.withContiguousStorageIfAvailable { first in
            other.utf8.withContiguousStorageIfAvailable { second -> Int32 in
                guard let start = first.baseAddress, let other = second.baseAddress else {
                    return first.isEmpty && !second.isEmpty ? -1 : 1
                }
                let order = memcmp(start, other, min(first.count, second.count))
                return order != 0 ? order : first.count < second.count ? -1 : 1
            }
        }
        return order.flatMap { $0 }.map { $0 < 0 } ?? utf8.lexicographicallyPrecedes(other.utf8)
    }
}

/// Slots that grow as they come.
struct SlotBits {
    private var words: [UInt64] = []

    mutating func insert(_ slot: Slot) {
        let word = Int(slot >> 6)
        if word >= words.count {
            words.reserveCapacity(max(word + 1, words.count * 2))
            words.append(contentsOf: repeatElement(0, count: word + 1 - words.count))
        }
        words[word] |= 1 << UInt64(slot & 63)
    }

    func words(below bound: Int) -> [UInt64] {
        words + [UInt64](repeating: 0, count: max(0, (bound + 63) / 64 - words.count))
    }
}

/// The 16 bytes of a UUID, in their order.
struct UUIDKey: Comparable, BitwiseCopyable {
    var high: UInt64
    var low: UInt64

    /// The UUID of a text in lowercase with hyphens; nil for any other, though it be a UUID.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 36 else { return nil }
        var halves: (UInt64, UInt64) = (0, 0)
        var digits = 0
        for (place, byte) in bytes.enumerated() {
            if place == 8 || place == 13 || place == 18 || place == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x61...0x66: digit = byte - 0x61 + 10
            default: return nil
            }
            if digits < 16 {
                halves.0 = halves.0 << 4 | UInt64(digit)
            } else {
                halves.1 = halves.1 << 4 | UInt64(digit)
            }
            digits += 1
        }
        (high, low) = halves
    }

    static func < (first: UUIDKey, second: UUIDKey) -> Bool { (first.high, first.low) < (second.high, second.low) }
}
