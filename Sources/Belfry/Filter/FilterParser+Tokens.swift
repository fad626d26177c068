import Files

extension FilterParser {
    var token: FilterToken { tokens[place] }

    mutating func take(_ word: String) -> Bool {
        guard case .word(let found) = token.kind, found.utf8.count == word.utf8.count, found.lowercased() == word
        else { return false }
        place += 1
        return true
    }

    mutating func take(sign: String) -> Bool {
        guard token.kind == .sign(sign) else { return false }
        place += 1
        return true
    }

    mutating func takeComparison() -> String? {
        guard case .sign(let sign) = token.kind, "=!<>".contains(sign.prefix(1)) else { return nil }
        place += 1
        return sign
    }

    mutating func need(_ word: String) throws(BelfryError) {
        guard take(word) else { throw expected("“\(word)”") }
    }

    mutating func need(sign: String) throws(BelfryError) {
        guard take(sign: sign) else { throw expected("“\(sign)”") }
    }

    mutating func text(_ what: String = "a text between single quotes") throws(BelfryError) -> String {
        guard case .text(let text) = token.kind else {
            if case .word(let word) = token.kind, word.hasPrefix("\"") {
                throw expected(
                    what, remedy: "Double quotes stand around fields; write '\(word.filter { $0 != "\"" })'.")
            }
            throw expected(what)
        }
        place += 1
        return text
    }

    mutating func number(_ what: String) throws(BelfryError) -> Double {
        guard case .number(let digits) = token.kind, let number = Double(digits) else { throw expected(what) }
        place += 1
        return number
    }

    mutating func whole(_ what: String) throws(BelfryError) -> Int {
        guard case .number(let digits) = token.kind, case .integer(let number) = WholeNumber(digits)?.json,
            number >= 0
        else { throw expected("\(what): a whole number that is not below 0") }
        place += 1
        return Int(number)
    }

    mutating func list<Element>(
        _ element: (inout FilterParser) throws(BelfryError) -> Element
    ) throws(BelfryError) -> [Element] {
        try need(sign: "(")
        var elements: [Element] = []
        if take(sign: ")") { return elements }
        repeat { elements.append(try element(&self)) } while take(sign: ",")
        guard take(sign: ")") else { throw expected("“,” or “)”") }
        return elements
    }

    mutating func path() throws(BelfryError) -> JSONPath {
        let start = token
        guard case .word(let text) = start.kind else { throw expected("a field") }
        let path: JSONPath
        do throws(BelfryError) {
            path = try JSONPath(text)
        } catch {
            throw BelfryError.filter(
                "\(text) is no field (\(error.message))", at: start.range.lowerBound, in: scalars)
        }
        if let fields, !isKnown(JSONPath(steps: outer + path.steps)) {
            let full = JSONPath(steps: outer + path.steps).description
            let near = Spelling.near(full, among: fields)
            throw mistake(
                "there is no field \(full)", at: start.range.lowerBound,
                remedy: near.isEmpty
                    ? "The fields are: \(fields.sorted().prefix(20).joined(separator: ", "))\(fields.count > 20 ? ", …" : "")."
                    : "Did you mean \(near.joined(separator: " or "))?")
        }
        place += 1
        return path
    }

    /// Whether a path leads to a field, to something in one, or to an object that has one.
    func isKnown(_ path: JSONPath) -> Bool {
        let names = Self.members(path)
        return known.contains { field in zip(names, field).allSatisfy { $0.hasSameBytes(as: $1) } }
    }

    static func members(_ path: JSONPath) -> [String] {
        path.steps.compactMap { if case .member(let name) = $0 { name } else { nil } }
    }

    func expected(_ what: String, before: Int = 0, remedy: String? = nil) -> BelfryError {
        let found = tokens[place - before]
        return mistake("\(what) is expected, and \(found.name) found", at: found.range.lowerBound, remedy: remedy)
    }

    func mistake(_ reason: String, at place: Int, remedy: String? = nil) -> BelfryError {
        .filter(reason, at: place, in: scalars, remedy: remedy)
    }
}
