import ArgumentParser
import Belfry
import Files

/// What becomes of the nearest points before they are shown.
struct ShapeOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: "Leave out answers that score less than this; under l2, where a score is a distance, more.")
    var scoreThreshold: Float?
    @Option(help: "Pass over so many of the best answers, for the next page.") var offset = 0
    @Option(help: "Answer in groups of points with the same value of this payload field, as product_code; -k groups.")
    var groupBy: String?
    @Option(help: "How many answers each group has, at most (default: 1).") var perGroup: Int?
    @Option(help: "How far the answers are to differ from one another, from 0 (the nearest) to 1.") var diversity:
        Float?
    @Option(
        parsing: .unconditional,
        help: "Show the answers in the order of this payload field, as price; -price for the largest first.")
    var sort: String?
    @Option(
        name: .customLong("facet"),
        help: "Count the values of this payload field over all points that pass the filter. May be given several times."
    )
    var facetFields: [String] = []

    func validate() throws {
        if let groupBy { _ = try JSONPath(groupBy) }
        for field in facetFields { _ = try JSONPath(field) }
        guard (0...1_000_000).contains(offset) else { throw ValidationError("--offset takes 0 to 1,000,000.") }
        if let perGroup {
            guard groupBy != nil else { throw ValidationError("--per-group goes with --group-by.") }
            guard (1...1_000).contains(perGroup) else { throw ValidationError("--per-group takes 1 to 1,000.") }
        }
        if let diversity { _ = try Diversity(diversity) }
        guard groupBy == nil || (offset == 0 && diversity == nil && sort == nil) else {
            throw ValidationError("--group-by goes without --offset, --diversity and --sort.")
        }
    }

    func shape(_ request: inout SearchRequest) {
        (request.scoreThreshold, request.offset) = (scoreThreshold, offset)
        if let key = groupBy.flatMap({ try? JSONPath($0) }) { request.groups = .init(by: key, size: perGroup ?? 1) }
        request.diversity = diversity.flatMap { try? Diversity($0) }
    }

    /// The answers in the order that was asked for; those without the field come last.
    func sorted(_ response: SearchResponse) throws -> SearchResponse {
        guard let sort else { return response }
        let isDescending = sort.hasPrefix("-")
        let path = try JSONPath(isDescending ? String(sort.dropFirst()) : sort)
        let keyed = response.hits.enumerated().map {
            ($0.offset, $0.element, path.values(in: $0.element.payload).first)
        }
        return response.with(
            hits: keyed.sorted { first, second in
                guard let a = first.2, let b = second.2 else { return first.2 != nil && second.2 == nil }
                if a == b { return first.0 < second.0 }
                if Self.isBefore(a, b) == Self.isBefore(b, a) { return first.0 < second.0 }
                return Self.isBefore(a, b) != isDescending
            }.map(\.1))
    }

    /// Numbers come before texts, and those before all else.
    private static func isBefore(_ a: JSON, _ b: JSON) -> Bool {
        if case .integer(let x) = a, case .integer(let y) = b { return x < y }
        if let x = a.number, let y = b.number { return x < y }
        if let x = a.string, let y = b.string { return UTF8Key(x) < UTF8Key(y) }
        func rank(_ value: JSON) -> Int { value.number != nil ? 0 : value.string != nil ? 1 : 2 }
        return rank(a) < rank(b)
    }

    /// Refuses fields that no point has.
    func requireFields(_ collections: [VectorCollection]) throws {
        let wanted = try ([groupBy, sort.map { String($0.drop { $0 == "-" }) }] + facetFields).compactMap { $0 }
            .map { try JSONPath($0) }
        guard !wanted.isEmpty else { return }
        let known = try FilterOptions.fields(of: collections) { fields in
            wanted.allSatisfy { path in
                guard case .member(let name) = path.steps[0] else { return true }
                return fields.contains(name)
            }
        }
        for path in wanted {
            guard case .member(let name) = path.steps[0], !known.contains(name), !known.isEmpty else { continue }
            throw BelfryError(
                .invalidInput, "No point has a payload field \(name.debugDescription).",
                remedy: "The fields are: \(known.prefix(50).joined(separator: ", ")).")
        }
    }

    /// Counts of the values of a field.
    struct FacetTable {
        let field: String
        let counts: [VectorCollection.FacetCount]

        var json: JSON {
            .array(counts.map { ["value": $0.value.json, "count": .integer(Int64($0.count))] })
        }

        var line: String {
            "\(field): " + counts.map { "\($0.value.json.display) (\(Human.count($0.count)))" }.joined(separator: ", ")
        }
    }

    func facets(of collection: VectorCollection, where filter: Filter?) throws -> [FacetTable] {
        try facetFields.map { field in
            FacetTable(field: field, counts: try collection.facet(JSONPath(field), where: filter, limit: 20))
        }
    }
}

extension MatchValue {
    fileprivate var json: JSON {
        switch self {
        case .string(let text): .string(text.text)
        case .integer(let number): .integer(number)
        case .bool(let bool): .bool(bool)
        }
    }
}
