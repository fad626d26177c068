/// Where in an object values lie: `country.capital`, `stock[].shop`, `tags[0]`, `"a.b".c`.
///
/// A name is a member, `[]` every element of an array, `[n]` one of them, counted from 0. Names with a dot, a bracket or
/// a quotation mark stand between quotation marks, in which `\` keeps the character behind it. The syntax is that of
/// Qdrant's payload keys.
public struct JSONPath: Hashable, Sendable {
    /// One step down.
    public enum Step: Hashable, Sendable {
        /// To a member of an object.
        case member(String)
        /// To an element of an array, counted from 0.
        case element(Int)
        /// To every element of an array.
        case every
    }

    /// The steps from the object on; the first is a member.
    public let steps: [Step]

    /// The path to a member whose name is taken as it stands.
    public init(member: String) { steps = [.member(member)] }

    /// The path that `text` says.
    /// - Throws: `invalidInput` that names the character where it is none.
    public init(_ text: String) throws(BelfryError) {
        var parser = JSONPathParser(text)
        steps = try parser.steps()
        guard steps.count <= Self.mostSteps else {
            throw BelfryError(
                .invalidInput, "The path has \(steps.count) steps; one may have \(Self.mostSteps).",
                at: .init(file: text.prefix(100) + "…"))
        }
    }

    /// Nobody nests payloads so deep, and every step is a call in a call.
    private static let mostSteps = 64

    /// A path of these steps.
    public init(steps: [Step]) { self.steps = steps }

    /// This path and then another, from what lies here.
    public func appending(_ path: JSONPath) -> JSONPath { JSONPath(steps: steps + path.steps) }
}

extension JSONPath: CustomStringConvertible {
    /// The path as it is written.
    public var description: String {
        var text = ""
        for step in steps {
            switch step {
            case .member(let name): text += (text.isEmpty ? "" : ".") + Self.written(name)
            case .element(let place): text += "[\(place)]"
            case .every: text += "[]"
            }
        }
        return text
    }

    private static func written(_ name: String) -> String {
        guard name.isEmpty || name.utf8.contains(where: JSONPathParser.endsName) else { return name }
        // By scalars: a quotation mark with an accent behind it is another character, and the same byte.
        var quoted = String.UnicodeScalarView()
        for scalar in name.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { quoted.append("\\") }
            quoted.append(scalar)
        }
        return "\"\(String(quoted))\""
    }
}

// MARK: reading and changing

extension JSONPath {
    /// Calls `body` with each value at this path below `root`, until it returns true.
    /// - Returns: Whether it did.
    @discardableResult
    public func first(in root: JSON, where body: (JSON) -> Bool) -> Bool { Self.first(in: root, steps[...], body) }

    /// The values at this path below `root`; none where there are none.
    public func values(in root: JSON) -> [JSON] {
        var values: [JSON] = []
        first(in: root) {
            values.append($0)
            return false
        }
        return values
    }

    private static func first(in value: JSON, _ steps: ArraySlice<Step>, _ body: (JSON) -> Bool) -> Bool {
        guard let step = steps.first else { return body(value) }
        switch (step, value) {
        case (.member(let name), .object(let members)):
            return members[name].map { first(in: $0, steps.dropFirst(), body) } ?? false
        case (.element(let place), .array(let elements)):
            return place < elements.count && first(in: elements[place], steps.dropFirst(), body)
        case (.every, .array(let elements)):
            return elements.contains { first(in: $0, steps.dropFirst(), body) }
        default: return false
        }
    }

    /// Merges `members` into the objects at this path: see ``JSON/Members/merge(_:)``. Objects on the way are made where there
    /// are none, and what is there and no object gives way; elements are changed where they are, and never made.
    /// - Parameter replacing: whether they take the place of all that lies there.
    public func merge(_ members: JSON.Members, into root: inout JSON.Members, replacing: Bool = false) {
        var value = JSON.object(root)
        Self.merge(members, into: &value, steps[...], replacing)
        if case .object(let changed) = value { root = changed }
    }

