public import Files
public import Shards

extension Filter {
    /// Reads a filter as people write it: `price < 50 and brand in ('Acme', 'Bolt') and not tags = 'used'`.
    ///
    /// | written | true for points |
    /// |---|---|
    /// | `a and b`, `a or b`, `not a`, `(…)`, `true` | as everywhere; `not` binds closest, `or` loosest |
    /// | `at least 2 of (a, b, c)` | for which so many hold |
    /// | `brand = 'Acme'`, `left = 3`, `new = true`, `brand != 'Acme'` | with this value; of a list, with such an element |
    /// | `price < 5`, `3 < price <= 5`, `price between 3 and 5` | with a number in this range |
    /// | `day >= '2026-01-01'` | with a time in this range, in UTC unless it says otherwise |
    /// | `brand in ('Acme', 'Bolt')`, `brand not in (…)` | with one of the values, with none of them |
    /// | `brand other than ('Acme')` | with a value that is none of these |
    /// | `a is empty`, `a is missing` | that have nothing there: no field, null, or an empty list |
    /// | `a exists`, `a is not empty` | that have something there |
    /// | `a is null` | with a null |
    /// | `name contains 'oo'`, `name starts with 'Sh'` | with such a text, letter by letter |
    /// | `name matches 'red shoe'`, `matches any`, `matches phrase` | with all words, one of them, or all in this order |
    /// | `place near (52.5, 13.4, 1000)` | within meters of latitude and longitude |
    /// | `place within box (52.6, 13.2, 52.3, 13.6)` | between top, left, bottom and right |
    /// | `place within polygon ((52, 13), (53, 13), (53, 14)) without ((…))` | in a polygon but for its holes |
    /// | `count(tags) > 2` | with so many values |
    /// | `any stock has (shop = 'north' and left > 0)` | with an object in a list for which all of this holds |
    /// | `id in (1, 'a-17')`, `has vector 'image'`, `slice 0 of 4` | by themselves |
    ///
    /// Fields are payload keys as ``JSONPath`` has them; names with other characters, and those that are words of the
    /// language, stand between double quotes. `not` before a test (`name not contains 'x'`) is `not` before the
    /// condition. Words of the language may be in capitals.
    /// - Parameters:
    ///   - fields: the fields that there are; nil takes any.
    ///   - id: the point that a text names.
    /// - Throws: `invalidInput` that points at the character and says what is expected there.
    public init(
        parsing text: String, fields: [String]? = nil, id: @escaping (String) -> PointID? = { PointID($0) }
    ) throws(BelfryError) {
        var parser = try FilterParser(text, fields: fields, id: id)
        self = try parser.filter()
    }
}

/// Reads the language of filters, by recursive descent.
struct FilterParser {
    /// What can stand for itself in an `and`.
    typealias Clause = (condition: Condition, isNegative: Bool)

    /// Words that begin something else than a path.
    static let reserved: Set<String> = ["and", "any", "at", "count", "has", "id", "not", "or", "slice", "true"]
    private static let deepest = 256

    let scalars: [Unicode.Scalar]
    let tokens: [FilterToken]
    let fields: [String]?
    let known: [[String]]
    private let id: (String) -> PointID?
    var place = 0
    var depth = 0
    /// The path of the list in whose objects fields lie.
    var outer: [JSONPath.Step] = []

    init(_ text: String, fields: [String]?, id: @escaping (String) -> PointID?) throws(BelfryError) {
        scalars = Array(text.unicodeScalars)
        tokens = try FilterTokens.of(text)
        (self.fields, self.id) = (fields, id)
        known = (fields ?? []).map { field in Self.members((try? JSONPath(field)) ?? JSONPath(member: field)) }
    }

    mutating func filter() throws(BelfryError) -> Filter {
        let filter = try alternatives()
        guard token.kind == .end else { throw expected("“and”, “or” or the end") }
        guard filter.depth <= Filter.deepest else {
            throw mistake("more than \(Filter.deepest) filters stand in one another", at: 0)
        }
        return filter
    }
}

// MARK: and, or, not

extension FilterParser {
    mutating func alternatives() throws(BelfryError) -> Filter {
        depth += 1
        guard depth <= Self.deepest else {
            throw mistake("more than \(Self.deepest) parentheses stand in one another", at: token.range.lowerBound)
        }
        var all = [try both()]
        while take("or") { all.append(try both()) }
        depth -= 1
        return all.count == 1 ? all[0] : Filter(should: all.map { Condition($0) })
    }

    mutating func both() throws(BelfryError) -> Filter {
        var filter = Filter()
        var count = 0
        repeat {
            let (condition, isNegative) = try clause()
            if isNegative { filter.mustNot.append(condition) } else { filter.must.append(condition) }
            count += 1
        } while take("and")
        if count == 1, case .filter(let only) = filter.must.first { return only }
        Self.unfold(&filter)
        return filter
    }

