import Files

extension FilterParser {
    mutating func test(_ path: JSONPath) throws(BelfryError) -> Clause {
        var isNegative = false
        while take("not") { isNegative.toggle() }
        if let comparison = takeComparison() {
            guard comparison == "=" || comparison == "!=" else {
                return (.field(path, try Self.compare(comparison, with: &self)), isNegative)
            }
            return (.field(path, try equal()), isNegative != (comparison == "!="))
        }
        if take("is") {
            if take("not") { isNegative.toggle() }
            if take("null") { return (.isNull(path), isNegative) }
            if take("empty") || take("missing") { return (.isEmpty(path), isNegative) }
            if take("number") { return (.field(path, .range(ValueRange())), isNegative) }
            if take("time") { return (.field(path, .times(ValueRange())), isNegative) }
            throw expected("“null”, “empty”, “missing”, “number” or “time”")
        }
        if take("exists") { return (.isEmpty(path), !isNegative) }
        return (.field(path, try wordyTest()), isNegative)
    }

    mutating func wordyTest() throws(BelfryError) -> FieldTest {
        if take("in") { return .any(try values()) }
        if take("other") {
            try need("than")
            return .except(try values())
        }
        if take("between") { return try between() }
        if take("contains") { return .substring(UTF8Key(try text())) }
        if take("starts") {
            try need("with")
            return .prefix(UTF8Key(try text()))
        }
        if take("matches") {
            if take("any") { return .textAny(WordQuery(try text())) }
            if take("phrase") { return .phrase(WordQuery(try text())) }
            return .text(WordQuery(try text()))
        }
        if take("near") { return try near() }
        if take("within") {
            if take("box") { return try box() }
            if take("polygon") { return try polygon() }
            throw expected("“box” or “polygon”")
        }
        throw expected(
            "a comparison, or one of: between, contains, exists, in, is, matches, near, not, other than, starts with, within"
        )
    }

    mutating func equal() throws(BelfryError) -> FieldTest {
        let start = token
        if case .number(let digits) = start.kind {
            place += 1
            if let whole = WholeNumber(digits)?.json {
                guard case .integer(let number) = whole else {
                    throw mistake("\(digits) does not fit 64 bits with a sign", at: start.range.lowerBound)
                }
                return .match(.integer(number))
            }
            let value = Double(digits) ?? 0
            return .range(ValueRange(gte: value, lte: value))
        }
        if take("true") { return .match(.bool(true)) }
        if take("false") { return .match(.bool(false)) }
        return .match(
            .string(UTF8Key(try text("a value: a number, true, false, or a text between single quotes"))))
    }

    mutating func values() throws(BelfryError) -> MatchValues {
        if case .sign("(") = token.kind, case .number = tokens[min(place + 1, tokens.count - 1)].kind {
            return .integers(
                Set(
                    try list { parser throws(BelfryError) in
                        let start = parser.token
                        guard case .number(let digits) = start.kind,
                            case .integer(let number) = WholeNumber(digits)?.json
                        else { throw parser.expected("a whole number, as the others") }
                        parser.place += 1
                        return number
                    }))
        }
        return .strings(
            Set(
                try list { parser throws(BelfryError) in
                    UTF8Key(try parser.text("a text between single quotes, or whole numbers alone"))
                }))
    }

    mutating func between() throws(BelfryError) -> FieldTest {
        switch try bound() {
        case .number(let low):
            try need("and")
            return .range(ValueRange(gte: low, lte: try number("a number")))
        case .time(let low):
            try need("and")
            guard case .time(let high) = try bound() else { throw expected("a time", before: 1) }
            return .times(ValueRange(gte: low, lte: high))
        }
    }

    static func compare(_ sign: String, with parser: inout FilterParser) throws(BelfryError) -> FieldTest {
        switch try parser.bound() {
        case .number(let value): .range(ValueRange(sign, value))
        case .time(let value): .times(ValueRange(sign, value))
        }
    }

