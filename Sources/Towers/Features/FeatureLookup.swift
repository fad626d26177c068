import Files

/// From one value to one row of an embedding table (or one place of a multi-hot vector).
///
///     vocabulary   first_row + the value's place             unknown values: see `Unknown`
///     hash         first_row + hash(value) mod buckets       every value has a bucket
///     boundaries   first_row + how many boundaries are ≤ x   x below the first: first_row
///     rows         first_row + the whole number itself       outside of 0 ..< rows: unknown
struct FeatureLookup: Sendable {
    enum Keys: Sendable {
        case vocabulary(Shared<FeatureVocabulary>)
        case hash(FeatureHash, buckets: Int)
        case boundaries([Double])
        case rows(Int)
    }

    /// What becomes of a value that the vocabulary does not have.
    enum Unknown: Hashable, Sendable {
        /// An error.
        case refused
        /// It is left out of its list.
        case skipped
        /// `first` + FNV-1a-64(value) mod `count`: the rows that the model was trained with for such values.
        case rows(first: Int, count: Int)
    }

    var keys: Keys
    var firstRow: Int
    var unknown: Unknown
    /// How the text of a value is changed before it is looked up.
    var lowercases = false
    /// How many Unicode scalars are kept of it, from its start.
    var prefix: Int?

    /// Rows that the lookup can give: 0 ..< this.
    var rows: Int {
        let own =
            switch keys {
            case .vocabulary(let vocabulary): vocabulary.value.count
            case .hash(_, let buckets): buckets
            case .boundaries(let boundaries): boundaries.count + 1
            case .rows(let count): count
            }
        guard case .rows(let first, let count) = unknown else { return firstRow + own }
        return max(firstRow + own, first + count)
    }

    /// Whether values are numbers and never texts.
    var wantsNumbers: Bool { if case .boundaries = keys { true } else { false } }

    /// What a value must be.
    var valueType: FieldType {
        switch keys {
        case .vocabulary, .hash: .textOrWholeNumber
        case .boundaries: .number
        case .rows: .wholeNumber
        }
    }

    /// The row of a value; nil if it is to be left out.
    func row(_ value: JSON, _ batch: FeatureBatch) throws(FeatureProblem) -> Int64? {
        switch keys {
        case .boundaries(let boundaries):
            guard let number = value.number else { throw wrongType(value) }
            return Int64(firstRow + Self.bucket(of: number, boundaries))
        case .rows(let count):
            batch.key.removeAll(keepingCapacity: true)
            if let number = value.wholeNumber {
                if (0..<Int64(count)).contains(number) { return Int64(firstRow) + number }
                batch.key.appendDecimal(number)
            } else if case .unsigned(let number) = value {
                batch.key.append(contentsOf: String(number).utf8)
            } else {
                throw wrongType(value)
            }
        case .vocabulary, .hash:
            batch.key.removeAll(keepingCapacity: true)
            if let number = value.wholeNumber {
                batch.key.appendDecimal(number)
            } else if case .unsigned(let number) = value {
                batch.key.append(contentsOf: String(number).utf8)
            } else if case .string(let text) = value {
                append(text, to: &batch.key)
            } else {
                throw wrongType(value)
            }
        }
        return try batch.key.withUnsafeBufferPointer { key throws(FeatureProblem) in try row(key) }
    }

    /// The row of a value by its bytes, which are changed already; nil if it is to be left out.
    func row(_ key: UnsafeBufferPointer<UInt8>) throws(FeatureProblem) -> Int64? {
        switch keys {
        case .vocabulary(let vocabulary):
            if let place = vocabulary.value.place(key) { return Int64(firstRow + place) }
        case .hash(let hash, let buckets):
            return Int64(firstRow + Int(hash.hash(key) % UInt64(buckets)))
        case .rows(let count):
            if let number = Int(String(decoding: key, as: UTF8.self)), (0..<count).contains(number) {
                return Int64(firstRow + number)
            }
        case .boundaries: preconditionFailure("numbers have no bytes to look up")
        }
        switch unknown {
        case .skipped: return nil
        case .rows(let first, let count):
            return Int64(count == 1 ? first : first + Int(FeatureHash.fnv1a64(key) % UInt64(count)))
        case .refused:
            let value = String(decoding: key.prefix(64), as: UTF8.self)
            if case .rows(let count) = keys {
                throw FeatureProblem("The value \(value) is not one of the rows 0 to \(count - 1).")
            }
            throw FeatureProblem(
                "The value “\(value)” is not in the vocabulary.",
                remedy: "Give the column an \"unknown\" row, if the model was trained with one.")
        }
    }

    /// Appends what is looked up for a text.
    func append(_ text: String, to key: inout [UInt8]) {
        var text = text[...]
        if let prefix {
            text =
                text[
                    ..<(text.unicodeScalars.index(text.startIndex, offsetBy: prefix, limitedBy: text.endIndex)
                        ?? text.endIndex)]
        }
        if lowercases { text = text.lowercased()[...] }
        key.append(contentsOf: text.utf8)
    }

    private func wrongType(_ value: JSON) -> FeatureProblem {
        FeatureProblem("The value must be \(valueType), not \(value.kind).")
    }

    /// How many boundaries are at most `number`.
    private static func bucket(of number: Double, _ boundaries: [Double]) -> Int {
        var (low, high) = (0, boundaries.count)
        while low < high {
            let middle = (low + high) / 2
            if boundaries[middle] <= number { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// A value that is copied as one reference, not as each of its own.
final class Shared<Value: Sendable>: Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}

extension JSON {
    /// A number without a fraction, also where a client wrote 5 as 5.0.
    var wholeNumber: Int64? {
        switch self {
        case .integer(let value): value
        case .number(let value) where abs(value) <= 9_007_199_254_740_992: Int64(exactly: value)
        default: nil
        }
    }
}

extension [UInt8] {
    /// Appends the decimal text of a number.
    mutating func appendDecimal(_ number: Int64) {
        if number < 0 { append(UInt8(ascii: "-")) }
        let start = count
        var rest = number.magnitude
        repeat {
            append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        self[start...].reverse()
    }
}
