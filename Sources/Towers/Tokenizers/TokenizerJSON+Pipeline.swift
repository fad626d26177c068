import Files
import Foundation

extension TokenizerJSON {
    /// The tokenizer of a file whose model is BPE or Unigram.
    func pipeline() throws(BelfryError) -> PipelineTokenizer {
        let normalizer = TextNormalizer(steps: try normalizerSteps(json.object("normalizer"), depth: 0))
        var isByteLevel = false
        let steps = try preTokenizerSteps(json.object("pre_tokenizer"), depth: 0, &isByteLevel)
        guard normalizer.steps.count <= Self.maxSteps, steps.count <= Self.maxSteps else {
            throw refuse("Sequence of more parts than", "\(Self.maxSteps)")
        }
        let (model, vocabulary) = try model(isByteLevel: isByteLevel)
        let table = TokenTable(vocabulary)
        return try PipelineTokenizer(
            normalizer, PreTokenizer(steps: steps), model,
            addedTokens(vocabularyCount: vocabulary.count) { table.id($0) }, template(),
            largestModelID: vocabulary.map(\.id).max() ?? 0, at: place("added_tokens"))
    }

    /// Parts of a normalizer or pre-tokenizer; files have two to five.
    private static let maxSteps = 32

    /// The parts of a Sequence, or nil: the part is none.
    private func parts(
        _ part: StrictObject, _ name: String, depth: Int
    ) throws(BelfryError) -> [StrictObject]? {
        guard try part.string("type") == "Sequence" else { return nil }
        guard depth < 8 else { throw refuse("nesting of \(part.place)", "Sequence") }
        return try part.objects(name)
    }

    private func normalizerSteps(
        _ part: StrictObject?, depth: Int
    ) throws(BelfryError) -> [TextNormalizer.Step] {
        guard let part else { return [] }
        if let parts = try parts(part, "normalizers", depth: depth) {
            var steps: [TextNormalizer.Step] = []
            for part in parts { steps += try normalizerSteps(part, depth: depth + 1) }
            return steps
        }
        let type = try part.string("type")
        switch type {
        case "NFC", "NFD", "NFKC", "NFKD":
            return [.form(UnicodeNormalization.of(UnicodeNormalization.Form(rawValue: type!)!))]
        case "Lowercase": return [.lowercase]
        case "StripAccents": return [.stripAccents]
        case "Nmt": return [.nmt]
        case "Strip":
            return [
                .strip(
                    left: try part.bool("strip_left", default: true), right: try part.bool("strip_right", default: true)
                )
            ]
        case "Prepend": return [.prepend(try content(part, "prepend"))]
        case "Replace":
            guard let pattern = try pattern(part) else { return [] }
            return [.replace(pattern, try content(part, "content"))]
        case "Precompiled":
            let location = part.location("precompiled_charsmap")
            guard let text = try part.string("precompiled_charsmap"), let bytes = Data(base64Encoded: text) else {
                throw .corrupt("The character map is not base64.", at: location)
            }
            // Some models carry an empty map: no rule at all.
            return bytes.isEmpty ? [] : [.characterMap(try CharacterMap([UInt8](bytes), at: location))]
        default: throw refuse("normalizer", type)
        }
    }

    /// Text that is put into a text.
    private func content(_ part: StrictObject, _ name: String) throws(BelfryError) -> [UInt8] {
        let content = try part.utf8(name) ?? []
        guard content.count <= 256 else { throw refuse("\(part.place).\(name) of", "\(content.count) bytes") }
        return content
    }

    /// The pattern of a Replace or Split; nil: it is the empty text, which is nowhere.
    private func pattern(_ part: StrictObject) throws(BelfryError) -> TextPattern? {
        let pattern = try part.object("pattern")
        let location = part.location("pattern")
        if let text = try pattern?.string("String") {
            return text.isEmpty ? nil : try TextPattern(.literal(text), at: location)
        }
        guard let expression = try pattern?.string("Regex") else {
            throw .corrupt("The pattern is neither a String nor a Regex.", at: location)
        }
        return try TextPattern(expression, at: location)
    }

    /// GPT-2's words: contractions, letters, digits and other characters, each with a space before it, and spaces.
    static let byteLevelPattern =
        #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

