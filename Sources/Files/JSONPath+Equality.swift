/// Steps to members are the same only if the names' bytes are, as in ``JSON/Members``.
extension JSONPath.Step {
    /// Whether both lead to the same.
    public static func == (first: JSONPath.Step, second: JSONPath.Step) -> Bool {
        switch (first, second) {
        case (.member(let a), .member(let b)): a.hasSameBytes(as: b)
        case (.element(let a), .element(let b)): a == b
        case (.every, .every): true
        default: false
        }
    }

    /// Feeds the kind, and the name's bytes.
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .member(let name): name.hashBytes(into: &hasher)
        case .element(let place): hasher.combine(place)
        case .every: hasher.combine(-1)
        }
    }
}
