import Files
import Foundation

/// One column: a field of the rows, and what it fills of the model's inputs.
struct FeatureColumn: Sendable {
    enum Kind: Sendable {
        /// One whole number: the row of an embedding table. Where the field is absent, `missing` if there is one.
        case index(FeatureLookup, missing: Int64?)
        /// One number, scaled.
        case number(FeatureScale)
        /// The text itself, for models that look it up on their own.
        case string
        /// An array of numbers of one length: the vector of an image, a vector made elsewhere.
        case vector(length: Int)
        /// 1, or how often, at the places of the elements.
        case multiHot(FeatureElements, FeatureLookup, counts: Bool)
        /// The rows of the elements, padded.
        case list(FeatureElements, FeatureLookup, FeatureList)
        /// Token ids, padded.
        case text(any Tokenizer, FeatureList)
    }

    let field: String
    /// What stands for an absent field.
    let fallback: JSON?
    let kind: Kind
    /// The place of the input in `FeatureSet.inputs`.
    let input: Int
    /// The first component of a row that the column fills.
    let offset: Int
    /// Components of a row of the input; nil where they depend on the rows.
    var width: Int?

    var isRequired: Bool {
        if fallback != nil { return false }
        if case .index(_, .some) = kind { return false }
        return true
    }

    /// Writes what `value` gives for row `row` of the batch.
    /// - Parameter members: the whole row, for the error about a missing field.
    func encode(
        _ value: JSON?, _ members: JSON.Members, row: Int, into batch: FeatureBatch
    ) throws(FeatureProblem) {
        var present = value
        if present == nil || present == .null { present = fallback }
        guard let value = present else {
            if case .index(_, let missing?) = kind {
                return batch.set(missing, input, at: row * (width ?? 1) + offset)
            }
            throw missing(members)
        }
        let place = row * (width ?? 0) + offset
        switch kind {
        case .index(let lookup, let missing):
            guard let found = try lookup.row(value, batch) ?? missing else {
                throw FeatureProblem("The value is unknown.")
            }
            batch.set(found, input, at: place)
        case .number(let scale):
            guard let number = value.number else {
                throw FeatureProblem("The field must be a number, not \(value.kind).")
            }
            batch.set(try scale.apply(number), input, at: place)
        case .string:
            if case .string(let text) = value {
                batch.set(text, input, at: place)
            } else if let number = value.wholeNumber {
                batch.set(String(number), input, at: place)
            } else {
                throw FeatureProblem("The field must be a text, not \(value.kind).")
            }
        case .vector(let length): try write(value, length, place, batch)
        case .multiHot(let elements, let lookup, let counts):
            try elements.rows(of: value, lookup, batch) { found in
                batch.add(input, at: place + Int(found), counts: counts)
                return true
            }
        case .list(let elements, let lookup, let list):
            let begin = batch.flat.count
            let isCut = list.keeps == .first
            try elements.rows(of: value, lookup, batch) { found in
                batch.flat.append(found)
                return !isCut || batch.flat.count - begin < list.length
            }
            try list.endRow(from: begin, batch)
        case .text(let tokenizer, let list):
            guard case .string(let text) = value else {
                throw FeatureProblem("The field must be a text, not \(value.kind).")
            }
            let begin = batch.flat.count
            batch.tokens.removeAll(keepingCapacity: true)
            guard tokenizer.encode(text, limit: list.length, into: &batch.tokens) else {
                throw FeatureProblem(Tokenizers.tooLongToCut, remedy: Tokenizers.tooLongToCutRemedy)
            }
            for token in batch.tokens { batch.flat.append(Int64(token)) }
            try list.endRow(from: begin, batch)
        }
    }

    /// After the last row: lists are padded to the longest of them.
    func finish(_ batch: FeatureBatch) {
        switch kind {
        case .list(_, _, let list), .text(_, let list): list.write(batch, input)
        default: break
        }
    }

    private func write(_ value: JSON, _ length: Int, _ place: Int, _ batch: FeatureBatch) throws(FeatureProblem) {
        guard case .array(let numbers) = value else {
            throw FeatureProblem("The field must be an array of \(length) numbers, not \(value.kind).")
        }
        guard numbers.count == length else {
            throw FeatureProblem("The field must have \(length) numbers; it has \(numbers.count).")
        }
        for (index, element) in numbers.enumerated() {
            guard let number = element.number else {
                throw FeatureProblem("Element \(index): The value must be a number, not \(element.kind).")
            }
            guard Float(number).isFinite else {
                throw FeatureProblem("Element \(index): The number \(number) is beyond the range of f32.")
            }
            batch.set(Float(number), input, at: place + index)
        }
    }

    private func missing(_ members: JSON.Members) -> FeatureProblem {
        let names = members.names.prefix(12).joined(separator: ", ")
        if members[field] != nil { return FeatureProblem("The field is null, and nothing stands for it.") }
        return FeatureProblem(
            "The field is missing.",
            remedy: members.isEmpty ? "The row has no field that the tower reads." : "The row has: \(names).")
    }
}

extension FeatureColumn.Kind {
    /// What the field must be.
    var fieldType: FieldType {
        switch self {
        case .index(let lookup, _): lookup.valueType
        case .number: .number
        case .string: .text
        case .vector(let length): .numbers(count: length)
        case .multiHot(let elements, let lookup, _), .list(let elements, let lookup, _): elements.fieldType(lookup)
        case .text: .text
        }
    }

    /// The most components of a row that the column fills.
    var largestWidth: Int {
        switch self {
        case .index, .number, .string: 1
        case .vector(let length): length
        case .multiHot(_, let lookup, _): lookup.rows
        case .list(_, _, let list), .text(_, let list): list.fixedWidth ?? list.length
        }
    }

    /// Inputs of the same width that go with the column's own.
    var companions: Int {
        switch self {
        case .list(_, _, let list), .text(_, let list): list.companions.count
        default: 0
        }
    }
}

/// How a number is brought into the range that a model was trained with.
struct FeatureScale: Hashable, Sendable {
    enum Logarithm: String, Hashable, Sendable, CaseIterable {
        /// ln x, for x > 0.
        case log
        /// ln (1 + x), for x > -1.
        case log1p
    }

    /// Taken first.
    var logarithm: Logarithm?
    /// Then (x - subtracted) / divisor: mean and standard deviation, or least value and range.
    var subtracted = 0.0
    var divisor = 1.0

    /// The scaled number, computed in f64.
    func apply(_ number: Double) throws(FeatureProblem) -> Float {
        var number = number
        switch logarithm {
        case nil: break
        case .log:
            guard number > 0 else { throw FeatureProblem("The number \(number) has no logarithm.") }
            number = Foundation.log(number)
        case .log1p:
            guard number > -1 else { throw FeatureProblem("The number \(number) is not above -1: no logarithm.") }
            number = Foundation.log1p(number)
        }
        let scaled = Float((number - subtracted) / divisor)
        guard scaled.isFinite else { throw FeatureProblem("The number becomes \(scaled) when it is scaled.") }
        return scaled
    }
}