    private func preTokenizerSteps(
        _ part: StrictObject?, depth: Int, _ isByteLevel: inout Bool
    ) throws(BelfryError) -> [PreTokenizer.Step] {
        guard let part else { return [] }
        if let parts = try parts(part, "pretokenizers", depth: depth) {
            var steps: [PreTokenizer.Step] = []
            for part in parts { steps += try preTokenizerSteps(part, depth: depth + 1, &isByteLevel) }
            return steps
        }
        let type = try part.string("type")
        let location = place(part.place)
        // What comes after it would see each byte as a character.
        guard !isByteLevel else { throw refuse("pre_tokenizer after ByteLevel,", type) }
        func split(
            _ node: PatternNode, _ behavior: PreTokenizer.Behavior, isInverted: Bool = false
        ) throws(BelfryError) -> PreTokenizer.Step {
            .split(try TextPattern(node, at: location), behavior, isInverted: isInverted)
        }
        switch type {
        case "ByteLevel":
            isByteLevel = true
            var steps: [PreTokenizer.Step] = []
            if try part.bool("add_prefix_space", default: true) { steps.append(.prefixSpace) }
            if try part.bool("use_regex", default: true) {
                steps.append(.split(try TextPattern(Self.byteLevelPattern, at: location), .isolated, isInverted: false))
            }
            return steps
        case "Split":
            let name = try part.string("behavior") ?? "none"
            guard let behavior = PreTokenizer.Behavior(rawValue: name) else {
                throw refuse("\(part.place).behavior", name)
            }
            let isInverted = try part.bool("invert", default: false)
            guard let pattern = try pattern(part) else { throw refuse("\(part.place).pattern", "") }
            return [.split(pattern, behavior, isInverted: isInverted)]
        case "Metaspace": return try metaspace(part)
        case "WhitespaceSplit": return [try split(.set(ScalarClass.whitespace), .removed)]
        case "Whitespace":
            let other = ScalarClass.word.union(ScalarClass.whitespace).inverted
            func run(_ set: ScalarSet) -> PatternNode { .repeated(.set(set), minimum: 1, maximum: .max, .greedy) }
            return [try split(.choice([run(ScalarClass.word), run(other)]), .removed, isInverted: true)]
        case "BertPreTokenizer":
            return [
                try split(.set(ScalarClass.whitespace), .removed), try split(.set(Self.punctuation), .isolated),
            ]
        case "Punctuation":
            let name = try part.string("behavior") ?? "Isolated"
            guard let behavior = PreTokenizer.Behavior(rawValue: name) else {
                throw refuse("\(part.place).behavior", name)
            }
            return [try split(.set(Self.punctuation), behavior)]
        case "Digits":
            let isIndividual = try part.bool("individual_digits", default: false)
            return [try split(.set(ScalarClass.numeric), isIndividual ? .isolated : .contiguous)]
        case "CharDelimiterSplit":
            guard let scalars = try part.string("delimiter")?.unicodeScalars, scalars.count == 1 else {
                throw .corrupt("The delimiter is not one character.", at: location)
            }
            return [try split(.set(ScalarSet(scalars.first!)), .removed)]
        default: throw refuse("pre_tokenizer", type)
        }
    }

    private static let punctuation = ScalarSet(pairs: UnicodeRanges.punctuation)

    private func metaspace(_ part: StrictObject) throws(BelfryError) -> [PreTokenizer.Step] {
        let replacement = try part.string("replacement") ?? ""
        guard replacement.unicodeScalars.count == 1 else {
            throw .corrupt("The replacement is not one character.", at: part.location("replacement"))
        }
        var name = try part.string("prepend_scheme") ?? "always"
        // Older files say it with a switch.
        if try part.bool("add_prefix_space") == false {
            guard part["prepend_scheme"] == nil || name == "never" else {
                throw refuse("\(part.place).prepend_scheme", name)
            }
            name = "never"
        }
        guard let scheme = PreTokenizer.PrependScheme(rawValue: name) else {
            throw refuse("\(part.place).prepend_scheme", name)
        }
        var steps: [PreTokenizer.Step] = [.metaspace(replacement: Array(replacement.utf8), scheme)]
        if try part.bool("split", default: true) {
            let pattern = try TextPattern(.literal(replacement), at: place(part.place))
            steps.append(.split(pattern, .mergedWithNext, isInverted: false))
        }
        return steps
    }

