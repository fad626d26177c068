import Files

/// Which part of a payload an answer shows.
enum PayloadSelector {
    case none
    case all
    case including([JSONPath])
    case excluding([JSONPath])

    /// Reads `true`, `["brand"]`, `{"include": […]}` or `{"exclude": […]}`.
    init(_ json: JSON?, default whole: PayloadSelector, _ place: String = "with_payload") throws {
        switch json {
        case nil, .null: self = whole
        case .bool(let all): self = all ? .all : .none
        case .array: self = .including(try Self.paths(json, place))
        case .object:
            let body = try Body(json ?? .null, place)
            if let included = body["include"] {
                self = .including(try Self.paths(included, place))
            } else if let excluded = body["exclude"] {
                self = .excluding(try Self.paths(excluded, place))
            } else {
                throw Refusal.format(place, "include or exclude is expected")
            }
        default: throw Refusal.format(place, "true, false, a list of keys, include or exclude is expected")
        }
    }

    private static func paths(_ json: JSON?, _ place: String) throws -> [JSONPath] {
        guard let keys = json?.array else { throw Refusal.format(place, "a list of keys is expected") }
        return try keys.map { key in
            guard let text = key.string else { throw Refusal.format(place, "a key is a text") }
            return try JSONPath(text)
        }
    }

    /// The part of a payload that is shown.
    func part(of payload: JSON) -> JSON {
        guard case .object(let members) = payload else { return payload }
        switch self {
        case .none: return [:]
        case .all: return payload
        case .excluding(let paths):
            var rest = members
            for path in paths { path.remove(from: &rest) }
            return .object(rest)
        case .including(let paths): return .object(Self.kept(members, paths.map { $0.steps[...] }))
        }
    }

    // MARK: what is included

    private static func kept(_ members: JSON.Members, _ paths: [ArraySlice<JSONPath.Step>]) -> JSON.Members {
        var kept = JSON.Members()
        for (name, value) in members.sorted {
            let rests = paths.compactMap { path in
                if case .member(let wanted)? = path.first, wanted.hasSameBytes(as: name) {
                    path.dropFirst()
                } else {
                    nil
                }
            }
            guard !rests.isEmpty, let part = part(of: value, rests) else { continue }
            kept[name] = part
        }
        return kept
    }

    /// What of a value some paths lead to; nil where they lead nowhere.
    private static func part(of value: JSON, _ paths: [ArraySlice<JSONPath.Step>]) -> JSON? {
        if paths.contains(where: \.isEmpty) { return value }
        switch value {
        case .object(let members):
            let kept = kept(members, paths)
            return kept.isEmpty ? nil : .object(kept)
        case .array(let elements):
            // A member of a list is that of each of its objects, whether the path says so or not.
            let every = paths.compactMap { path -> ArraySlice<JSONPath.Step>? in
                switch path.first {
                case .every?: path.dropFirst()
                case .element?: nil
                default: path
                }
            }
            if every.contains(where: \.isEmpty) { return value }
            var parts: [JSON] = []
            for (place, element) in elements.enumerated() {
                let own = paths.compactMap { path in
                    if case .element(let wanted)? = path.first, wanted == place { path.dropFirst() } else { nil }
                }
                if let part = part(of: element, every + own) { parts.append(part) }
            }
            return parts.isEmpty ? nil : .array(parts)
        default: return nil
        }
    }
}

/// Which vectors an answer shows.
enum VectorSelector {
    case none
    case all
    case named(Set<String>)

    /// Reads `true` or `["image"]`; `with_vector` and `with_vectors` are the same.
    init(_ body: Body, default whole: VectorSelector = .none) throws {
        switch body["with_vector"] ?? body["with_vectors"] {
        case nil: self = whole
        case .bool(let all): self = all ? .all : .none
        case .string(let name): self = .named([name])
        case .array(let names):
            self = .named(
                Set(
                    try names.map { name in
                        guard let text = name.string else { throw Refusal.format("with_vector", "a name is a text") }
                        return text
                    }))
        default: throw Refusal.format("with_vector", "true, false or a list of names is expected")
        }
    }

    func keeps(_ name: String) -> Bool {
        switch self {
        case .none: false
        case .all: true
        case .named(let names): names.contains(name)
        }
    }

    var isNone: Bool { if case .none = self { true } else { false } }
}
