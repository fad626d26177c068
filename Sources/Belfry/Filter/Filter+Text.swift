import Files
import Shards

extension Filter: CustomStringConvertible {
    /// The filter as people write it: see ``init(parsing:fields:id:)``, which reads it again.
    public var description: String {
        var parts = must.map(\.text)
        if !should.isEmpty {
            let alternatives = should.map(\.text).joined(separator: " or ")
            let isAlone = parts.isEmpty && mustNot.isEmpty && minShould == nil
            parts.append(isAlone || should.count == 1 ? alternatives : "(\(alternatives))")
        }
        if let minShould {
            let list = minShould.conditions.map(\.text).joined(separator: ", ")
            parts.append("at least \(max(0, minShould.count)) of (\(list))")
        }
        parts += mustNot.map(\.negated)
        return parts.isEmpty ? "true" : parts.joined(separator: " and ")
    }
}

extension Condition {
    /// The condition as it can stand in an `and`.
    fileprivate var text: String {
        switch self {
        case .field(let path, let test): return test.text(path.text)
        case .isEmpty(let path): return "\(path.text) is empty"
        case .isNull(let path): return "\(path.text) is null"
        case .hasID(let ids):
            return "id in (\(ids.sorted().map(\.text).joined(separator: ", ")))"
        case .hasVector(let name): return "has vector \(name.quoted)"
        case .slice(let slice): return "slice \(slice.index) of \(slice.total)"
        case .nested(let path, let filter): return "any \(path.text) has (\(filter))"
        case .filter(let filter): return filter.isEmpty ? "true" : "(\(filter))"
        }
    }

    /// The condition's opposite.
    fileprivate var negated: String {
        switch self {
        case .field(let path, .match(let value)): "\(path.text) != \(value.text)"
        case .field(let path, .any(let values)): "\(path.text) not in (\(values.text))"
        case .isEmpty(let path): "\(path.text) exists"
        case .isNull(let path): "\(path.text) is not null"
        default: "not \(text)"
        }
    }
}

extension FieldTest {
    fileprivate func text(_ path: String) -> String {
        switch self {
        case .match(let value): "\(path) = \(value.text)"
        case .any(let values): "\(path) in (\(values.text))"
        case .except(let values): "\(path) other than (\(values.text))"
        case .text(let query): "\(path) matches \(query.text.quoted)"
        case .textAny(let query): "\(path) matches any \(query.text.quoted)"
        case .phrase(let query): "\(path) matches phrase \(query.text.quoted)"
        case .prefix(let start): "\(path) starts with \(start.text.quoted)"
        case .substring(let part): "\(path) contains \(part.text.quoted)"
        case .range(let range): range.text(path, without: "\(path) is number") { $0.shortestDigits }
        case .times(let range): range.text(path, without: "\(path) is time") { $0.description.quoted }
        case .count(let range): range.text("count(\(path))", without: "count(\(path)) >= 0") { String(max(0, $0)) }
        case .box(let box): "\(path) within box (\(box.topLeft.text), \(box.bottomRight.text))"
        case .radius(let circle): "\(path) near (\(circle.center.text), \(circle.meters.shortestDigits))"
        case .polygon(let polygon):
            "\(path) within polygon \(Self.text(polygon.exterior))"
                + polygon.interiors.map { " without \(Self.text($0))" }.joined()
        }
    }

    private static func text(_ ring: [GeoPoint]) -> String {
        "(\(ring.dropLast().map { "(\($0.text))" }.joined(separator: ", ")))"
    }
}

extension ValueRange {
    fileprivate func text(_ subject: String, without bounds: String, _ write: (Value) -> String) -> String {
        switch (lower, upper) {
        case (nil, nil): bounds
        case (let low?, nil): "\(subject) \(low.isIncluded ? ">=" : ">") \(write(low.value))"
        case (nil, let high?): "\(subject) \(high.isIncluded ? "<=" : "<") \(write(high.value))"
        case (let low?, let high?):
            if low.isIncluded, high.isIncluded {
                "\(subject) between \(write(low.value)) and \(write(high.value))"
            } else {
                "\(write(low.value)) \(low.isIncluded ? "<=" : "<") \(subject) "
                    + "\(high.isIncluded ? "<=" : "<") \(write(high.value))"
            }
        }
    }
}

extension MatchValue {
    fileprivate var text: String {
        switch self {
        case .string(let text): text.text.quoted
        case .integer(let number): String(number)
        case .bool(let bool): String(bool)
        }
    }
}

extension MatchValues {
    fileprivate var text: String {
        switch self {
        case .strings(let texts): texts.sorted().map(\.text.quoted).joined(separator: ", ")
        case .integers(let numbers): numbers.sorted().map { String($0) }.joined(separator: ", ")
        }
    }
}

extension PointID {
    fileprivate var text: String {
        if case .number(let number) = self { String(number) } else { description.quoted }
    }
}

extension GeoPoint {
    fileprivate var text: String { "\(latitude.shortestDigits), \(longitude.shortestDigits)" }
}

extension String {
    /// Between double quotes, as a payload key.
    fileprivate var inDoubleQuotes: String {
        "\"" + replacing(scalar: "\\", with: "\\\\").replacing(scalar: "\"", with: "\\\"") + "\""
    }

    /// Between single quotes.
    fileprivate var quoted: String { "'" + replacing(scalar: "'", with: "''") + "'" }
}

extension JSONPath {
    /// The path as the language of filters has it: names that are words of it, or have other characters, between quotation
    /// marks.
    fileprivate var text: String {
        var text = ""
        for step in steps {
            switch step {
            case .member(let name):
                let isPlain =
                    name.unicodeScalars.allSatisfy(FilterTokens.isName) && !name.isEmpty
                    && !(steps.count == 1 && FilterParser.reserved.contains(name.lowercased()))
                    && !(text.isEmpty
                        && name.unicodeScalars.first.map { "0123456789-".unicodeScalars.contains($0) } ?? false)
                text += text.isEmpty ? "" : "."
                text += isPlain ? name : name.inDoubleQuotes
            case .element(let place): text += "[\(place)]"
            case .every: text += "[]"
            }
        }
        return text
    }
}
