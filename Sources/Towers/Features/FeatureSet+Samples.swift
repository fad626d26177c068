import Files
import Foundation

extension FeatureSet {
    /// Made-up rows that the columns can encode, the same every time: canaries for a tower that nobody gave any.
    ///
    /// Values come from the columns themselves: entries of vocabularies, numbers around the mean and the boundaries.
    func samples() -> [JSON] {
        // A row of large vectors is long as text, and the manifest holds it.
        let count = bytesPerRow > 1 << 16 ? 2 : 12
        var rows: [JSON] = []
        let batch = FeatureBatch()
        for number in 0..<count {
            var members = JSON.Members()
            // A field that several columns read gets what the choosiest of them takes.
            for column in columns.sorted(by: { $0.kind.choosiness < $1.kind.choosiness }) {
                members[column.field] = column.kind.sample(number)
            }
            // The last row shows what stands for the fields that may be absent.
            if number == count - 1 { for column in columns where !column.isRequired { members[column.field] = nil } }
            let row = JSON.object(members)
            if (try? encode([row], into: batch)) != nil { rows.append(row) }
        }
        return rows
    }

    /// Groups of different rows whose texts and lists are equally long; none without texts and lists.
    func evenSamples() -> [[JSON]] {
        let (lists, batch) = (listInputs, FeatureBatch())
        guard !lists.isEmpty else { return [] }
        return [2, 6].compactMap { length -> [JSON]? in
            var groups: [[Int]: [JSON]] = [:]
            for number in 0..<8 {
                var members = JSON.Members()
                for column in columns.sorted(by: { $0.kind.choosiness < $1.kind.choosiness }) {
                    members[column.field] = column.kind.sample(number, length: length)
                }
                guard (try? encode([.object(members)], into: batch)) != nil else { continue }
                groups[lists.map { batch.elements(of: $0, row: 0).count }, default: []].append(.object(members))
            }
            return groups.values.max { $0.count < $1.count }.flatMap { $0.count > 1 ? $0 : nil }
        }
    }
}

extension FeatureColumn.Kind {
    /// How few of the values of a type the column takes.
    fileprivate var choosiness: Int {
        switch self {
        case .text, .string: 0
        case .list(.ngrams, _, _), .multiHot(.ngrams, _, _): 1
        case .number: 2
        case .index, .list, .multiHot: 3
        case .vector: 4
        }
    }

    /// Value `number` of the field.
    fileprivate func sample(_ number: Int) -> JSON {
        switch self {
        case .index(let lookup, _): return lookup.sample(number, isList: false)
        case .number(let scale):
            let step = scale.divisor * (Double(number) - 5.5) / 4
            return .number(scale.logarithm == nil ? scale.subtracted + step : abs(step) + 1)
        case .string, .text: return .string(SampleTexts.all[number])
        case .vector(let length):
            return .array((0..<length).map { .number(Double(($0 * 37 + number * 101) % 61 - 30) / 16) })
        case .multiHot(.ngrams, _, _), .list(.ngrams, _, _): return .string(SampleTexts.all[number])
        case .multiHot(_, let lookup, _):
            return .array((0..<number).map { lookup.sample($0 + number, isList: true) })
        case .list(_, let lookup, let list):
            let length = min(max(list.minimum, number * number), list.length + 2)
            return .array((0..<length).map { lookup.sample($0 * 5 + number, isList: true) })
        }
    }
}

extension FeatureColumn.Kind {
    /// Value `number` of the field, of `length` elements or words.
    fileprivate func sample(_ number: Int, length: Int) -> JSON {
        switch self {
        // A digit is a token in nearly every vocabulary.
        case .text: .string((0..<length).map { "\(($0 * (number + 1) + number) % 10)" }.joined(separator: " "))
        case .list(.array, let lookup, let list), .list(.separated, let lookup, let list):
            .array(
                (0..<min(max(length, list.minimum), list.length)).map {
                    lookup.sample($0 * 5 + number * 3, isList: true)
                })
        default: sample(number)
        }
    }
}

extension FeatureLookup {
    fileprivate func sample(_ number: Int, isList: Bool) -> JSON {
        switch keys {
        case .vocabulary(let vocabulary):
            if unknown != .refused, number % 5 == 4 { return .string("not in the vocabulary, \(number)") }
            let value = vocabulary.value[number * 7_919 % vocabulary.value.count]
            return .string(String(decoding: value, as: UTF8.self))
        case .hash: return .string("value \(number)")
        case .boundaries(let boundaries):
            return .number(boundaries[number % boundaries.count] - (number % 2 == 0 ? 0.5 : 0))
        // A configuration that was made up from a graph does not know how many rows there are.
        case .rows(let count):
            return .integer(Int64(count >= FeatureSet.maxRows ? number % 2 : number * 7_919 % count))
        }
    }
}
