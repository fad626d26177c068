public import Files
public import Shards

extension Filter {
    /// Reads a filter in Qdrant's wire format: `{"must": [{"key": "brand", "match": {"value": "Acme"}}]}`.
    ///
    /// It is read strictly. A member that is null counts as left out; `is_empty` and `is_null` in a field condition mean
    /// what the conditions of these names mean.
    /// - Parameter id: the point that a text names; those that are UUIDs and numbers, unless the caller knows more.
    /// - Throws: `invalidInput` that names the condition and what could stand there.
    public init(json: JSON, id: @escaping (String) -> PointID? = { PointID($0) }) throws(BelfryError) {
        self = try FilterReader(id: id).filter(json, FilterPlace("the filter"), depth: 1)
    }
}

/// Where in a filter something stands: `must[0].match`.
struct FilterPlace: CustomStringConvertible {
    let description: String
    private var isRoot = true

    /// The whole, by its name.
    init(_ whole: String) { description = whole }

    private init(part: String) { (description, isRoot) = (part, false) }

    func member(_ name: String) -> FilterPlace { FilterPlace(part: isRoot ? name : "\(description).\(name)") }

    func element(_ index: Int) -> FilterPlace { FilterPlace(part: "\(description)[\(index)]") }
}

/// Reads filters in Qdrant's wire format, member by member.
struct FilterReader {
    var id: (String) -> PointID? = { PointID($0) }
    /// What is read, for messages: a filter, or what has filters in it.
    var whole = "filter"

    private static let clauses = ["must", "should", "must_not", "min_should"]
    private static let tests = [
        "match", "range", "geo_bounding_box", "geo_radius", "geo_polygon", "values_count", "is_empty", "is_null",
    ]
    private static let conditions = ["is_empty", "is_null", "has_id", "has_vector", "slice", "nested"]
    static let matches = ["value", "any", "except", "text", "text_any", "phrase", "prefix", "substring"]

    func filter(_ json: JSON, _ place: FilterPlace, depth: Int) throws(BelfryError) -> Filter {
        let members = try members(json, Self.clauses, place)
        guard depth <= Filter.deepest else {
            throw mistake(place, "stands \(depth) filters deep; \(Filter.deepest) is the limit")
        }
        var filter = Filter()
        filter.must = try conditions(members["must"], place.member("must"), depth)
        filter.should = try conditions(members["should"], place.member("should"), depth)
        filter.mustNot = try conditions(members["must_not"], place.member("must_not"), depth)
        if let json = members["min_should"] {
            let place = place.member("min_should")
            let members = try self.members(json, ["conditions", "min_count"], place)
            let count = try required(members, "min_count", place)
            guard case .integer(let least) = count, least > 0 else {
                throw mistake(place.member("min_count"), "is \(shown(count)), and not a whole number from 1 on")
            }
            let list = try required(members, "conditions", place)
            filter.minShould = MinShould(
                try conditions(list, place.member("conditions"), depth), count: Int(least))
        }
        return filter
    }

    /// A list of conditions, or one condition that stands for itself.
    private func conditions(_ json: JSON?, _ place: FilterPlace, _ depth: Int) throws(BelfryError) -> [Condition] {
        guard let json else { return [] }
        guard let elements = json.array else { return [try condition(json, place, depth)] }
        var conditions: [Condition] = []
        conditions.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            conditions.append(try condition(element, place.element(index), depth))
        }
        return conditions
    }

    func condition(_ json: JSON, _ place: FilterPlace, _ depth: Int) throws(BelfryError) -> Condition {
        guard case .object = json else { throw mistake(place, "is \(shown(json)), and not a condition") }
        if json["key"] != nil { return try field(json, place) }
        if json.names.contains(where: Self.clauses.contains) || json.names.isEmpty {
            return .filter(try filter(json, place, depth: depth + 1))
        }
        let members = try members(json, ["key"] + Self.conditions + Self.clauses, place)
        guard members.count == 1, let (name, value) = members.sorted.first else {
            throw mistake(place, "has not one of these members alone: \(Self.conditions.joined(separator: ", "))")
        }
        let place = place.member(name)
        switch name {
        case "is_empty": return .isEmpty(try key(in: value, place))
        case "is_null": return .isNull(try key(in: value, place))
        case "has_id": return .hasID(try ids(value, place))
        case "has_vector": return .hasVector(try text(value, place))
        case "slice":
            let members = try self.members(value, ["total", "index"], place)
            let (total, index) = (try required(members, "total", place), try required(members, "index", place))
            guard let total = total.integer.flatMap(UInt32.init(exactly:)),
                let index = index.integer.flatMap(UInt32.init(exactly:)),
                let slice = PointSlice(total: total, index: index)
            else { throw mistake(place, "needs whole numbers with 0 ≤ index < total") }
            return .slice(slice)
        default:
            let members = try self.members(value, ["key", "filter"], place)
            let path = try path(try required(members, "key", place), place.member("key"))
            let filter = try filter(
                try required(members, "filter", place), place.member("filter"), depth: depth + 1)
            if let name = filter.asksForPoint {
                throw mistake(
                    place.member("filter"),
                    "asks for \(name), which the objects in a field have none of; ask outside of nested")
            }
            return .nested(path, filter)
        }
    }

    private func field(_ json: JSON, _ place: FilterPlace) throws(BelfryError) -> Condition {
        let members = try members(json, ["key"] + Self.tests, place)
        let path = try path(try required(members, "key", place), place.member("key"))
        guard members.count == 2, let name = Self.tests.first(where: { members[$0] != nil }), let value = members[name]
        else {
            throw mistake(
                place,
                members.count < 2
                    ? "says nothing of its field: it needs one of \(Self.tests.joined(separator: ", "))"
                    : "has several tests: give each a condition of its own")
        }
        let place = place.member(name)
        switch name {
        case "match": return .field(path, try match(value, place))
        case "range": return .field(path, try range(value, place))
        case "geo_bounding_box":
            let members = try self.members(value, ["top_left", "bottom_right"], place)
            return .field(
                path,
                .box(
                    GeoBox(
                        topLeft: try point(members, "top_left", place),
                        bottomRight: try point(members, "bottom_right", place))))
        case "geo_radius":
            let members = try self.members(value, ["center", "radius"], place)
            let radius = try number(try required(members, "radius", place), place.member("radius"))
            return .field(path, .radius(GeoRadius(center: try point(members, "center", place), meters: radius)))
        case "geo_polygon": return .field(path, .polygon(try polygon(value, place)))
        case "values_count":
            return .field(
                path,
                .count(
                    try bounds(value, place) { value, place throws(BelfryError) in
                        guard let count = value.integer, count >= 0 else {
                            throw mistake(place, "is \(shown(value)), and not a count")
                        }
                        return count
                    }))
        default:
            guard let isSo = value.bool else { throw mistake(place, "is \(shown(value)), and not true or false") }
            let condition: Condition = name == "is_empty" ? .isEmpty(path) : .isNull(path)
            return isSo ? condition : .filter(Filter(mustNot: [condition]))
        }
    }
}

