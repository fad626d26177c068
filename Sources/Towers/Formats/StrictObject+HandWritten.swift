import Files

/// For settings that people write by hand: nothing in them may be overlooked.
extension StrictObject {
    /// Refuses members that nobody reads: a misspelled one would count as absent.
    func allow(_ names: [String]) throws(BelfryError) {
        for (name, _) in members where !names.contains(where: { $0.utf8.elementsEqual(name) }) {
            let name = String(decoding: name, as: UTF8.self)
            throw failure(
                name, "“\(name)” has no meaning here.", remedy: "Known members: \(names.joined(separator: ", ")).")
        }
    }

    func failure(_ member: String?, _ message: String, remedy: String? = nil) -> BelfryError {
        BelfryError(
            .invalidInput, message, at: member.map(location) ?? .init(file: file, place: place), remedy: remedy)
    }

    /// The value, which must be there.
    func needed<Value>(_ name: String, _ value: Value?) throws(BelfryError) -> Value {
        guard let value else { throw failure(name, "“\(name)” is missing.") }
        return value
    }

    /// A whole number within limits.
    func count(_ name: String, _ limits: ClosedRange<Int>) throws(BelfryError) -> Int? {
        guard let count = try integer(name) else { return nil }
        guard limits.contains(count) else {
            throw failure(name, "“\(name)” must be \(limits.lowerBound) to \(limits.upperBound); it is \(count).")
        }
        return count
    }

    /// One of a few words.
    func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, _ type: Choice.Type
    ) throws(BelfryError) -> Choice? where Choice.RawValue == String {
        guard let text = try string(name) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw failure(name, "“\(name)” must be one of \(words); it is “\(text)”.")
        }
        return choice
    }
}
