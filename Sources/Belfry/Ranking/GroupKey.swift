import Files

/// A value that points are grouped by: a text or a whole number.
enum GroupKey: Hashable {
    case string(UTF8Key)
    case integer(Int64)
    case unsigned(UInt64)

    init?(_ value: JSON) {
        switch value {
        case .string(let text): self = .string(UTF8Key(text))
        case .integer(let number): self = .integer(number)
        case .unsigned(let number): self = .unsigned(number)
        default: return nil
        }
    }

    /// The value.
    var json: JSON {
        switch self {
        case .string(let text): .string(text.text)
        case .integer(let number): .integer(number)
        case .unsigned(let number): .unsigned(number)
        }
    }

    /// The different values of a field that are keys, in their order, and whether all of its values are.
    static func all(_ key: JSONPath, of payload: JSON) -> (keys: [GroupKey], areAll: Bool) {
        var (keys, seen, areAll): ([GroupKey], Set<GroupKey>, Bool) = ([], [], true)
        key.first(in: payload) { value in
            value.firstValue {
                if let key = GroupKey($0) {
                    if seen.insert(key).inserted { keys.append(key) }
                } else {
                    areAll = false
                }
                return false
            }
        }
        return (keys, areAll)
    }
}

extension Sequence<GroupKey> {
    /// The values for conditions of a filter: texts, and whole numbers of 64 signed bits; nil where one is neither.
    var matchValues: [MatchValues]? {
        var (texts, numbers): (Set<UTF8Key>, Set<Int64>) = ([], [])
        for key in self {
            switch key {
            case .string(let text): texts.insert(text)
            case .integer(let number): numbers.insert(number)
            case .unsigned: return nil
            }
        }
        return (texts.isEmpty ? [] : [.strings(texts)]) + (numbers.isEmpty ? [] : [.integers(numbers)])
    }
}
