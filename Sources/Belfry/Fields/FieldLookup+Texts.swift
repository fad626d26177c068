import Files
import Vectors

/// Times, UUIDs, texts and words.
extension FieldLookup {
    func datetime(_ test: FieldTest) throws(BelfryError) -> FieldAnswer {
        switch test {
        case .times(let range):
            return FieldAnswer(
                exactly: try slots(
                    Int64.self, below: { range.isBelow(Timestamp(microseconds: $0)) },
                    above: { range.isAbove(Timestamp(microseconds: $0)) }))
        default: return try test.passesTexts ? anything() : test.passesAllTexts ? orOthers(try typed()) : onlyOthers()
        }
    }

    func uuid(_ test: FieldTest) throws(BelfryError) -> FieldAnswer {
        switch test {
        case .match(.string(let text)):
            guard let key = UUIDKey(text.text) else { return try onlyOthers() }
            return FieldAnswer(exactly: try slots(CollectionOfOne(key)))
        case .any(.strings(let texts)): return try orOthers(try slots(texts.lazy.compactMap { UUIDKey($0.text) }))
        case .except(.strings(let texts)):
            let unwanted = texts.compactMap { UUIDKey($0.text) }.sorted()
            return try orOthers(try slots(UUIDKey.self) { !unwanted.hasSorted($0) })
        default: return try test.passesTexts ? anything() : test.passesAllTexts ? orOthers(try typed()) : onlyOthers()
        }
    }

    func keyword(_ test: FieldTest) throws(BelfryError) -> FieldAnswer {
        let dictionary = try FieldDictionary(sections)
        var set = nothing
        switch test {
        case .match(.string(let text)):
            if let place = try dictionary.place(of: text) { try insert(dictionary.slots(place), into: &set) }
        case .any(.strings(let texts)):
            for text in texts {
                if let place = try dictionary.place(of: text) { try insert(dictionary.slots(place), into: &set) }
            }
        case .except(.strings(let texts)):
            var start = 0
            for text in texts.sorted() {
                guard let place = try dictionary.place(of: text) else { continue }
                try insert(dictionary.slots(start..<place), into: &set)
                start = place + 1
            }
            try insert(dictionary.slots(start..<dictionary.count), into: &set)
            set = set.union(try others())
        case .prefix(let text): try insert(dictionary.slots(try dictionary.places(prefix: text)), into: &set)
        case .substring, .textAny, .phrase, .times:
            for place in 0..<dictionary.count where test.accepts(.string(try dictionary.text(place))) {
                try insert(dictionary.slots(place), into: &set)
            }
        // Words may be spread over the texts of a slot.
        case .text(let query): return query.words.isEmpty ? FieldAnswer(exactly: set) : .unknown(among: try typed())
        default: return try test.passesAllTexts ? orOthers(try typed()) : onlyOthers()
        }
        return FieldAnswer(exactly: set)
    }

    func text(_ test: FieldTest) throws(BelfryError) -> FieldAnswer {
        switch test {
        case .text(let query): return FieldAnswer(exactly: try having(all: query.words))
        case .phrase(let query): return .unknown(among: try having(all: query.words))
        case .textAny(let query):
            let dictionary = try FieldDictionary(sections)
            var set = nothing
            for word in query.words {
                if let place = try dictionary.place(of: word) { try insert(dictionary.slots(place), into: &set) }
            }
            return FieldAnswer(exactly: set)
        case .match(.string(let text)):
            let words = WordQuery.words(of: text.text)
            return .unknown(among: words.isEmpty ? try typed() : try having(all: words))
        default: return try test.passesTexts ? anything() : test.passesAllTexts ? orOthers(try typed()) : onlyOthers()
        }
    }

    private func having(all words: [UTF8Key]) throws(BelfryError) -> RowSet {
        let dictionary = try FieldDictionary(sections)
        var common: RowSet?
        for word in words {
            var set = nothing
            if let place = try dictionary.place(of: word) { try insert(dictionary.slots(place), into: &set) }
            common = common.map { $0.intersection(set) } ?? set
        }
        return common ?? nothing
    }
}

extension FieldTest {
    /// Whether some texts pass, and others do not.
    fileprivate var passesTexts: Bool {
        switch self {
        case .match(.string), .any(.strings), .except(.strings), .text, .textAny, .phrase, .prefix, .substring, .times:
            true
        default: false
        }
    }

    /// Whether every text passes.
    fileprivate var passesAllTexts: Bool { if case .except(.integers) = self { true } else { false } }
}

extension [UUIDKey] {
    /// Whether one of the keys, which are in order, is `key`.
    fileprivate func hasSorted(_ key: UUIDKey) -> Bool {
        withUnsafeBufferPointer { !$0.places(below: { $0 < key }, above: { $0 > key }).isEmpty }
    }
}
