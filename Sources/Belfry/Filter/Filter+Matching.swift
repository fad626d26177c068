public import Files
public import Shards

/// What a filter may ask of a point.
public struct FilteredPoint: Sendable {
    /// Its id.
    public var id: PointID
    /// Its payload: an object.
    public var payload: JSON
    /// The names of the vectors that it has; `""` for the one without a name.
    public var vectors: [String]

    /// A point.
    public init(id: PointID, payload: JSON = .object(JSON.Members()), vectors: [String] = []) {
        (self.id, self.payload, self.vectors) = (id, payload, vectors)
    }
}

extension Filter {
    /// Whether a point passes.
    public func matches(_ point: FilteredPoint) -> Bool { matches(point.payload, of: point) }

    /// Whether an object passes: a payload, or, where there is no point, an object in it.
    func matches(_ object: JSON, of point: FilteredPoint?) -> Bool {
        func holds(_ condition: Condition) -> Bool { condition.holds(for: object, of: point) }
        return must.allSatisfy(holds) && !mustNot.contains(where: holds)
            && (should.isEmpty || should.contains(where: holds)) && (minShould?.isMet(holds) ?? true)
    }
}

extension MinShould {
    fileprivate func isMet(_ holds: (Condition) -> Bool) -> Bool {
        var missing = count
        return missing <= 0
            || conditions.contains {
                if holds($0) { missing -= 1 }
                return missing <= 0
            }
    }
}

extension Condition {
    func holds(for object: JSON, of point: FilteredPoint?) -> Bool {
        switch self {
        case .field(let path, _), .isEmpty(let path), .isNull(let path):
            holds { isRight in path.first(in: object, where: isRight) }
        case .hasID(let ids): point.map { ids.contains($0.id) } ?? false
        case .hasVector(let name): point?.vectors.containsBytes(of: name) ?? false
        case .slice(let slice): point.map { slice.contains($0.id) } ?? false
        case .nested(let path, let filter):
            Self.elements(path).first(in: object) { element in
                if case .object = element { filter.matches(element, of: nil) } else { false }
            }
        case .filter(let filter): filter.matches(object, of: point)
        }
    }

    /// Whether a condition on a field holds for the values that lie at its path.
    func holds(forValues values: [JSON]) -> Bool { holds { isRight in values.contains(where: isRight) } }

    /// - Parameter first: whether one of the field's values is right.
    private func holds(_ first: (_ isRight: (JSON) -> Bool) -> Bool) -> Bool {
        switch self {
        case .field(_, let test): test.passes(first)
        case .isEmpty: !first { !Self.isEmpty($0) }
        case .isNull: first { $0 == .null || ($0.array?.contains(.null) ?? false) }
        case .hasID, .hasVector, .slice, .nested, .filter: false
        }
    }

    private static func isEmpty(_ value: JSON) -> Bool {
        switch value {
        case .null: true
        case .array(let elements): elements.isEmpty
        default: false
        }
    }

    /// The path to the elements of a list, whether it says so or not.
    static func elements(_ path: JSONPath) -> JSONPath {
        path.steps.last == .every ? path : JSONPath(steps: path.steps + [.every])
    }
}

extension FieldTest {
    /// Whether one of the values passes, or, where they count together, all of them do.
    fileprivate func passes(_ first: (_ isRight: (JSON) -> Bool) -> Bool) -> Bool {
        switch self {
        case .count(let range):
            var isThere = false
            let isRight = first {
                isThere = true
                return range.contains($0.valueCount)
            }
            return isRight || !isThere && range.contains(0)
        case .text(let query):
            guard !query.words.isEmpty else { return false }
            var missing = query.distinct
            return first { value in
                value.firstValue {
                    if case .string(let text) = $0 { WordQuery.remove(wordsOf: text, from: &missing) }
                    return missing.isEmpty
                }
            }
        default: return first { value in value.firstValue { accepts($0) } }
        }
    }

    /// Whether one value passes.
    func accepts(_ value: JSON) -> Bool {
        switch self {
        case .match(let wanted): return wanted.equals(value)
        case .any(let wanted): return wanted.contains(value)
        case .except(let unwanted): return value != .null && !unwanted.contains(value)
        case .range(let range): return value.number.map { range.contains($0) } ?? false
        case .box(let box): return GeoPoint(payload: value).map { box.contains($0) } ?? false
        case .radius(let circle): return GeoPoint(payload: value).map { circle.contains($0) } ?? false
        case .polygon(let polygon): return GeoPoint(payload: value).map { polygon.contains($0) } ?? false
        case .text, .textAny, .phrase, .prefix, .substring, .times:
            guard case .string(let text) = value else { return false }
            return accepts(text: text)
        case .count(let range): return range.contains(value.valueCount)
        }
    }

    private func accepts(text: String) -> Bool {
        switch self {
        case .text(let query):
            var missing = query.distinct
            WordQuery.remove(wordsOf: text, from: &missing)
            return missing.isEmpty && !query.words.isEmpty
        case .textAny(let query): return query.hasAny(in: text)
        case .phrase(let query): return query.hasPhrase(in: text)
        case .prefix(let start): return text.utf8.starts(with: start.text.utf8)
        case .substring(let part): return text.hasBytes(of: part.text)
        case .times(let range): return Timestamp(text).map { range.contains($0) } ?? false
        default: return false
        }
    }
}

extension JSON {
    /// The values that a field counts as: the elements of a list, or itself. Calls `body` until it returns true.
    func firstValue(where body: (JSON) -> Bool) -> Bool {
        if case .array(let elements) = self { elements.contains(where: body) } else { body(self) }
    }

    /// How many values a field has.
    var valueCount: Int {
        switch self {
        case .null: 0
        case .array(let elements): elements.count
        default: 1
        }
    }
}

extension String {
    /// Whether the bytes of `part` stand somewhere in this text.
    fileprivate func hasBytes(of part: String) -> Bool {
        var (text, part) = (self, part)
        return text.withUTF8 { text in
            part.withUTF8 { part in
                guard let first = part.first else { return true }
                guard part.count <= text.count else { return false }
                for start in 0...text.count - part.count where text[start] == first {
                    if text[start..<start + part.count].elementsEqual(part) { return true }
                }
                return false
            }
        }
    }
}
