import Foundation

extension JSON {
    /// What `value` encodes to, with names in snake case: the one way in which results become JSON.
    ///
    /// A result is made of numbers, texts, lists and optionals: nothing in it can refuse to be encoded.
    package init(encoding value: some Encodable) {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        do {
            self = try JSON(parsing: encoder.encode(value), source: "\(type(of: value))")
        } catch {
            preconditionFailure("a result that cannot be encoded: \(error)")
        }
    }

    /// A number by the shortest digits that give the same f32 back: an f64 of it would show digits that nobody computed.
    package static func shortest(_ value: Float) -> JSON { .number(Double("\(value)") ?? Double(value)) }
}
