import Files
import Foundation
import Shards
import TestSupport
import Testing

@testable import Belfry

@Suite struct ScoreFormulaTests {
    private static func formula(_ text: String, defaults: String = "{}") throws -> ScoreFormula {
        try ScoreFormula(
            json: JSON(parsing: Data("{\"formula\":\(text),\"defaults\":\(defaults)}".utf8), source: "test"))
    }

    private static let point = FilteredPoint(
        id: .number(7),
        payload: [
            "price": 8, "none": .null, "many": [1, 2], "one": [3], "$x": 5, "day": "2026-01-01T00:00:10Z",
            "at": ["lat": 52.5, "lon": 13.4], "brand": "Acme",
        ])

    @Test(arguments: [
        (#""$score""#, 0.5), (#""$score[1]""#, 0), (#"{"mult":["$score",{"sum":["price",2,"one"]}]}"#, 6.5),
        (#"{"key":"brand","match":{"value":"Acme"}}"#, 1), (#"{"must_not":[{"has_id":[7]}]}"#, 0),
        (#"{"div":{"left":0,"right":"absent"}}"#, 0), (#"{"div":{"left":1,"right":0,"by_zero_default":9}}"#, 9),
        (#"{"mult":[0,"absent"]}"#, 0), (#"{"pow":{"base":"price","exponent":{"neg":1}}}"#, 0.125),
        (#"{"sum":[{"datetime_key":"day"},{"neg":{"datetime":"2026-01-01"}}]}"#, 10), (#""\"$x\"""#, 5),
        (#"{"geo_distance":{"origin":{"lat":52.5,"lon":13.4},"to":"at"}}"#, 0), (#"{"max":["price",9]}"#, 9),
        (#"{"lin_decay":{"x":3,"target":1,"scale":4}}"#, 0.75), (#"{"exp_decay":{"x":2,"midpoint":0.25}}"#, 0.0625),
        (#"{"gauss_decay":{"x":"price","target":6,"scale":2}}"#, 0.5), (#"{"sum":[]}"#, 0), (#"{"mult":[]}"#, 1),
    ]) func computes(_ text: String, _ wanted: Float) throws {
        let formula = try Self.formula(text)
        #expect(try formula.score([0.5], of: Self.point) == wanted)
        #expect(try ScoreFormula(json: formula.json) == formula)
    }

    @Test func defaultsStandIn() throws {
        let formula = try Self.formula(
            #"{"sum":["absent","none",{"mult":["$score[2]",10]},{"datetime_key":"when"}]}"#,
            defaults: #"{"absent":1,"none":2,"$score[2]":0.5,"when":"1970-01-01T00:00:03Z"}"#)
        #expect(try formula.score([0.5, nil], of: Self.point) == 11)
        #expect(try formula.score([0.5, 1, 4], of: Self.point) == 46)
        #expect(try ScoreFormula(json: formula.json) == formula)
    }

    @Test(arguments: [
        (#"{"sum":[1,"absent"]}"#, "formula.sum[1] needs absent"),
        (#""many""#, "needs one value of many, and the point has 2"),
        (#"{"sqrt":{"neg":"price"}}"#, "formula.sqrt of -8.0 is"), (#""brand""#, "needs a number in brand"),
        (#"{"sum":[{"abs":{"div":{"left":"price","right":0}}}]}"#, "formula.sum[0].abs.div of 8.0 by 0.0 is inf"),
        (#"{"mult":[1e30,1e30]}"#, "beyond an f32"), (#"{"exp":1000}"#, "formula.exp of 1000.0 is inf"),
        (#"{"ln":0}"#, "formula.ln of 0.0 is -inf"), (#"{"acosh":0.5}"#, "formula.acosh"),
        (#"{"pow":{"base":-1,"exponent":0.5}}"#, "formula.pow of -1.0 and 0.5"),
        (#"{"exp_decay":{"x":1,"target":{"datetime_key":"brand"}}}"#, "formula.exp_decay.target needs a time in brand"),
        (#"{"geo_distance":{"origin":{"lat":1,"lon":1},"to":"day"}}"#, "needs a place on the earth in day"),
        (#""none""#, "needs none, which"),
    ]) func whatHasNoValueSaysWhereAndWhy(_ text: String, _ part: String) throws {
        let formula = try Self.formula(text)
        let error = #expect(throws: BelfryError.self) { try formula.score([0.5], of: Self.point) }
        #expect(error?.code == .invalidInput && error?.message.contains("point 7") == true)
        #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        (#"{"summ":[1]}"#, "Did you mean sum"), (#"{}"#, "formula has not one name alone"), (#"[]"#, "formula is []"),
        (#"{"sum":[1],"mult":[1]}"#, "not one name alone"), (#"{"sum":1}"#, "formula.sum is 1, and not a list"),
        (#"{"sum":[1,true]}"#, "formula.sum[1] is true"), (#""$price""#, "unknown variable \"$price\""),
        (#""$score[]""#, "unknown variable"), (#""$score[1][2]""#, "unknown variable"),
        (#""""#, "formula: The payload key"),
        (#"{"div":{"left":1}}"#, "formula.div has no right"), (#"{"max":[]}"#, "formula.max is empty"),
        (#"{"neg":[1]}"#, "formula.neg is [1]"), (#"{"datetime":"x"}"#, "formula.datetime is \"x\""),
        (#"{"lin_decay":{"x":1,"midpoint":1.5}}"#, "midpoint from 0 to 1"),
        (#"{"gauss_decay":{"x":1,"midpoint":1}}"#, "between 0 and 1"),
        (#"{"exp_decay":{"x":1,"scale":0}}"#, "scale is above 0"),
        (#"{"exp_decay":{"x":1,"scal":0}}"#, "Did you mean scale"),
        (#"{"sum":[{"key":"a","match":{"valu":1}}]}"#, "formula.sum[0].match has the unknown member"),
        (#"{"geo_distance":{"origin":{"lat":91,"lon":0},"to":"a"}}"#, "formula.geo_distance.origin is beyond"),
        (#"{"key":"a","match":{"value":1},"sum":[]}"#, "unknown member"),
        (#"null"#, "the formula query has no formula"),
    ]) func whatCannotBeReadSaysWhereAndWhy(_ text: String, _ part: String) throws {
        let error = #expect(throws: BelfryError.self) { try Self.formula(text) }
        #expect(error?.code == .invalidInput && error?.message.contains("formula") == true)
        #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        (#"{"a":"x"}"#, "defaults.\"a\" is \"x\""), (#"{"$score":"2026-01-01"}"#, "defaults.\"$score\""),
        (#"{"$score":1,"$score[0]":2}"#, "second default"), (#"{"a":[1]}"#, "is [1]"),
        (#"{"$a":1}"#, "unknown variable"),
        (#"{"a":{"lat":91,"lon":0}}"#, "is {"), (#"[1]"#, "defaults is [1]"),
    ]) func defaultsAreChecked(_ text: String, _ part: String) {
        let error = #expect(throws: BelfryError.self) { try Self.formula("1", defaults: text) }
        #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
    }

    @Test func depthIsLimited() throws {
        func deep(_ depth: Int) -> JSON {
            ["formula": (1..<depth).reduce(JSON.integer(1)) { inner, _ in ["neg": inner] }]
        }
        let formula = try ScoreFormula(json: deep(ScoreFormula.deepest))
        #expect(try formula.score([], of: Self.point) == -1)
        #expect(try ScoreFormula(json: JSON(parsing: Data(formula.json.text().utf8), source: "test")) == formula)
        let error = #expect(throws: BelfryError.self) { try ScoreFormula(json: deep(ScoreFormula.deepest + 1)) }
        #expect(error?.message.contains("65 expressions deep") == true)
        // Filters in a condition stand as deep as they are.
        let filter = (0..<10).reduce(JSON.object(["has_id": [1]])) { inner, _ in ["must": [inner]] }
        let nested = (0..<56).reduce(filter) { inner, _ in ["sum": [inner]] }
        #expect(throws: BelfryError.self) { try ScoreFormula(json: ["formula": nested]) }
    }

    @Test func candidatesAreGathered() {
        func list(_ points: [(UInt64, Float)]) -> [RankedPoint] { points.map { RankedPoint(.number($0.0), $0.1) } }
        let candidates = ScoreFormula.candidates([list([(3, 1), (1, 0.5)]), [], list([(2, 7), (3, 6)])])
        #expect(
            candidates == [
                FormulaCandidate(id: .number(3), scores: [1, nil, 6]),
                FormulaCandidate(id: .number(1), scores: [0.5, nil, nil]),
                FormulaCandidate(id: .number(2), scores: [nil, nil, 7]),
            ])
    }

    @Test func madeUpFormulasGoBothWays() throws {
        var formulas = RandomFormulas(SeededGenerator())
        var values = 0
        for round in 0..<2_000 {
            let formula = formulas.formula()
            let again = try ScoreFormula(json: JSON(parsing: Data(formula.json.text().utf8), source: "test"))
            #expect(again.json == formula.json, "\(round), \(formulas.random)")
            let point = formulas.filters.point(round)
            let (a, b) = (try? formula.score([0.5, nil], of: point), try? again.score([0.5, nil], of: point))
            #expect(a == b, "\(formula.json), \(formulas.random)")
            if a != nil { values += 1 }
        }
        #expect(values > 200)
    }

    @Test func damagedFormulasAreErrorsAndNeverCrash() throws {
        var formulas = RandomFormulas(SeededGenerator())
        for round in 0..<Fuzz.executions(5_000) {
            var bytes = Array(formulas.formula().json.text().utf8)
            for _ in 0..<Int.random(in: 1...3, using: &formulas.filters.random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &formulas.filters.random)
                switch Int.random(in: 0..<5, using: &formulas.filters.random) {
                case 0: bytes.remove(at: place)
                case 1: bytes.insert(formulas.filters.pick(Array(#"{}[]",:0n-1e.t$"#.utf8)), at: place)
                case 2: bytes.swapAt(place, Int.random(in: 0..<bytes.count, using: &formulas.filters.random))
                case 3: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &formulas.filters.random)
                default: bytes.removeLast(Int.random(in: 0...min(3, bytes.count), using: &formulas.filters.random))
                }
            }
            do {
                let formula = try ScoreFormula(json: JSON(parsing: Data(bytes), source: "test"))
                #expect(try ScoreFormula(json: formula.json).json == formula.json, "\(round), \(formulas.random)")
                let score = try formula.score([0.5], of: formulas.filters.point(round))
                #expect(score.isFinite)
            } catch {
                #expect(error.code == .invalidInput, "\(round), \(formulas.random)")
            }
        }
    }
}

/// Formulas over the fields of ``RandomFilters``.
struct RandomFormulas {
    var filters: RandomFilters
    var random: SeededGenerator { filters.random }

    init(_ random: SeededGenerator) { filters = RandomFilters(random) }

    mutating func formula() -> ScoreFormula {
        var defaults: [ScoreFormula.Variable: JSON] = [:]
        for _ in 0..<Int.random(in: 0...3, using: &filters.random) {
            let value = filters.pick([3, 0.5, "2026-01-01", ["lat": 1, "lon": 2]] as [JSON])
            let variable = variable()
            if case .score = variable, value.number == nil { continue }
            defaults[variable] = value
        }
        return ScoreFormula(expression(depth: 3), defaults: defaults)
    }

    private mutating func variable() -> ScoreFormula.Variable {
        filters.chance(0.4)
            ? .score(Int.random(in: 0...2, using: &filters.random))
            : .field(
                filters.pick([filters.path(inObject: false), JSONPath(member: "$a\\b"), JSONPath(member: "$score")]))
    }

    private mutating func expression(depth: Int) -> ScoreFormula.Expression {
        guard depth > 0, filters.chance(0.85) else {
            switch Int.random(in: 0..<7, using: &filters.random) {
            case 0: return .variable(variable())
            case 1: return .condition(filters.condition(depth: 1))
            case 2: return .distance(from: filters.corner(), to: filters.path(inObject: false))
            case 3: return .time(Timestamp("2026-01-02T03:04:05.000006Z")!)
            case 4: return .timeField(filters.path(inObject: false))
            default: return .constant(filters.number().number!)
            }
        }
        switch Int.random(in: 0..<8, using: &filters.random) {
        case 0...3:
            let combination = filters.pick(ScoreFormula.Combination.allCases)
            let count = Int.random(in: 1...3, using: &filters.random)
            return .combination(combination, (0..<count).map { _ in expression(depth: depth - 1) })
        case 4: return .function(filters.pick(ScoreFormula.Function.allCases), expression(depth: depth - 1))
        case 5:
            return .quotient(
                expression(depth: depth - 1), by: expression(depth: depth - 1), byZero: filters.pick([nil, 0.1, -3]))
        case 6: return .power(expression(depth: depth - 1), exponent: expression(depth: depth - 1))
        default:
            let decay = ScoreFormula.Decay(
                filters.pick(ScoreFormula.Decay.Shape.allCases), scale: filters.pick([1, 0.1, 1e9]),
                midpoint: filters.pick([0.5, 0.1]))!
            return .decay(
                decay, expression(depth: depth - 1), target: filters.chance(0.5) ? expression(depth: depth - 1) : nil)
        }
    }
}
