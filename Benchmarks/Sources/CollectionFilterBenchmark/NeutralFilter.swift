import Belfry
import Files

/// A filter as the files of `Benchmarks/filters` have it: the form that every system's own is made from.
struct NeutralFilter: Decodable {
    struct Values: Decodable {
        let field: String
        let values: [String]
    }

    struct Range: Decodable {
        let field: String
        let gte: Double?
        let lt: Double?
    }

    let and: [NeutralFilter]?
    let or: [NeutralFilter]?
    let `in`: Values?
    let range: Range?
    let ids: [UInt64]?

    func filter() throws -> Filter {
        if let or { return try Filter(should: or.map { try $0.condition() }) }
        if let and { return try Filter(must: and.map { try $0.condition() }) }
        return Filter(must: [try condition()])
    }

    private func condition() throws -> Condition {
        if let `in` {
            let path = try JSONPath(`in`.field)
            if `in`.values.count == 1 { return .field(path, .match(.string(UTF8Key(`in`.values[0])))) }
            return .field(path, .any(.strings(Set(`in`.values.map { UTF8Key($0) }))))
        }
        if let range { return .field(try JSONPath(range.field), .range(ValueRange(gte: range.gte, lt: range.lt))) }
        if let ids { return .hasID(Set(ids.map { .number($0) })) }
        return .filter(try filter())
    }
}
