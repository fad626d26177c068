/// A field that the rows of a tower have.
public struct TowerField: Hashable, Sendable {
    /// The member's name.
    public let name: String
    /// What its value must be.
    public let type: FieldType
    /// Whether a row without it is an error.
    public let isRequired: Bool
}

/// What the value of a field must be. Its description says it in words: “a number”.
public indirect enum FieldType: Hashable, Sendable {
    /// A text.
    case text
    /// Any number.
    case number
    /// A number without a fraction, such as an id.
    case wholeNumber
    /// An id that is a text or a whole number.
    case textOrWholeNumber
    /// An array of so many numbers: a vector.
    case numbers(count: Int)
    /// An array whose elements are of one type.
    case array(of: FieldType)
    /// An array, or a text whose values this separates.
    case arrayOrText(separator: String)
}

extension FieldType: CustomStringConvertible {
    /// The type in words, as errors and tables say it.
    public var description: String {
        switch self {
        case .text: "a text"
        case .number: "a number"
        case .wholeNumber: "a whole number"
        case .textOrWholeNumber: "a text or a whole number"
        case .numbers(let count): "an array of \(count) numbers"
        case .array(let element): "an array, each element \(element)"
        case .arrayOrText(let separator): "an array, or a text of values separated by “\(separator)”"
        }
    }
}