    /// Takes an `or` and an `at least` out of their parentheses, so that a filter that was written down is read as it was,
    /// and not as one that is deeper.
    static func unfold(_ filter: inout Filter) {
        func last(_ isSuch: (Filter) -> Bool) -> (place: Int, inner: Filter)? {
            for (place, condition) in filter.must.enumerated().reversed() {
                if case .filter(let inner) = condition, isSuch(inner) { return (place, inner) }
            }
            return nil
        }
        if let (place, inner) = last({
            $0.must.isEmpty && $0.mustNot.isEmpty && $0.should.isEmpty && $0.minShould != nil
        }) {
            filter.minShould = inner.minShould
            filter.must.remove(at: place)
        }
        if let (place, inner) = last({
            $0.must.isEmpty && $0.mustNot.isEmpty && !$0.should.isEmpty && $0.minShould == nil
        }) {
            filter.should = inner.should
            filter.must.remove(at: place)
        }
    }

    mutating func clause() throws(BelfryError) -> Clause {
        var isNegative = false
        while take("not") { isNegative.toggle() }
        let (condition, isTurned) = try primary()
        return (condition, isNegative != isTurned)
    }

    mutating func primary() throws(BelfryError) -> Clause {
        switch token.kind {
        case .sign("("):
            let inner = try inParentheses()
            if inner.mustNot.count == 1, inner.conditions.count == 1, inner.minShould == nil {
                return (inner.mustNot[0], true)
            }
            return (Condition(inner), false)
        case .number, .text: return (try chain(), false)
        case .word(let word):
            switch word.lowercased() {
            case "true":
                place += 1
                return (.filter(Filter()), false)
            case "at": return (try someOf(), false)
            case "has":
                place += 1
                try need("vector")
                return (.hasVector(try text("a vector's name between single quotes")), false)
            case "slice": return (try slice(), false)
            case "id": return try ids()
            case "any": return (try nested(), false)
            case "count": return try countTest()
            case let word where Self.reserved.contains(word):
                throw expected("a condition", remedy: "A field called \(word) stands between double quotes.")
            default:
                let path = try path()
                return try test(path)
            }
        default: throw expected("a condition")
        }
    }

    mutating func inParentheses() throws(BelfryError) -> Filter {
        try need(sign: "(")
        let filter = try alternatives()
        guard take(sign: ")") else { throw expected("“and”, “or” or “)”") }
        return filter
    }

    mutating func someOf() throws(BelfryError) -> Condition {
        place += 1
        try need("least")
        let count = try whole("how many")
        try need("of")
        let conditions = try list { parser throws(BelfryError) in Condition(try parser.alternatives()) }
        return .filter(Filter(minShould: MinShould(conditions, count: count)))
    }
}

// MARK: conditions on other things than fields

extension FilterParser {
    mutating func slice() throws(BelfryError) -> Condition {
        place += 1
        let start = token.range.lowerBound
        let index = try whole("the number of a slice")
        try need("of")
        let total = try whole("how many slices there are")
        guard let total = UInt32(exactly: total), let index = UInt32(exactly: index),
            let slice = PointSlice(total: total, index: index)
        else { throw mistake("there is no slice \(index) of \(total): they are counted from 0", at: start) }
        return .slice(slice)
    }

    mutating func ids() throws(BelfryError) -> Clause {
        place += 1
        if take(sign: "=") { return (.hasID([try pointID()]), false) }
        if take(sign: "!=") { return (.hasID([try pointID()]), true) }
        let isNegative = take("not")
        guard take("in") else {
            throw expected("“=”, “!=” or “in”", remedy: "A field called id stands between double quotes.")
        }
        return (.hasID(Set(try list { parser throws(BelfryError) in try parser.pointID() })), isNegative)
    }

    mutating func pointID() throws(BelfryError) -> PointID {
        let start = token
        let written: String
        switch start.kind {
        case .number(let digits): written = digits
        case .text(let text): written = text
        default: throw expected("a point's id: a number, or a text between single quotes")
        }
        place += 1
        guard let id = id(written) else {
            throw mistake("\(start.name) is not the id of a point", at: start.range.lowerBound)
        }
        return id
    }

    mutating func nested() throws(BelfryError) -> Condition {
        place += 1
        let path = try path()
        try need("has")
        let (before, start) = (outer, token.range.lowerBound)
        outer += path.steps
        let filter = try inParentheses()
        outer = before
        if let name = filter.asksForPoint {
            throw mistake("the objects of \(path) have no \(name); ask for them outside", at: start)
        }
        return .nested(path, filter)
    }

    mutating func countTest() throws(BelfryError) -> Clause {
        let path = try counted()
        let isNegative = take("not")
        if take("between") {
            let low = try whole("a count")
            try need("and")
            return (.field(path, .count(ValueRange(gte: low, lte: try whole("a count")))), isNegative)
        }
        guard !isNegative else { throw expected("“between”") }
        guard let comparison = takeComparison() else { throw expected("a comparison with a number") }
        let count = try whole("a count")
        return (.field(path, .count(ValueRange(comparison, count))), comparison == "!=")
    }

    mutating func counted() throws(BelfryError) -> JSONPath {
        place += 1
        guard take(sign: "(") else {
            throw expected("“(”", remedy: "A field called count stands between double quotes.")
        }
        let path = try path()
        try need(sign: ")")
        return path
    }
}
