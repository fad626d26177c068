import Files

/// A payload field and the value that it must have; of a list, one of its elements.
public struct PayloadCondition: Hashable, Sendable {
    /// The payload's field.
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

    /// The values that are asked for by their fields, those of one field together.
    static func alternatives(_ conditions: [PayloadCondition]) -> [(name: String, values: [String])] {
        Dictionary(grouping: conditions) { UTF8Key($0.field) }.sorted { $0.key < $1.key }
            .map { ($0.key.text, $0.value.map(\.value)) }
    }
}
