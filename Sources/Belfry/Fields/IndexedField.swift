public import Files

/// What the values of a payload field are taken for by an index.
public enum FieldKind: String, CaseIterable, Codable, Hashable, Sendable {
    /// Texts as a whole, by their bytes.
    case keyword
    /// Whole numbers of 64 signed bits.
    case integer
    /// Numbers of all kinds, as f64.
    case float
    /// True and false.
    case bool
    /// Texts that say a time: see ``Timestamp``.
    case datetime
    /// Texts that are a UUID in lowercase with hyphens.
    case uuid
    /// Places: `{"lat": …, "lon": …}`.
    case geo
    /// The words of texts: see ``WordQuery``.
    case text

    /// The kind in a file.
    var code: UInt32 {
        switch self {
        case .keyword: 1
        case .integer: 2
        case .float: 3
        case .bool: 4
        case .datetime: 5
        case .uuid: 6
        case .geo: 7
        case .text: 8
        }
    }

    /// Whether the index is a dictionary: texts, or words, each with its slots.
    var isDictionary: Bool { self == .keyword || self == .text }
}

/// A payload field that has an index.
public struct IndexedField: Hashable, Comparable, Sendable {
    /// Where its values lie.
    public let path: JSONPath
    /// What they are taken for.
    public let kind: FieldKind

    /// A field.
    public init(_ path: JSONPath, _ kind: FieldKind) { (self.path, self.kind) = (path, kind) }

    /// By the path as it is written, and then by the kind.
    public static func < (first: IndexedField, second: IndexedField) -> Bool {
        (first.path.description, first.kind.rawValue) < (second.path.description, second.kind.rawValue)
    }
}
