import Files

/// A payload field and the value that it must have; of a list, one of its elements: the short form of a filter.
public struct PayloadCondition: Hashable, Sendable {
    /// The payload's field, or a ``JSONPath``.
    public var field: String
    /// The value as text: `5`, `true` and `red` stand for the number, the boolean and the text.
    public var value: String

    /// A condition.
    public init(field: String, value: String) { (self.field, self.value) = (field, value) }

    /// Whether both ask for the same, by the bytes of their texts.
    public static func == (first: PayloadCondition, second: PayloadCondition) -> Bool {
        first.field.hasSameBytes(as: second.field) && first.value.hasSameBytes(as: second.value)
    }

    /// Feeds the bytes of both texts.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(UTF8Key(field))
        hasher.combine(UTF8Key(value))
    }

    /// What it asks of a point, whatever kind of value the text stands for.
    fileprivate var meanings: [Condition] {
        var tests: [FieldTest] = [.match(.string(UTF8Key(value)))]
        if let number = Int64(value) {
            tests.append(.match(.integer(number)))
        } else if let number = Double(value), number.isFinite {
            tests.append(.range(ValueRange(gte: number, lte: number)))
        }
        if let bool = Bool(value) { tests.append(.match(.bool(bool))) }
        var paths = [JSONPath(member: field)]
        if let path = try? JSONPath(field), path != paths[0] { paths.append(path) }
        return paths.flatMap { path in tests.map { .field(path, $0) } }
    }
}

extension Filter {
    /// The points that meet the conditions, of which those of one field are alternatives.
    public init(_ conditions: [PayloadCondition]) {
        let fields = Dictionary(grouping: conditions) { UTF8Key($0.field) }.sorted { $0.key < $1.key }
        self.init(must: fields.map { .filter(Filter(should: $0.value.flatMap(\.meanings))) })
    }

    /// The points that meet one condition.
    public init(_ condition: PayloadCondition) { self.init([condition]) }
}