// MARK: parts

extension FilterReader {
    func ids(_ json: JSON, _ place: FilterPlace) throws(BelfryError) -> Set<PointID> {
        guard let elements = json.array else { throw mistake(place, "is \(shown(json)), and not a list of ids") }
        var ids = Set<PointID>(minimumCapacity: elements.count)
        for (index, element) in elements.enumerated() {
            switch element {
            case .integer(let number) where number >= 0: ids.insert(.number(UInt64(number)))
            case .unsigned(let number): ids.insert(.number(number))
            case .string(let text):
                guard let id = id(text) else {
                    throw mistake(place.element(index), "is \(shown(element)), and not the id of a point")
                }
                ids.insert(id)
            default: throw mistake(place.element(index), "is \(shown(element)), and not the id of a point")
            }
        }
        return ids
    }

    func key(in json: JSON, _ place: FilterPlace) throws(BelfryError) -> JSONPath {
        let members = try members(json, ["key"], place)
        return try path(try required(members, "key", place), place.member("key"))
    }

    func path(_ json: JSON, _ place: FilterPlace) throws(BelfryError) -> JSONPath {
        let text = try text(json, place)
        do throws(BelfryError) {
            return try JSONPath(text)
        } catch {
            throw BelfryError(error.code, "The \(whole)'s \(place): \(error.message)", remedy: error.remedy)
        }
    }

    func text(_ json: JSON, _ place: FilterPlace) throws(BelfryError) -> String {
        guard let text = json.string else { throw mistake(place, "is \(shown(json)), and not a text") }
        return text
    }

    func number(_ json: JSON, _ place: FilterPlace) throws(BelfryError) -> Double {
        guard let number = json.number, number.isFinite else {
            throw mistake(place, "is \(shown(json)), and not a number")
        }
        return number
    }

    func required(
        _ members: JSON.Members, _ name: String, _ place: FilterPlace
    ) throws(BelfryError) -> JSON {
        guard let value = members[name] else { throw mistake(place, "has no \(name)") }
        return value
    }

    /// The members of an object that are not null, all of whose names are among `known`.
    func members(_ json: JSON, _ known: [String], _ place: FilterPlace) throws(BelfryError) -> JSON.Members {
        guard case .object(var members) = json else { throw mistake(place, "is \(shown(json)), and not an object") }
        for (name, value) in members.sorted {
            guard known.containsBytes(of: name) else {
                let near = Spelling.near(name, among: known)
                throw BelfryError(
                    .invalidInput,
                    "The \(whole) cannot be read: \(place) has the unknown member \(name.debugDescription).",
                    remedy: near.isEmpty
                        ? "It can have: \(known.joined(separator: ", "))."
                        : "Did you mean \(near.joined(separator: " or "))?")
            }
            if value == .null { members[name] = nil }
        }
        return members
    }

    func shown(_ json: JSON) -> String {
        let text = json.text()
        return text.count > 40 ? text.prefix(40) + "…" : text
    }

    func mistake(_ place: FilterPlace, _ reason: String) -> BelfryError {
        BelfryError(.invalidInput, "The \(whole) cannot be read: \(place) \(reason).")
    }
}

extension Filter {
    /// What of a point, and not of its payload, the filter asks for: objects in a field have none of it.
    var asksForPoint: String? {
        for condition in conditions {
            switch condition {
            case .hasID: return "ids"
            case .hasVector: return "vectors"
            case .slice: return "slices"
            case .filter(let filter): if let name = filter.asksForPoint { return name }
            case .field, .isEmpty, .isNull, .nested: continue
            }
        }
        return nil
    }
}
