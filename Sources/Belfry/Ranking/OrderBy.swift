public import Files
import Shards

/// An order of points by a payload field, in place of a score.
///
/// A point counts once for each different value that the field has; a point without a value of the wanted kind does not
/// count. Points with the same value stand in the order of their ids.
public struct OrderBy: Hashable, Sendable {
    /// The field.
    public var key: JSONPath
    /// Whether the largest comes first.
    public var isDescending: Bool
    /// The first value that counts: what lies before it in the order does not. A time is in microseconds since 1970.
    public var start: OrderValue?

    /// What of a field is ordered.
    public enum Kind: Hashable, Sendable {
        /// Numbers, whole ones exactly.
        case numbers
        /// Whole numbers of 64 bits; others do not count.
        case integers
        /// Numbers, as f64.
        case floats
        /// Texts that say a time.
        case times
    }

    /// An order, ascending unless it says otherwise.
    public init(_ key: JSONPath, isDescending: Bool = false, start: OrderValue? = nil) {
        (self.key, self.isDescending, self.start) = (key, isDescending, start)
    }

    /// Reads Qdrant's `"price"` or `{"key": "price", "direction": "desc", "start_from": 10}`.
    /// - Throws: `invalidInput` that says where it is none.
    public init(json: JSON) throws(BelfryError) {
        let reader = FilterReader(whole: "order")
        let place = FilterPlace("order_by")
        if json.string != nil {
            self.init(try reader.path(json, place))
            return
        }
        let members = try reader.members(json, ["key", "direction", "start_from"], place)
        self.init(try reader.path(try reader.required(members, "key", place), place.member("key")))
        switch members["direction"] {
        case nil, "asc": break
        case "desc": isDescending = true
        case let other?:
            throw reader.mistake(place.member("direction"), "is \(reader.shown(other)), and not asc or desc")
        }
        start = try members["start_from"].map { json throws(BelfryError) in
            if case .integer(let number) = json { return .integer(number) }
            if let time = json.string.flatMap({ Timestamp($0) }) { return .integer(time.microseconds) }
            guard let number = json.number, number.isFinite else {
                throw reader.mistake(
                    place.member("start_from"), "is \(reader.shown(json)), and not a number or a time (2026-01-31)")
            }
            return .float(number)
        }
    }
}

/// A value that points are ordered by. Whole numbers and fractions are compared exactly.
public enum OrderValue: Hashable, Comparable, Sendable {
    /// A whole number; of a time, the microseconds since the first of January, 1970.
    case integer(Int64)
    /// A number, not NaN.
    case float(Double)

    /// Which is smaller.
    public static func < (first: OrderValue, second: OrderValue) -> Bool {
        switch (first, second) {
        case (.integer(let a), .integer(let b)): a < b
        case (.float(let a), .float(let b)): a < b
        case (.integer(let a), .float(let b)): compare(a, b) < 0
        case (.float(let a), .integer(let b)): compare(b, a) > 0
        }
    }

    /// Whether both are the same number.
    public static func == (first: OrderValue, second: OrderValue) -> Bool { !(first < second) && !(second < first) }

    /// Feeds the number.
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .integer(let number): hasher.combine(Double(number))
        case .float(let number): hasher.combine(number)
        }
    }

    /// -1, 0 or 1 as `whole` is smaller, the same or larger.
    private static func compare(_ whole: Int64, _ number: Double) -> Int {
        if number >= 0x1p63 { return -1 }
        if number < -0x1p63 { return 1 }
        let floor = number.rounded(.down)
        let (a, b) = (whole, Int64(floor))
        return a != b ? (a < b ? -1 : 1) : number > floor ? -1 : 0
    }
}

extension OrderBy {
    /// The values by which a point counts, each once, from ``start`` on; in no particular order.
    package func values(of payload: JSON, as kind: Kind) -> Set<OrderValue> {
        var values: Set<OrderValue> = []
        key.first(in: payload) { value in
            value.firstValue {
                if let value = OrderValue($0, kind), isFromStart(value) { values.insert(value) }
                return false
            }
        }
        return values
    }

    private func isFromStart(_ value: OrderValue) -> Bool {
        guard let start else { return true }
        return isDescending ? value <= start : value >= start
    }
}

extension OrderValue {
    /// What a payload's value is ordered by; nil where it is of another kind.
    fileprivate init?(_ value: JSON, _ kind: OrderBy.Kind) {
        switch (kind, value) {
        case (.integers, .integer(let number)), (.numbers, .integer(let number)): self = .integer(number)
        case (.floats, .integer), (.floats, .unsigned), (.floats, .number), (.numbers, .unsigned), (.numbers, .number):
            guard let number = value.number, !number.isNaN else { return nil }
            self = .float(number)
        case (.times, .string(let text)):
            guard let time = Timestamp(text) else { return nil }
            self = .integer(time.microseconds)
        default: return nil
        }
    }
}
