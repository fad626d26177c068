extension JSON {
    /// The value as people read it: in a table's cell, or in a sentence.
    package var display: String {
        switch self {
        case .string(let text): text
        case .number(let number) where number == number.rounded() && abs(number) < 1e15: String(Int(number))
        case .array(let values): values.map(\.display).joined(separator: ", ")
        case .null: ""
        default: text()
        }
    }
}
