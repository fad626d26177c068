import Belfry
import Files

/// What a client says of a payload field that is to have an index.
struct PayloadSchema {
    let field: IndexedField
    /// What it said: `{"type": "keyword", …}`.
    let params: JSON
    /// Whether it said more than the type.
    var hasParams: Bool { params.names.count > 1 }

    /// Reads `"keyword"` or `{"type": "keyword", …}` for a field.
    init(_ name: String, _ json: JSON?) throws {
        let path = try JSONPath(name)
        switch json {
        case .string(let type)?: params = ["type": .string(type)]
        case .object?: params = json ?? [:]
        default: throw Refusal.format("field_schema", "the type of the field is expected, as keyword")
        }
        guard let type = params["type"]?.string, let kind = FieldKind(rawValue: type) else {
            throw Refusal.format(
                "field_schema",
                "unknown type, expected one of \(FieldKind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        if kind == .integer, params["lookup"]?.bool == false, params["range"]?.bool == false {
            throw Refusal(
                422, "Validation error: the 'lookup' and 'range' capabilities can't be both disabled [field_schema]")
        }
        field = IndexedField(path, kind)
    }
}