    private static func merge(
        _ added: JSON.Members, into value: inout JSON, _ steps: ArraySlice<Step>, _ replacing: Bool
    ) {
        let rest = steps.dropFirst()
        switch steps.first {
        case nil:
            var members = replacing ? [:] : value.members ?? [:]
            members.merge(added)
            value = .object(members)
        case .member(let name):
            var members = value.members ?? [:]
            var inner = members[name] ?? .null
            merge(added, into: &inner, rest, replacing)
            members[name] = inner
            value = .object(members)
        case .element(let place):
            var elements = value.array ?? []
            if place < elements.count { merge(added, into: &elements[place], rest, replacing) }
            value = .array(elements)
        case .every:
            var elements = value.array ?? []
            for place in elements.indices { merge(added, into: &elements[place], rest, replacing) }
            value = .array(elements)
        }
    }

    /// Removes what lies at this path: a member, or elements; `tags[]` empties an array. Nothing where there is nothing.
    public func remove(from root: inout JSON.Members) {
        var value = JSON.object(root)
        Self.remove(from: &value, steps[...])
        if case .object(let changed) = value { root = changed }
    }

    private static func remove(from value: inout JSON, _ steps: ArraySlice<Step>) {
        let rest = steps.dropFirst()
        switch (steps.first, value) {
        case (.member(let name), .object(var members)):
            guard var inner = members[name] else { return }
            if rest.isEmpty {
                members[name] = nil
            } else {
                remove(from: &inner, rest)
                members[name] = inner
            }
            value = .object(members)
        case (.element(let place), .array(var elements)) where place < elements.count:
            if rest.isEmpty { elements.remove(at: place) } else { remove(from: &elements[place], rest) }
            value = .array(elements)
        case (.every, .array(var elements)):
            if rest.isEmpty {
                elements = []
            } else {
                for place in elements.indices { remove(from: &elements[place], rest) }
            }
            value = .array(elements)
        default: return
        }
    }
}

extension JSON {
    fileprivate var members: Members? { if case .object(let members) = self { members } else { nil } }
}

// MARK: parsing

private struct JSONPathParser {
    private let text: String
    private let bytes: [UInt8]
    private var place = 0

    init(_ text: String) { (self.text, bytes) = (text, Array(text.utf8)) }

    /// Whether a byte cannot stand in a name without quotation marks.
    static func endsName(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ".") || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "]")
            || byte == UInt8(ascii: "\"")
    }

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    mutating func steps() throws(BelfryError) -> [JSONPath.Step] {
        var steps = [JSONPath.Step.member(try name())]
        while let byte = next {
            place += 1
            switch byte {
            case UInt8(ascii: "."): steps.append(.member(try name()))
            case UInt8(ascii: "["): steps.append(try bracket())
            default: throw mistake("a dot or a bracket is missing", at: place - 1)
            }
        }
        return steps
    }

    private mutating func name() throws(BelfryError) -> String {
        let start = place
        guard next == UInt8(ascii: "\"") else {
            while let byte = next, !Self.endsName(byte) { place += 1 }
            guard place > start else { throw mistake("a name is missing", at: start) }
            return String(decoding: bytes[start..<place], as: UTF8.self)
        }
        place += 1
        var name: [UInt8] = []
        while let byte = next {
            place += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: name, as: UTF8.self)
            case UInt8(ascii: "\\") where next != nil:
                name.append(bytes[place])
                place += 1
            default: name.append(byte)
            }
        }
        throw mistake("the quotation mark has no second one", at: start)
    }

    private mutating func bracket() throws(BelfryError) -> JSONPath.Step {
        let start = place
        while let byte = next, byte != UInt8(ascii: "]") { place += 1 }
        guard next != nil else { throw mistake("the bracket is not closed", at: start - 1) }
        let inside = String(decoding: bytes[start..<place], as: UTF8.self)
        place += 1
        if inside.isEmpty { return .every }
        guard inside.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let place = Int(inside)
        else { throw mistake("between brackets stands a number, or nothing", at: start) }
        return .element(place)
    }

    private func mistake(_ reason: String, at byte: Int) -> BelfryError {
        BelfryError(
            .invalidInput, "The payload key \(text.debugDescription) is none: \(reason), at byte \(byte).",
            remedy: "Write it like country.capital, stock[].shop, tags[0] or \"a name with a .\".first.")
    }
}
