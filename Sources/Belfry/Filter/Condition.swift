public import Files
public import Shards

/// One condition of a ``Filter``.
public indirect enum Condition: Hashable, Sendable {
    /// Some value of a payload field passes a test; of a value that is a list, one of its elements.
    case field(JSONPath, FieldTest)
    /// A payload field has nothing: it is missing, null or an empty list, and so is every other value at the path.
    case isEmpty(JSONPath)
    /// A payload field is null, or a list with a null in it. A field that is missing is not null.
    case isNull(JSONPath)
    /// The point is one of these.
    case hasID(Set<PointID>)
    /// The point has a vector of this name; the one without a name is `""`.
    case hasVector(String)
    /// The point falls into a slice of all points.
    case slice(PointSlice)
    /// Some object of a list matches a filter whose fields are the object's. Only objects count; ids, vectors and slices
    /// are the point's, and no object has them.
    case nested(JSONPath, Filter)
    /// A filter matches.
    case filter(Filter)

    /// The filter inside.
    var inner: Filter? {
        switch self {
        case .nested(_, let filter), .filter(let filter): filter
        default: nil
        }
    }

    /// A condition that says what `filter` says.
    init(_ filter: Filter) {
        if filter.must.count == 1, filter.conditions.count == 1, filter.minShould == nil {
            self = filter.must[0]
        } else {
            self = .filter(filter)
        }
    }
}

/// What a value of a payload field must be. Values of other kinds never pass: `5`, `"5"` and `true` are three things.
public enum FieldTest: Hashable, Sendable {
    /// It is this value.
    case match(MatchValue)
    /// It is one of these values.
    case any(MatchValues)
    /// It is there, and none of these values. Null is not there.
    case except(MatchValues)
    /// It is a text, and the field's texts have all these words, in any order and whatever their case.
    case text(WordQuery)
    /// It is a text with one of these words.
    case textAny(WordQuery)
    /// It is a text with these words one behind the other.
    case phrase(WordQuery)
    /// It is a text that begins so, byte by byte.
    case prefix(UTF8Key)
    /// It is a text in which this stands, byte by byte.
    case substring(UTF8Key)
    /// It is a number of this range. Whole numbers beyond 2^53 are compared as the nearest f64.
    case range(ValueRange<Double>)
    /// It is a text that says a time of this range: see ``Timestamp``.
    case times(ValueRange<Timestamp>)
    /// It is a place (`{"lat": …, "lon": …}`) in a box.
    case box(GeoBox)
    /// It is a place in a circle.
    case radius(GeoRadius)
    /// It is a place in a polygon.
    case polygon(GeoPolygon)
    /// The field has so many values: a list its elements, anything else 1, null and what is missing 0.
    case count(ValueRange<Int>)
}

/// A value that a payload field is compared with.
public enum MatchValue: Hashable, Sendable {
    /// A text, by its bytes.
    case string(UTF8Key)
    /// A whole number.
    case integer(Int64)
    /// True or false.
    case bool(Bool)

    /// Whether a payload's value is this one.
    func equals(_ value: JSON) -> Bool {
        switch (self, value) {
        case (.string(let wanted), .string(let text)): wanted.text.hasSameBytes(as: text)
        case (.integer(let wanted), .integer(let number)): wanted == number
        case (.bool(let wanted), .bool(let bool)): wanted == bool
        default: false
        }
    }
}

/// Values of one kind, up to millions of them.
public enum MatchValues: Hashable, Sendable {
    /// Texts, by their bytes.
    case strings(Set<UTF8Key>)
    /// Whole numbers.
    case integers(Set<Int64>)

    /// Whether a payload's value is one of them.
    func contains(_ value: JSON) -> Bool {
        switch (self, value) {
        case (.strings(let wanted), .string(let text)): wanted.contains(UTF8Key(text))
        case (.integers(let wanted), .integer(let number)): wanted.contains(number)
        default: false
        }
    }
}

/// What lies between two bounds, each of which may be missing.
public struct ValueRange<Value: Comparable & Hashable & Sendable>: Hashable, Sendable {
    /// One end of a range.
    public struct Bound: Hashable, Sendable {
        /// Where the range ends.
        public var value: Value
        /// Whether the value itself is in the range.
        public var isIncluded: Bool

        /// An end.
        public init(_ value: Value, isIncluded: Bool) { (self.value, self.isIncluded) = (value, isIncluded) }
    }

    /// The lower end.
    public var lower: Bound?
    /// The upper end.
    public var upper: Bound?

    /// A range between two ends.
    public init(lower: Bound? = nil, upper: Bound? = nil) { (self.lower, self.upper) = (lower, upper) }

    /// The range in which all of these hold.
    public init(gt: Value? = nil, gte: Value? = nil, lt: Value? = nil, lte: Value? = nil) {
        if let gt { lower = Bound(gt, isIncluded: false) }
        if let gte, gt.map({ gte > $0 }) ?? true { lower = Bound(gte, isIncluded: true) }
        if let lt { upper = Bound(lt, isIncluded: false) }
        if let lte, lt.map({ lte < $0 }) ?? true { upper = Bound(lte, isIncluded: true) }
    }

    /// Whether a value lies in the range.
    @inline(__always)
    public func contains(_ value: Value) -> Bool {
        if let lower, !(lower.isIncluded ? value >= lower.value : value > lower.value) { return false }
        if let upper, !(upper.isIncluded ? value <= upper.value : value < upper.value) { return false }
        return true
    }
}
