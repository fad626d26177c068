import Files

/// A word, value or sign of the filter language.
struct FilterToken {
    enum Kind: Equatable {
        /// A name or path, or a word of the language, as it was written.
        case word(String)
        /// A text, without its quotation marks.
        case text(String)
        /// A number as it was written.
        case number(String)
        /// `(`, `)`, `,` or a comparison.
        case sign(String)
        case end
    }

    var kind: Kind
    /// The characters of the filter's text (Unicode scalars) that it is.
    var range: Range<Int>

    /// How an error names it.
    var name: String {
        switch kind {
        case .word(let word): word
        case .text(let text): "'\(text.count > 20 ? text.prefix(20) + "…" : text)'"
        case .number(let digits): digits
        case .sign(let sign): "“\(sign)”"
        case .end: "the end"
        }
    }
}

/// The text of a filter, cut into tokens.
struct FilterTokens {
    private let scalars: [Unicode.Scalar]
    private var place = 0

    private init(_ text: String) { scalars = Array(text.unicodeScalars) }

    /// The tokens of `text`, the last of which is its end.
    static func of(_ text: String) throws(BelfryError) -> [FilterToken] {
        var reader = FilterTokens(text)
        var tokens: [FilterToken] = []
        while true {
            tokens.append(try reader.token())
            if tokens[tokens.count - 1].kind == .end { return tokens }
        }
    }

    private var next: Unicode.Scalar? { place < scalars.count ? scalars[place] : nil }

    private mutating func token() throws(BelfryError) -> FilterToken {
        while let next, next.properties.isWhitespace { place += 1 }
        let start = place
        guard let first = next else { return FilterToken(kind: .end, range: start..<start) }
        let kind: FilterToken.Kind
        switch first {
        case "'": kind = .text(try text())
        case "(", ")", ",":
            place += 1
            kind = .sign(String(first))
        case "=", "!", "<", ">": kind = .sign(try comparison())
        case "0"..."9", "-", "+": kind = try number()
        case _ where first == "\"" || Self.isName(first): kind = .word(try path())
        default: throw mistake("the character “\(first)” means nothing here", at: start)
        }
        return FilterToken(kind: kind, range: start..<place)
    }

    /// Whether a character can stand in a name without quotation marks.
    static func isName(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-", "$", "@", ":", "/": true
        default: !scalar.isASCII && !scalar.properties.isWhitespace
        }
    }

    private mutating func text() throws(BelfryError) -> String {
        let start = place
        var text = String.UnicodeScalarView()
        place += 1
        while let scalar = next {
            place += 1
            if scalar == "'" {
                guard next == "'" else { return String(text) }
                place += 1
            }
            text.append(scalar)
        }
        throw mistake("the text that begins here has no second quotation mark", at: start)
    }

    private mutating func comparison() throws(BelfryError) -> String {
        let start = place
        let first = scalars[place]
        place += 1
        switch (first, next) {
        case ("=", "="):
            place += 1
            return "="
        case ("<", ">"), ("!", "="):
            place += 1
            return "!="
        case ("<", "="), (">", "="):
            place += 1
            return "\(first)="
        case ("!", _): throw mistake("“!” is followed by “=”, or written “not”", at: start)
        default: return String(first)
        }
    }

    private mutating func number() throws(BelfryError) -> FilterToken.Kind {
        let start = place
        if next == "-" || next == "+" { place += 1 }
        let digits = place
        while let scalar = next, ("0"..."9").contains(scalar) || scalar == "." { place += 1 }
        if place > digits, next == "e" || next == "E" {
            place += 1
            if next == "-" || next == "+" { place += 1 }
            while let scalar = next, ("0"..."9").contains(scalar) { place += 1 }
        }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[start..<place])
        let text = String(view)
        guard let value = Double(text), value.isFinite, next.map({ !Self.isName($0) && $0 != "\"" }) ?? true else {
            throw mistake("this is no number; a name that begins so stands between double quotes", at: start)
        }
        return .number(text)
    }

    /// A path: names with dots and brackets, names with other characters between quotation marks.
    private mutating func path() throws(BelfryError) -> String {
        let start = place
        while let scalar = next {
            if scalar == "\"" {
                let quotation = place
                place += 1
                while let inner = next, inner != "\"" { place += inner == "\\" ? 2 : 1 }
                guard place < scalars.count else {
                    throw mistake("the name that begins here has no second quotation mark", at: quotation)
                }
                place += 1
            } else if Self.isName(scalar) || scalar == "." || scalar == "[" || scalar == "]" {
                place += 1
            } else {
                break
            }
        }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[start..<place])
        return String(view)
    }

    private func mistake(_ reason: String, at place: Int) -> BelfryError {
        .filter(reason, at: place, in: scalars)
    }
}

extension BelfryError {
    /// What is wrong with a filter's text, with the line and a caret under the character.
    static func filter(
        _ reason: String, at place: Int, in scalars: [Unicode.Scalar], remedy: String? = nil
    ) -> BelfryError {
        let place = min(place, scalars.count)
        let start = (scalars[..<place].lastIndex { $0 == "\n" } ?? -1) + 1
        let end = scalars[place...].firstIndex { $0 == "\n" } ?? scalars.count
        // A long line is cut around the place.
        let (first, last) = (max(start, place - 60), min(end, place + 20))
        var line = String.UnicodeScalarView()
        line.append(contentsOf: scalars[first..<last])
        let (before, after) = (first > start ? "…" : "", last < end ? "…" : "")
        var lead = String.UnicodeScalarView()
        lead.append(contentsOf: scalars[first..<place])
        let caret = String(repeating: " ", count: before.count + String(lead).count) + "^"
        return BelfryError(
            .invalidInput,
            "The filter cannot be read: \(reason), at character \(place + 1).\n  \(before)\(String(line))\(after)\n  \(caret)",
            remedy: remedy)
    }
}