    /// The model and its tokens.
    private func model(
        isByteLevel: Bool
    ) throws(BelfryError) -> (PipelineTokenizer.Model, [(token: [UInt8], id: Int32)]) {
        let type = try modelType()
        guard let model = try json.object("model") else { throw refuse("model", nil) }
        switch type {
        case "BPE":
            var parts = PairEncoding.Model(vocabulary: try vocabulary(model), isByteLevel: isByteLevel)
            if try model.number("dropout") ?? 0 != 0 { throw refuse("model.dropout", "other than 0") }
            parts.merges = try merges(model)
            parts.unknown = try model.utf8("unk_token")
            parts.continuingPrefix = try model.utf8("continuing_subword_prefix") ?? []
            parts.endSuffix = try model.utf8("end_of_word_suffix") ?? []
            parts.fusesUnknown = try model.bool("fuse_unk", default: false)
            parts.fallsBackToBytes = try model.bool("byte_fallback", default: false)
            parts.ignoresMerges = try model.bool("ignore_merges", default: false)
            return (.pairs(try PairEncoding(parts, at: place("model"))), parts.vocabulary)
        case "Unigram":
            guard !isByteLevel else { throw refuse("pre_tokenizer of a Unigram model,", "ByteLevel") }
            let parts = try unigram(model)
            return (
                .unigram(try Unigram(parts, at: place("model"))),
                parts.vocabulary.enumerated().map { (token: $1.token, id: Int32($0)) }
            )
        default: throw refuse("model", type)
        }
    }

    private func unigram(_ model: StrictObject) throws(BelfryError) -> Unigram.Model {
        var parts = Unigram.Model()
        let entries = try model.array("vocab") ?? []
        guard entries.count <= Self.maxIDs else { throw refuse("model.vocab of", "\(entries.count) pieces") }
        parts.vocabulary.reserveCapacity(entries.count)
        for (index, entry) in entries.enumerated() {
            guard let pair = entry.array, pair.count == 2, let token = pair[0].utf8, let score = pair[1].number else {
                throw .corrupt("A piece is not a text and a score.", at: place("model.vocab[\(index)]"))
            }
            parts.vocabulary.append((token, score))
        }
        guard let unknown = Self.id(try model.integer("unk_id")) else { throw refuse("model.unk_id", nil) }
        parts.unknown = unknown
        parts.fallsBackToBytes = try model.bool("byte_fallback", default: false)
        return parts
    }

    /// Merges stand as `"a b"` in older files and as `["a", "b"]` in newer ones.
    private func merges(_ model: StrictObject) throws(BelfryError) -> [(left: [UInt8], right: [UInt8])] {
        guard let entries = try model.array("merges") else {
            throw .corrupt("The merges are missing.", at: place("model.merges"))
        }
        var merges: [(left: [UInt8], right: [UInt8])] = []
        merges.reserveCapacity(entries.count)
        for (index, entry) in entries.enumerated() {
            let merge: (left: [UInt8], right: [UInt8])? =
                if let pair = entry.array {
                    pair.count == 2 ? pair[0].utf8.flatMap { left in pair[1].utf8.map { (left, $0) } } : nil
                } else {
                    entry.utf8.flatMap(Self.merge)
                }
            guard let merge else {
                // The library passes over a line that names a version.
                if let text = entry.utf8, text.starts(with: "#version".utf8) { continue }
                throw .corrupt("A merge is not two tokens.", at: place("model.merges[\(index)]"))
            }
            merges.append(merge)
        }
        return merges
    }

    /// The two tokens of a line that has one space between them.
    static func merge(_ line: [UInt8]) -> (left: [UInt8], right: [UInt8])? {
        guard !line.starts(with: "#version".utf8), let space = line.firstIndex(of: 0x20),
            !line[(space + 1)...].contains(0x20)
        else { return nil }
        return (Array(line[..<space]), Array(line[(space + 1)...]))
    }
}
