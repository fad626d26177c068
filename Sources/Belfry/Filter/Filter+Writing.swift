public import Files
import Shards

extension Filter {
    /// The filter in Qdrant's wire format. Values of sets stand in their order, so that equal filters give equal texts.
    public var json: JSON {
        var members = JSON.Members()
        if !must.isEmpty { members["must"] = .array(must.map(\.json)) }
        if !should.isEmpty { members["should"] = .array(should.map(\.json)) }
        if !mustNot.isEmpty { members["must_not"] = .array(mustNot.map(\.json)) }
        if let minShould {
            members["min_should"] = [
                "conditions": .array(minShould.conditions.map(\.json)), "min_count": .integer(Int64(minShould.count)),
            ]
        }
        return .object(members)
    }
}

extension Condition {
    /// The condition in Qdrant's wire format.
    var json: JSON {
        switch self {
        case .field(let path, let test):
            let (name, value) = test.json
            return ["key": .string(path.description), name: value]
        case .isEmpty(let path): return ["is_empty": ["key": .string(path.description)]]
        case .isNull(let path): return ["is_null": ["key": .string(path.description)]]
        case .hasID(let ids):
            return [
                "has_id": .array(
                    ids.sorted().map { id in
                        if case .number(let number) = id { JSON(number) } else { .string(id.description) }
                    })
            ]
        case .hasVector(let name): return ["has_vector": .string(name)]
        case .slice(let slice):
            return ["slice": ["total": .integer(Int64(slice.total)), "index": .integer(Int64(slice.index))]]
        case .nested(let path, let filter):
            return ["nested": ["key": .string(path.description), "filter": filter.json]]
        case .filter(let filter): return filter.json
        }
    }
}

extension FieldTest {
    /// The member of a field condition that says this.
    fileprivate var json: (name: String, value: JSON) {
        switch self {
        case .match(let value): ("match", ["value": value.json])
        case .any(let values): ("match", ["any": values.json])
        case .except(let values): ("match", ["except": values.json])
        case .text(let query): ("match", ["text": .string(query.text)])
        case .textAny(let query): ("match", ["text_any": .string(query.text)])
        case .phrase(let query): ("match", ["phrase": .string(query.text)])
        case .prefix(let start): ("match", ["prefix": .string(start.text)])
        case .substring(let part): ("match", ["substring": .string(part.text)])
        case .range(let range): ("range", range.json { .number($0) })
        // Numbers without bounds and times without are two things, and have one form: of times, all that there can be.
        case .times(let range) where range.lower == nil && range.upper == nil:
            ("range", ["gte": .string(Timestamp.earliest.description)])
        case .times(let range): ("range", range.json { .string($0.description) })
        case .count(let range):
            ("values_count", range.json { .integer(Int64($0)) })
        case .box(let box):
            ("geo_bounding_box", ["top_left": box.topLeft.json, "bottom_right": box.bottomRight.json])
        case .radius(let circle): ("geo_radius", ["center": circle.center.json, "radius": .number(circle.meters)])
        case .polygon(let polygon):
            (
                "geo_polygon",
                [
                    "exterior": ["points": .array(polygon.exterior.map(\.json))],
                    "interiors": .array(polygon.interiors.map { ["points": .array($0.map(\.json))] }),
                ]
            )
        }
    }
}

extension MatchValue {
    /// The value.
    var json: JSON {
        switch self {
        case .string(let text): .string(text.text)
        case .integer(let number): .integer(number)
        case .bool(let bool): .bool(bool)
        }
    }
}

extension MatchValues {
    /// The values in their order.
    var json: JSON {
        switch self {
        case .strings(let texts): .array(texts.sorted().map { .string($0.text) })
        case .integers(let numbers): .array(numbers.sorted().map { .integer($0) })
        }
    }
}

extension ValueRange {
    fileprivate func json(_ write: (Value) -> JSON) -> JSON {
        var members = JSON.Members()
        if let lower { members[lower.isIncluded ? "gte" : "gt"] = write(lower.value) }
        if let upper { members[upper.isIncluded ? "lte" : "lt"] = write(upper.value) }
        return .object(members)
    }
}

extension GeoPoint {
    fileprivate var json: JSON { ["lat": .number(latitude), "lon": .number(longitude)] }
}

extension JSON {
    /// A whole number.
    init(_ number: UInt64) { self = number <= UInt64(Int64.max) ? .integer(Int64(number)) : .unsigned(number) }
}