    /// `3 < price`, `3 < price <= 5`, `1 < count(tags)`: a range that one value has to lie in.
    mutating func chain() throws(BelfryError) -> Condition {
        let first = token
        let low = try bound()
        guard let sign = takeComparison(), sign.hasPrefix("<") || sign.hasPrefix(">") else {
            throw expected("“<”, “<=”, “>” or “>=” behind a value")
        }
        var isCount = false
        if case .word(let word) = token.kind { isCount = word.lowercased() == "count" }
        let path = isCount ? try counted() : try path()
        var second: (sign: String, bound: Bound, token: FilterToken)?
        if case .sign(let next) = token.kind, next.first == sign.first {
            place += 1
            let token = token
            second = (next, try bound(), token)
        }
        func turned(_ sign: String) -> String { (sign.first == "<" ? ">" : "<") + sign.dropFirst() }
        switch (low, second?.bound) {
        case (.number(let low), .number(let high)) where isCount:
            let (low, high) = (try count(low, first), try count(high, second?.token ?? first))
            return .field(path, .count(ValueRange(turned(sign), low).with(ValueRange(second?.sign ?? "", high))))
        case (.number(let low), nil) where isCount:
            return .field(path, .count(ValueRange(turned(sign), try count(low, first))))
        case (.number(let low), .number(let high)):
            return .field(path, .range(ValueRange(turned(sign), low).with(ValueRange(second?.sign ?? "", high))))
        case (.number(let low), nil): return .field(path, .range(ValueRange(turned(sign), low)))
        case (.time(let low), .time(let high)) where !isCount:
            return .field(path, .times(ValueRange(turned(sign), low).with(ValueRange(second?.sign ?? "", high))))
        case (.time(let low), nil) where !isCount: return .field(path, .times(ValueRange(turned(sign), low)))
        default: throw mistake("both ends of a range are numbers, or both are times", at: first.range.lowerBound)
        }
    }

    enum Bound {
        case number(Double)
        case time(Timestamp)
    }

    mutating func bound() throws(BelfryError) -> Bound {
        let start = token
        guard case .text(let text) = start.kind else {
            return .number(try number("a number, or a time between single quotes"))
        }
        place += 1
        guard let time = Timestamp(text) else {
            throw mistake(
                "\(start.name) is no time", at: start.range.lowerBound,
                remedy: "Write it like '2026-01-31' or '2026-01-31T12:30:00Z'.")
        }
        return .time(time)
    }

    func count(_ value: Double, _ token: FilterToken) throws(BelfryError) -> Int {
        guard let count = Int(exactly: value), count >= 0 else {
            throw mistake("\(token.name) is no count", at: token.range.lowerBound)
        }
        return count
    }
}

// MARK: places

extension FilterParser {
    mutating func near() throws(BelfryError) -> FieldTest {
        try need(sign: "(")
        let center = try latitudeAndLongitude()
        try need(sign: ",")
        let meters = try number("meters")
        try need(sign: ")")
        return .radius(GeoRadius(center: center, meters: meters))
    }

    mutating func box() throws(BelfryError) -> FieldTest {
        try need(sign: "(")
        let topLeft = try latitudeAndLongitude()
        try need(sign: ",")
        let bottomRight = try latitudeAndLongitude()
        try need(sign: ")")
        return .box(GeoBox(topLeft: topLeft, bottomRight: bottomRight))
    }

    mutating func polygon() throws(BelfryError) -> FieldTest {
        let start = token.range.lowerBound
        let exterior = try ring()
        var interiors: [[GeoPoint]] = []
        while take("without") { interiors.append(try ring()) }
        guard let polygon = GeoPolygon(exterior: exterior, interiors: interiors) else {
            throw mistake("a polygon has at least three corners", at: start)
        }
        return .polygon(polygon)
    }

    /// Corners; the first one need not be said again at the end.
    mutating func ring() throws(BelfryError) -> [GeoPoint] {
        var corners = try list { parser throws(BelfryError) in
            try parser.need(sign: "(")
            let corner = try parser.latitudeAndLongitude()
            try parser.need(sign: ")")
            return corner
        }
        if let first = corners.first, corners.last != first || corners.count == 1 { corners.append(first) }
        return corners
    }

    mutating func latitudeAndLongitude() throws(BelfryError) -> GeoPoint {
        let start = token.range.lowerBound
        let latitude = try number("a latitude")
        try need(sign: ",")
        let longitude = try number("a longitude")
        guard let point = GeoPoint(latitude: latitude, longitude: longitude) else {
            throw mistake("a latitude lies within ±90 degrees, a longitude within ±180", at: start)
        }
        return point
    }
}

extension ValueRange {
    /// The values for which `value sign bound` holds; for `!=` those for which it does not.
    init(_ sign: String, _ bound: Value) {
        switch sign {
        case "<": self.init(lt: bound)
        case "<=": self.init(lte: bound)
        case ">": self.init(gt: bound)
        case ">=": self.init(gte: bound)
        default: self.init(gte: bound, lte: bound)
        }
    }

    /// The lower end of one range and the upper end of another, whichever has which.
    func with(_ other: ValueRange) -> ValueRange {
        ValueRange(lower: lower ?? other.lower, upper: upper ?? other.upper)
    }
}
