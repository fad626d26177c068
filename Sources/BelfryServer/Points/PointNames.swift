import Belfry
import Files
import Shards

/// Reads which points a request is about.
enum PointNames {
    /// An id as the engine takes it: a whole number, a UUID, or the text that rows call a point.
    static func name(_ json: JSON, _ place: String) throws(Refusal) -> String {
        switch json {
        case .integer(let number) where number >= 0: return String(number)
        case .unsigned(let number): return String(number)
        case .string(let text):
            guard !text.isBlank, !text.utf8.contains(0), text.utf8.count <= 512 else {
                throw .format(place, "value \(text.debugDescription) is not a valid point ID")
            }
            return PointID(text)?.description ?? text
        default:
            throw .format(
                place, "value \(json.text()) is not a valid point ID: a whole number from 0 on, a UUID or a text is")
        }
    }

    static func names(_ elements: [JSON], _ place: String) throws(Refusal) -> [String] {
        var names: [String] = []
        names.reserveCapacity(elements.count)
        for element in elements { names.append(try name(element, place)) }
        return names
    }

    /// `points` or a `filter` of a body.
    static func selection(_ body: Body) throws -> PointSelection {
        let (points, filter) = (try body.list("points"), try self.filter(body))
        switch (points, filter) {
        case (let points?, nil): return .ids(try names(points, body.path("points")))
        case (nil, let filter?): return .matching(filter.isEmpty ? Filter(must: [.filter(filter)]) : filter)
        case (nil, nil): throw Refusal.format(body.place, "points or filter is expected")
        case (.some, .some): throw Refusal.format(body.place, "points or filter is expected, and not both")
        }
    }

    /// The filter of a body.
    static func filter(_ body: Body, _ name: String = "filter") throws -> Filter? {
        guard let json = body[name] else { return nil }
        do throws(BelfryError) {
            return try Filter(json: json) { PointName($0).id }
        } catch {
            if json.isNoFilter { throw Refusal.format(body.path(name), error.message) }
            let more = json.hasLonelyKey ? " At least one field condition must be specified." : ""
            throw Refusal(422, "Validation error in JSON body: [\(body.path(name)): \(error.message)\(more)]")
        }
    }
}

extension JSON {
    /// Whether a condition names a field and says nothing of it.
    fileprivate var hasLonelyKey: Bool {
        switch self {
        case .object(let members): members.names == ["key"] || members.allValues.contains(where: \.hasLonelyKey)
        case .array(let elements): elements.contains(where: \.hasLonelyKey)
        default: false
        }
    }

    /// Whether somewhere in a filter there is what none can have. What could be, and is not allowed, is told with another
    /// status.
    fileprivate var isNoFilter: Bool {
        switch self {
        case .object(let members):
            members["min_should"].map { $0["min_count"] == nil || $0["min_count"] == .null } ?? false
                || members["slice"]?["total"] == 0 || members.allValues.contains(where: \.isNoFilter)
        case .array(let elements): elements.contains(where: \.isNoFilter)
        default: false
        }
    }
}
