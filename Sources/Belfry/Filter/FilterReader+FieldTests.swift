import Files

/// The tests of field conditions.
extension FilterReader {
    func match(_ json: JSON, _ place: FilterPlace) throws(BelfryError) -> FieldTest {
        let members = try members(json, Self.matches, place)
        guard members.count == 1, let (name, value) = members.sorted.first else {
            throw mistake(place, "has not one of these members alone: \(Self.matches.joined(separator: ", "))")
        }
        let place = place.member(name)
        switch name {
        case "value":
            switch value {
            case .string(let text): return .match(.string(UTF8Key(text)))
            case .integer(let number): return .match(.integer(number))
            case .bool(let bool): return .match(.bool(bool))
            case .number, .unsigned:
                throw mistake(place, "is \(shown(value)): numbers other than whole ones of 64 signed bits need a range")
            default: throw mistake(place, "is \(shown(value)), and not a text, a whole number, true or false")
            }
        case "any": return .any(try values(value, place))
        case "except": return .except(try values(value, place))
        case "text": return .text(WordQuery(try text(value, place)))
        case "text_any": return .textAny(WordQuery(try text(value, place)))
        case "phrase": return .phrase(WordQuery(try text(value, place)))
        case "prefix": return .prefix(UTF8Key(try text(value, place)))
        default: return .substring(UTF8Key(try text(value, place)))
        }
    }

    func values(_ json: JSON, _ place: FilterPlace) throws(BelfryError) -> MatchValues {
        guard let elements = json.array else { throw mistake(place, "is \(shown(json)), and not a list") }
        if case .integer = elements.first {
            var numbers = Set<Int64>(minimumCapacity: elements.count)
            for (index, element) in elements.enumerated() {
                guard case .integer(let number) = element else {
                    throw mistake(place.element(index), "is \(shown(element)) among whole numbers")
                }
                numbers.insert(number)
            }
            return .integers(numbers)
        }
        var texts = Set<UTF8Key>(minimumCapacity: elements.count)
        for (index, element) in elements.enumerated() {
            guard case .string(let text) = element else {
                throw mistake(
                    place.element(index), "is \(shown(element)): the list holds texts alone, or whole numbers alone")
            }
            texts.insert(UTF8Key(text))
        }
        return .strings(texts)
    }

    func range(_ json: JSON, _ place: FilterPlace) throws(BelfryError) -> FieldTest {
        let members = try members(json, ["gt", "gte", "lt", "lte"], place)
        guard members.allValues.contains(where: { $0.string != nil }) else {
            return .range(try bounds(json, place, number))
        }
        return .times(
            try bounds(json, place) { value, place throws(BelfryError) in
                guard let text = value.string else {
                    throw mistake(place, "is \(shown(value)) among times: give numbers alone, or times alone")
                }
                guard let time = Timestamp(text) else {
                    throw mistake(place, "is \(shown(value)), and no time as RFC 3339 has it (2026-01-31T12:00:00Z)")
                }
                return time
            })
    }

    func bounds<Value>(
        _ json: JSON, _ place: FilterPlace, _ read: (JSON, FilterPlace) throws(BelfryError) -> Value
    ) throws(BelfryError) -> ValueRange<Value> {
        let members = try members(json, ["gt", "gte", "lt", "lte"], place)
        func bound(_ name: String) throws(BelfryError) -> Value? {
            guard let value = members[name] else { return nil }
            return try read(value, place.member(name))
        }
        return ValueRange(gt: try bound("gt"), gte: try bound("gte"), lt: try bound("lt"), lte: try bound("lte"))
    }

    func polygon(_ json: JSON, _ place: FilterPlace) throws(BelfryError) -> GeoPolygon {
        let members = try members(json, ["exterior", "interiors"], place)
        let exterior = try ring(try required(members, "exterior", place), place.member("exterior"))
        var interiors: [[GeoPoint]] = []
        let holes = members["interiors"] ?? []
        guard let elements = holes.array else { throw mistake(place.member("interiors"), "is not a list") }
        for (index, hole) in elements.enumerated() {
            interiors.append(try ring(hole, place.member("interiors").element(index)))
        }
        guard let polygon = GeoPolygon(exterior: exterior, interiors: interiors) else {
            throw mistake(place, "has a ring of less than 4 points, or one whose last point is not its first")
        }
        return polygon
    }

    func ring(_ json: JSON, _ place: FilterPlace) throws(BelfryError) -> [GeoPoint] {
        let members = try members(json, ["points"], place)
        guard let elements = try required(members, "points", place).array else {
            throw mistake(place.member("points"), "is not a list")
        }
        var points: [GeoPoint] = []
        for (index, element) in elements.enumerated() {
            points.append(try point(element, place.member("points").element(index)))
        }
        return points
    }

    func point(_ members: JSON.Members, _ name: String, _ place: FilterPlace) throws(BelfryError) -> GeoPoint {
        try point(try required(members, name, place), place.member(name))
    }

    func point(_ json: JSON, _ place: FilterPlace) throws(BelfryError) -> GeoPoint {
        let members = try members(json, ["lat", "lon"], place)
        let latitude = try number(try required(members, "lat", place), place.member("lat"))
        let longitude = try number(try required(members, "lon", place), place.member("lon"))
        guard let point = GeoPoint(latitude: latitude, longitude: longitude) else {
            throw mistake(place, "is beyond a latitude of ±90 or a longitude of ±180")
        }
        return point
    }
}
