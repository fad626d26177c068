/// So that rows can be written down as they are: `["user_id": 5, "genres": ["a", "b"]]`. (`nil` is not a literal: it
/// would be hard to tell from a member that is not there.)
extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// A string.
    public init(stringLiteral value: String) { self = .string(value) }

    /// An integer.
    public init(integerLiteral value: Int64) { self = .integer(value) }

    /// A number.
    public init(floatLiteral value: Double) { self = .number(value) }

    /// A boolean.
    public init(booleanLiteral value: Bool) { self = .bool(value) }

    /// An array.
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }

    /// An object; of members with the same name the last one counts.
    public init(dictionaryLiteral members: (String, JSON)...) {
        self = .object(Members(members))
    }
}
