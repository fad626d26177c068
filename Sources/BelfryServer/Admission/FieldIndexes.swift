import Belfry
import Files
import Foundation

/// The indexes that the payload fields of a collection have, for those who may not do without.
struct FieldIndexes {
    private var indexes: [JSONPath: [(kind: FieldKind, params: JSON)]] = [:]

    init(_ target: Target) throws {
        let fields = target.collection.indexedFields
        guard !fields.isEmpty else { return }
        var params: [JSONPath: JSON] = [:]
        for (name, said) in try target.served.record().schema.sorted {
            if let path = try? JSONPath(name) { params[path] = said }
        }
        for field in fields {
            let said = params[field.path] ?? [:]
            indexes[field.path, default: []].append(
                (field.kind, said["type"]?.string == field.kind.rawValue ? said : [:]))
        }
    }

    /// The fields that have an index.
    var paths: Set<JSONPath> { Set(indexes.keys) }

    func has(_ path: JSONPath, _ need: IndexNeed) -> Bool {
        (indexes[path] ?? []).contains { index in
            need.kinds.contains(index.kind) && need.option?.isGiven(index.params, index.kind) ?? true
        }
    }

    // MARK: what needs one

    /// - Parameter use: what could be another one instead.
    func require(_ path: JSONPath, _ need: IndexNeed, for use: String = "filter") throws(Refusal) {
        guard !has(path, need) else { return }
        let kinds = need.kinds.map(\.rawValue).joined(separator: ", ")
        let option = need.option.map { " with `\($0.rawValue)`" } ?? ""
        throw .bad(
            "Index required but not found for \"\(path)\" of one of the following types: [\(kinds)]\(option). Help: Create an index for this key or use a different \(use)."
        )
    }

    /// What groups and facets are made by.
    func requireMatch(_ path: JSONPath) throws(Refusal) {
        guard !has(path, .match) else { return }
        let found = indexes[path]?.first.map { "Index of type \"\($0.kind.rawValue.capitalized)\" found" }
        throw .bad(
            "\(found ?? "Index required but not found") for \"\(path)\". Help: Create an index supporting `match` for this key."
        )
    }

    /// - Parameter outer: where the objects lie that a nested filter is about.
    func require(_ filter: Filter, below outer: [JSONPath.Step] = []) throws(Refusal) {
        func path(_ path: JSONPath) -> JSONPath { JSONPath(steps: outer + path.steps) }
        for condition in filter.all {
            switch condition {
            case .field(let field, let test): try require(path(field), IndexNeed(test))
            case .isEmpty(let field), .isNull(let field): try require(path(field), .any)
            case .hasID, .hasVector, .slice: break
            case .nested(let field, let filter):
                let steps = path(field).steps
                try require(filter, below: steps.last == .every ? steps : steps + [.every])
            case .filter(let filter): try require(filter, below: outer)
            }
        }
    }

    /// The fields that a formula computes with, whether they have defaults or not. Its conditions are a filter's: see
    /// ``ScoreFormula/conditions``.
    func require(_ expression: ScoreFormula.Expression) throws(Refusal) {
        let use = "formula expression"
        switch expression {
        case .variable(.field(let path)): try require(path, .number, for: use)
        case .distance(_, let path): try require(path, IndexNeed([.geo]), for: use)
        case .timeField(let path): try require(path, IndexNeed([.datetime]), for: use)
        default: for part in expression.parts { try require(part) }
        }
    }

    // MARK: tenants

    /// Whether a filter leaves the points of some tenants alone.
    func namesTenant(_ filter: Filter) -> Bool {
        filter.must.contains { condition in
            switch condition {
            case .field(let path, .match), .field(let path, .any):
                (indexes[path] ?? []).contains { $0.kind == .keyword && $0.params["is_tenant"]?.bool == true }
            case .filter(let inner): namesTenant(inner)
            default: false
            }
        }
    }
}
