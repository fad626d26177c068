import Files
import Foundation
import Shards
import TestSupport
import Testing
import Vectors

@testable import Belfry

/// Rankings are what Qdrant's engine made of them: see `Oracle/make_rankings.py`.
///
/// Where ours are different, and meant to be:
/// - What is equal stands in the order of ids (of candidates, with `mmr`); the engine's order is a matter of chance, and with
///   `order_by` that of its rows.
/// - A fusion by scores takes larger for better in every metric; the engine adds up Euclidean distances as they are, and then
///   prefers the far ones. Negative weights are an error, and not 0.
/// - Constants of a formula are f64; the engine rounds them to f32. What `max` and `min` of no numbers, decays and variables
///   cannot mean is an error in both; `{}` is one here, and always 1 there. A default that is no number, time or place is an
///   error when it is read. Null in a field counts as no value, as it does there with an index and not without. Values are
///   the payload's; there an index of whole numbers hides the others.
/// - Of two similarities -0 and 0 none is larger.
/// - Without a limit of candidates, `mmr` does not take the limit of answers for it: pages continue one another.
@Suite struct RankingOracleTests {
    private static let golden: JSON? = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/rankings.json")
        return try? JSON(parsing: Data(contentsOf: file), source: "rankings.json")
    }()

    private static func cases(_ kind: String) throws -> (points: [JSON], cases: [JSON]) {
        let part = try #require(golden?[kind])
        return (part["points"]?.array ?? [], try #require(part.array ?? part["cases"]?.array))
    }

    private static func floats(_ json: JSON?) -> [Float] {
        (json?.array ?? []).compactMap { $0.number.map { Float($0) } }
    }

    private static func ranked(_ json: JSON) -> [RankedPoint] {
        (json.array ?? []).compactMap { pair in
            guard let id = pair.array?[0].integer, let score = pair.array?[1].number else { return nil }
            return RankedPoint(.number(UInt64(id)), Float(score))
        }
    }

    /// Rounding in another order may move the last bits.
    private static func isNear(_ a: Float, _ b: Float) -> Bool { abs(a - b) <= 4e-6 * max(1, abs(a), abs(b)) }

    @Test func fusions() throws {
        let (_, cases) = try Self.cases("fusions")
        #expect(cases.count == 80)
        for json in cases {
            let lists = try #require(json["lists"]?.array).map(Self.ranked)
            let fusion = try Fusion(json: try #require(json["query"]))
            let found = try fusion.fused(lists)
            #expect(found == found.sorted())
            // The same f32 arithmetic: the same bits.
            #expect(found.sorted { $0.id < $1.id } == Self.ranked(try #require(json["found"])), "\(json)")
        }
    }

    @Test func formulas() throws {
        let (points, cases) = try Self.cases("formulas")
        #expect(points.count == 24 && cases.count == 400)
        var (values, errors) = (0, 0)
        for json in cases {
            let formula = try ScoreFormula(
                json: ["formula": try #require(json["formula"]), "defaults": try #require(json["defaults"])])
            for formula in [formula, try ScoreFormula(json: formula.json)] {
                for pair in json["found"]?.array ?? [] {
                    let place = try #require(pair.array?[0].integer)
                    let scores = (points[place]["scores"]?.array ?? []).map { $0.number.map { Float($0) } }
                    let point = FilteredPoint(
                        id: .number(UInt64(place)), payload: try #require(points[place]["payload"]), vectors: [""])
                    let found = try? formula.score(scores, of: point)
                    let wanted = pair.array?[1].number.map { Float($0) }
                    switch (found, wanted) {
                    case (nil, nil): errors += 1
                    case (let found?, let wanted?) where Self.isNear(found, wanted): values += 1
                    default:
                        Issue.record(
                            "\(json)\n\(place): \(String(describing: found)), not \(String(describing: wanted))")
                    }
                }
            }
        }
        #expect(values > 2_000 && errors > 500, "\(values) \(errors)")
    }

    @Test func examples() throws {
        let (points, cases) = try Self.cases("examples")
        let rows = Matrix(points.map { Self.floats($0) })
        #expect(rows.rows == 24 && cases.count == 180)
        for json in cases {
            let metric = try #require(json["metric"]?.string.flatMap { Metric(rawValue: $0) })
            let (positives, negatives) = (json["positives"]?.array ?? [], json["negatives"]?.array ?? [])
            let pairs = json["pairs"]?.array ?? []
            let (form, examples): (ExampleScore, [JSON]) =
                switch json["kind"]?.string {
                case "best_score":
                    (.bestScore(positives: positives.count, negatives: negatives.count), positives + negatives)
                case "sum_scores":
                    (.sumScores(positives: positives.count, negatives: negatives.count), positives + negatives)
                case "discover":
                    (.discovery(pairs: pairs.count), [try #require(json["target"])] + pairs.flatMap { $0.array ?? [] })
                default: (.context(pairs: pairs.count), pairs.flatMap { $0.array ?? [] })
                }
            #expect(form.examples == examples.count)
            let scores = Self.scores(form, examples.map { Self.floats($0) }, rows, metric)
            for (score, wanted) in zip(scores, Self.floats(json["scores"])) where !Self.isNear(score, wanted) {
                Issue.record("\(json)\n\(score), not \(wanted)")
            }
        }
    }

    static func scores(_ form: ExampleScore, _ examples: [[Float]], _ rows: Matrix, _ metric: Metric) -> [Float] {
        let kernel = DistanceKernel(metric: metric)
        var similarities: [Float] = []
        for example in examples {
            var distances = [Float](repeating: 0, count: rows.rows)
            example.withUnsafeBufferPointer { example in
                let query = kernel.prepare(example.baseAddress!, dimension: rows.columns)
                kernel.distances(to: query, rows: rows.pointer, count: rows.rows, into: &distances)
            }
            similarities += distances.map { -$0 }
        }
        var scores = [Float](repeating: .nan, count: rows.rows)
        form.score(similarities, stride: rows.rows, count: rows.rows, into: &scores)
        return scores
    }

    @Test func diversities() throws {
        let (points, cases) = try Self.cases("diversities")
        #expect(cases.count == 90)
        for json in cases {
            let metric = try #require(json["metric"]?.string.flatMap { Metric(rawValue: $0) })
            let candidates = (json["candidates"]?.array ?? []).compactMap(\.integer)
            let (limit, query) = (try #require(json["limit"]?.integer), Self.floats(json["query"]))
            let vectors = Matrix(candidates.map { Self.floats(points[$0]) })
            let kernel = DistanceKernel(metric: metric)
            var distances = [Float](repeating: 0, count: vectors.rows)
            query.withUnsafeBufferPointer { query in
                let query = kernel.prepare(query.baseAddress!, dimension: vectors.columns)
                kernel.distances(to: query, rows: vectors.pointer, count: vectors.rows, into: &distances)
            }
            let diversity = try Diversity(json: try #require(json["mmr"]))
            let order = diversity.order(limit, relevance: distances.map { -$0 }, vectors: vectors, metric: metric)
            #expect(order.map { candidates[$0] } == json["found"]?.array?.compactMap(\.integer), "\(json)")
        }
    }

    @Test func orders() throws {
        let catalogue = try #require(Self.golden?["catalogue"])
        let (points, cases) = (catalogue["points"]?.array ?? [], catalogue["orders"]?.array ?? [])
        #expect(points.count == 80 && cases.count == 22)
        for json in cases {
            let kinds: [String: OrderBy.Kind] = ["integers": .integers, "floats": .floats, "times": .times]
            let kind = try #require(json["kind"]?.string.flatMap { kinds[$0] })
            var ordered = OrderedPoints(try OrderBy(json: try #require(json["order"])), as: kind, limit: 1_000)
            for (id, payload) in points.enumerated() { ordered.offer(.number(UInt64(id)), payload) }
            let wanted = (json["found"]?.array ?? []).compactMap { pair -> OrderedPoint? in
                guard let id = pair.array?[0].integer, let value = pair.array?[1] else { return nil }
                let whole = value.integer.map { OrderValue.integer(Int64($0)) }
                return OrderedPoint(value: whole ?? .float(value.number ?? .nan), id: .number(UInt64(id)))
            }
            #expect(ordered.points == wanted, "\(json)")
        }
    }

    @Test func facets() throws {
        let catalogue = try #require(Self.golden?["catalogue"])
        let (points, cases) = (catalogue["points"]?.array ?? [], catalogue["facets"]?.array ?? [])
        #expect(cases.count == 12)
        for json in cases {
            let key = try #require(json["key"]?.string)
            var facet = Facet(try JSONPath(key))
            for id in json["ids"]?.array ?? [] { facet.add(points[try #require(id.integer)]) }
            let limit = try #require(json["limit"]?.integer)
            // An index is of one kind of value; here all of them count.
            let kind = key == "left" ? 1 : key == "new" ? 2 : 0
            let hits = facet.hits(1_000).filter { $0.value.kind == kind }.prefix(limit)
            let found = hits.map { JSON.array([$0.value.json, .integer(Int64($0.count))]) }
            #expect(.array(found) == json["found"], "\(json)")
        }
    }
}

extension MatchValue {
    fileprivate var kind: Int {
        switch self {
        case .string: 0
        case .integer: 1
        case .bool: 2
        }
    }
}
