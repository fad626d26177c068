import Files

/// Where the elements of a list come from: an array, or a text that is cut into pieces.
enum FeatureElements: Hashable, Sendable {
    /// A JSON array.
    case array
    /// A text with a separator; white space around a piece is dropped, and empty pieces are.
    case separated(by: String)
    /// Runs of neighboring characters (Unicode scalars) or words (cut at white space) of a text.
    case ngrams(Ngrams)

    static let longestText = 1 << 20

    struct Ngrams: Hashable, Sendable {
        enum Unit: String, Hashable, Sendable, CaseIterable { case character, word }

        var unit: Unit
        /// First all runs of the first length, then all of the second, …
        var sizes: [Int]
        var lowercases = true
        /// What is put before and behind the text, after it was lowercased: “^” and “$” mark its ends.
        var before = ""
        var after = ""
    }

    /// What the field must be.
    func fieldType(_ lookup: FeatureLookup) -> FieldType {
        switch self {
        case .array: .array(of: lookup.valueType)
        case .separated(let separator): .arrayOrText(separator: separator)
        case .ngrams: .text
        }
    }

    /// Calls `body` with the row of every element in order, until it says false.
    func rows(
        of value: JSON, _ lookup: FeatureLookup, _ batch: FeatureBatch, _ body: (Int64) -> Bool
    ) throws(FeatureProblem) {
        if case .string(let text) = value, text.utf8.count > Self.longestText {
            throw FeatureProblem(
                "The text has \(text.utf8.count) bytes; at most \(Self.longestText) are cut into pieces.")
        }
        switch (self, value) {
        case (.array, .array(let values)), (.separated, .array(let values)):
            for (index, value) in values.enumerated() {
                do throws(FeatureProblem) {
                    if let row = try lookup.row(value, batch), !body(row) { return }
                } catch {
                    throw FeatureProblem("Element \(index): \(error.message)", remedy: error.remedy)
                }
            }
        case (.separated(let separator), .string(let text)):
            batch.key.removeAll(keepingCapacity: true)
            batch.pieces.removeAll(keepingCapacity: true)
            for piece in text.pieces(separatedBy: separator) {
                let begin = batch.key.count
                lookup.append(piece, to: &batch.key)
                batch.pieces.append(begin..<batch.key.count)
            }
            try look(lookup, batch, body)
        case (.ngrams(let ngrams), .string(let text)):
            ngrams.cut(text, into: &batch.key, &batch.pieces)
            try look(lookup, batch, body)
        default:
            throw FeatureProblem("The field must be \(fieldType(lookup)), not \(value.kind).")
        }
    }

    private func look(
        _ lookup: FeatureLookup, _ batch: FeatureBatch, _ body: (Int64) -> Bool
    ) throws(FeatureProblem) {
        try batch.key.withUnsafeBufferPointer { key throws(FeatureProblem) in
            for piece in batch.pieces {
                if let row = try lookup.row(UnsafeBufferPointer(rebasing: key[piece])), !body(row) { return }
            }
        }
    }
}

extension FeatureElements.Ngrams {
    /// Writes the text's bytes into `bytes`, and where each run lies in them into `runs`.
    func cut(_ text: String, into bytes: inout [UInt8], _ runs: inout [Range<Int>]) {
        bytes.removeAll(keepingCapacity: true)
        runs.removeAll(keepingCapacity: true)
        // The pieces themselves first: scalars that lie side by side, or words with one space between.
        var pieces: [Range<Int>] = []
        let scalars = (before + (lowercases ? text.lowercased() : text) + after).unicodeScalars
        switch unit {
        case .character:
            for scalar in scalars {
                let begin = bytes.count
                bytes.append(contentsOf: UTF8.encode(scalar)!)
                pieces.append(begin..<bytes.count)
            }
        case .word:
            for word in scalars.split(whereSeparator: \.properties.isWhitespace) {
                if !bytes.isEmpty { bytes.append(UInt8(ascii: " ")) }
                let begin = bytes.count
                for scalar in word { bytes.append(contentsOf: UTF8.encode(scalar)!) }
                pieces.append(begin..<bytes.count)
            }
        }
        for size in sizes where size <= pieces.count {
            for first in 0...pieces.count - size {
                runs.append(pieces[first].lowerBound..<pieces[first + size - 1].upperBound)
            }
        }
    }
}

extension String {
    /// The pieces between separators without white space around them; empty ones are left out.
    fileprivate func pieces(separatedBy separator: String) -> [String] {
        var pieces: [String] = []
        var piece: [UInt8] = []
        let (text, mark) = (Array(utf8), Array(separator.utf8))
        func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
        func flush() {
            let trimmed = piece.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
            if !trimmed.isEmpty { pieces.append(String(decoding: Array(trimmed), as: UTF8.self)) }
            piece.removeAll(keepingCapacity: true)
        }
        var place = 0
        while place < text.count {
            if text[place...].starts(with: mark) {
                flush()
                place += mark.count
            } else {
                piece.append(text[place])
                place += 1
            }
        }
        flush()
        return pieces
    }
}
