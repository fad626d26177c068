import ArgumentParser
import Belfry
import Files
import Foundation

/// Which points a verb is about, by their payload.
struct FilterOptions: ParsableArguments {
    @Option(
        help: .init(
            "Only points for which this holds, as \"price < 50 and brand in ('Acme', 'Bolt') and not tags = 'used'\"; or a "
                + "filter as JSON, as Qdrant's clients send it.",
            valueName: "condition"))
    var filter: String?
    @Option(
        help: .init(
            "Short for a condition: only points whose payload has this value, as domain:Book. Several of one field may be "
                + "given, of which one must hold.", valueName: "field:value"))
    var within: [String] = []

    var isEmpty: Bool { filter == nil && within.isEmpty }

    func validate() throws { _ = try conditions }

    private var conditions: [PayloadCondition] {
        get throws { try within.map { try Self.condition($0, "--within") } }
    }

    /// `field:value`.
    static func condition(_ text: String, _ option: String) throws -> PayloadCondition {
        let parts = text.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, !text.utf8.contains(0) else {
            throw ValidationError("\(option) takes a payload field and its value, as domain:Book, not \(text).")
        }
        return PayloadCondition(field: String(parts[0]), value: String(parts[1]))
    }

    /// The filter that the options say; nil for all points.
    /// - Parameter collections: those that are asked: a field that none of them has is a mistake.
    func filter(for collections: [VectorCollection]) throws -> Filter? {
        var parts = within.isEmpty ? [] : [Filter(try conditions)]
        if let filter {
            let text = filter.trimmingCharacters(in: .whitespacesAndNewlines)
            if text.hasPrefix("{") {
                parts.append(
                    try Filter(json: JSON(parsing: Data(text.utf8), source: "--filter"), id: { PointName($0).id }))
            } else {
                parts.append(try Self.parse(text, collections))
            }
        }
        guard parts.count > 1 else { return parts.first }
        return Filter(must: parts.map { .filter($0) })
    }

    private static func parse(_ text: String, _ collections: [VectorCollection]) throws -> Filter {
        // All points, on purpose.
        if text.lowercased() == "true" { return Filter(must: [.filter(Filter())]) }
        func parsed(_ fields: [String]) throws -> Filter {
            try Filter(parsing: text, fields: fields.isEmpty ? nil : fields, id: { PointName($0).id })
        }
        return try parsed(fields(of: collections) { (try? parsed($0)) != nil })
    }

    /// The payload fields that there are: nearly always the first points have all of them; all points are looked at where
    /// those are not enough.
    static func fields(of collections: [VectorCollection], areEnough: ([String]) -> Bool) throws -> [String] {
        var fields: [String] = []
        for points in [1_000, Int(Int32.max)] {
            var all = Set<String>()
            for collection in collections { all.formUnion(try collection.view.payloadFields(ofFirst: points)) }
            fields = all.sorted()
            if areEnough(fields) { break }
        }
        return fields
    }

    /// Says why nothing was found, where a short condition is the reason.
    /// - Parameter others: conditions beside the options' own.
    func explainNothing(_ collections: [VectorCollection], _ others: [PayloadCondition] = []) throws {
        for condition in try conditions + others {
            var reason: BelfryError?
            for collection in collections {
                guard try collection.view.slots(where: Filter(condition)).count == 0 else { return }
                reason = try collection.view.nothingMeets([condition])
            }
            if let reason { return Terminal.note("belfry: \(reason.message) \(reason.remedy?.command ?? "")") }
        }
    }
}
