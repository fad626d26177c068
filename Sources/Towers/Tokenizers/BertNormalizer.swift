import Foundation

/// What happens to each Unicode scalar before words are looked up: HuggingFace's BertNormalizer and BertPreTokenizer
/// in one step.
///
/// Their order is: clean the text, set ideographs apart, decompose (NFD) and drop accents, lower-case; then split at
/// spaces and around punctuation. Every step maps one scalar without looking at its neighbors (lower-casing too: no
/// final sigma), except that decomposition sorts marks, so the whole is one function of a scalar, kept in a table for
/// the scripts that need it most.
struct BertNormalizer: Sendable {
    var cleansText = true
    var separatesIdeographs = true
    var stripsAccents = true
    var lowercases = true

    /// What one scalar becomes.
    enum Outcome: Hashable, Sendable {
        /// Nothing.
        case dropped
        /// The end of a word.
        case space
        /// A word of its own.
        case alone(UInt32)
        /// One letter of a word.
        case letter(UInt32)
        /// Several, each judged for itself.
        case several([Outcome])
    }

    /// What `scalar` becomes.
    func outcome(_ scalar: UInt32) -> Outcome {
        let isBreak = scalar == 9 || scalar == 10 || scalar == 13
        if cleansText, scalar == 0 || (!isBreak && UnicodeRanges.contains(UnicodeRanges.dropped, scalar)) {
            return .dropped
        }
        let value = Unicode.Scalar(scalar)!
        if value.properties.isWhitespace { return .space }
        var scalars = [value]
        if stripsAccents, UnicodeRanges.contains(UnicodeRanges.nonspacingMarks, scalar) { return .dropped }
        // Below U+00C0 nothing decomposes. U+11938 came with Unicode 13: the reference does not decompose it yet.
        if stripsAccents, scalar >= 0xc0, scalar != 0x11938 {
            scalars = String(value).decomposedStringWithCanonicalMapping.unicodeScalars.filter {
                !UnicodeRanges.contains(UnicodeRanges.nonspacingMarks, $0.value)
            }
        }
        if lowercases { scalars = scalars.flatMap { Array($0.properties.lowercaseMapping.unicodeScalars) } }
        if separatesIdeographs, UnicodeRanges.contains(UnicodeRanges.ideographs, scalar) {
            // A compatibility ideograph decomposes to an ordinary one: one scalar either way.
            return scalars.count == 1 ? .alone(scalars[0].value) : .several(scalars.map { .alone($0.value) })
        }
        let outcomes = scalars.map { scalar -> Outcome in
            if scalar.properties.isWhitespace { return .space }
            return UnicodeRanges.contains(UnicodeRanges.punctuation, scalar.value)
                ? .alone(scalar.value) : .letter(scalar.value)
        }
        return outcomes.isEmpty ? .dropped : outcomes.count == 1 ? outcomes[0] : .several(outcomes)
    }
}

/// The outcomes of the scalars below U+3400, as numbers: kind in the upper byte, scalar in the lower 24 bits.
final class BertNormalizerTable: Sendable {
    static let dropped: UInt32 = 0
    static let space: UInt32 = 1 << 24
    static let alone: UInt32 = 2 << 24
    static let letter: UInt32 = 3 << 24
    /// Anything that the table cannot say: ask `outcomes`.
    static let other: UInt32 = 4 << 24
    static let count = 0x3400

    let codes: [UInt32]
    let normalizer: BertNormalizer

    /// The table with the codes as they were computed before.
    init(_ normalizer: BertNormalizer, codes: [UInt32]) { (self.normalizer, self.codes) = (normalizer, codes) }

    init(_ normalizer: BertNormalizer) {
        self.normalizer = normalizer
        codes = (0..<UInt32(Self.count)).map { Self.code(normalizer, $0) }
    }

    /// The code of any scalar.
    static func code(_ normalizer: BertNormalizer, _ scalar: UInt32) -> UInt32 {
        switch normalizer.outcome(scalar) {
        case .dropped: return dropped
        case .space: return space
        case .alone(let value): return alone | value
        case .several: return other
        case .letter(let value):
            let order = Unicode.Scalar(value)!.properties.canonicalCombiningClass
            return order == .notReordered || !normalizer.stripsAccents ? letter | value : other
        }
    }
}
