import Files

/// An object of a request, and where in the body it stands. Members that nobody asks for are ignored, and null counts as
/// left out: clients of other versions send more than this one knows.
struct Body {
    let json: JSON
    /// `prefetch[0].query`; empty for the body itself.
    let place: String

    /// - Throws: 400 where `json` is no object.
    init(_ json: JSON, _ place: String = "") throws(Refusal) {
        guard case .object = json else { throw .format(place, "an object is expected, and this is \(json.kind)") }
        (self.json, self.place) = (json, place)
    }

    /// Where a member stands.
    func path(_ name: String) -> String { place.isEmpty ? name : "\(place).\(name)" }

    /// A member; nil where it is null or not there.
    subscript(name: String) -> JSON? {
        guard let value = json[name], value != .null else { return nil }
        return value
    }

    func has(_ name: String) -> Bool { self[name] != nil }

    func required(_ name: String) throws(Refusal) -> JSON {
        guard let value = self[name] else { throw .format(place, "missing field `\(name)`") }
        return value
    }

    // MARK: of one kind

    func text(_ name: String) throws(Refusal) -> String? {
        guard let value = self[name] else { return nil }
        guard let text = value.string else { throw wrong(name, value, "a text") }
        return text
    }

    /// A user: a text or a whole number.
    func user(_ name: String) throws(Refusal) -> String? {
        guard let value = self[name] else { return nil }
        switch value {
        case .string(let text) where !text.isBlank: return text
        case .integer, .unsigned: return value.text()
        default: throw wrong(name, value, "a user, which is a text or a whole number,")
        }
    }

    func flag(_ name: String) throws(Refusal) -> Bool? {
        guard let value = self[name] else { return nil }
        guard let flag = value.bool else { throw wrong(name, value, "true or false") }
        return flag
    }

    /// A whole number from 0 on; what is beyond an `Int` is the largest one.
    func whole(_ name: String, from least: Int = 0, to most: Int = .max) throws(Refusal) -> Int? {
        guard let value = self[name] else { return nil }
        let number: Int
        switch value {
        case .integer(let integer) where integer >= 0: number = Int(integer)
        case .unsigned: number = .max
        default: throw wrong(name, value, "a whole number from 0 on")
        }
        guard number >= least else { throw .invalid(path(name), number, "must be \(least) or larger") }
        guard number <= most || most == .max else { throw .invalid(path(name), number, "must be \(most) or smaller") }
        return number
    }

    func number(_ name: String) throws(Refusal) -> Double? {
        guard let value = self[name] else { return nil }
        guard let number = value.number else { throw wrong(name, value, "a number") }
        return number
    }

    func object(_ name: String) throws(Refusal) -> Body? {
        guard let value = self[name] else { return nil }
        return try Body(value, path(name))
    }

    func list(_ name: String) throws(Refusal) -> [JSON]? {
        guard let value = self[name] else { return nil }
        guard let elements = value.array else { throw wrong(name, value, "a list") }
        return elements
    }

    /// The objects of a list.
    func objects(_ name: String) throws(Refusal) -> [Body]? {
        guard let elements = try list(name) else { return nil }
        var bodies: [Body] = []
        for (index, element) in elements.enumerated() { bodies.append(try Body(element, "\(path(name))[\(index)]")) }
        return bodies
    }

    func texts(_ name: String) throws(Refusal) -> [String]? {
        guard let elements = try list(name) else { return nil }
        var texts: [String] = []
        for element in elements {
            guard let text = element.string else { throw wrong(name, element, "a list of texts") }
            texts.append(text)
        }
        return texts
    }

    private func wrong(_ name: String, _ value: JSON, _ wanted: String) -> Refusal {
        .format(path(name), "\(wanted) is expected, and this is \(value.kind)")
    }
}

extension JSON {
    /// What kind of value it is, in a sentence.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .integer, .unsigned, .number: "the number \(text())"
        case .string: "a text"
        case .array: "a list"
        case .object: "an object"
        }
    }
}
