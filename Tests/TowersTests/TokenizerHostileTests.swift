import Files
import Foundation
import TestSupport
import Testing

@testable import Towers

/// Tokenizer files that are not what they should be: an error that names the file, and never a trap.
@Suite struct TokenizerHostileTests {
    /// How many mutated files each test tries.
    static let executions = Fuzz.executions(5_000)

    private static let text =
        "  Bells <s>of</s> a <item> e\u{301}\u{323}ﬁ 日本語 12345 don't\u{0}\u{200b}\n\n 👩‍👩‍👧 \(String(repeating: "ring ", count: 20))"

    private func load(_ json: String) throws -> any Tokenizer {
        try Self.load(Array(json.utf8))
    }

    /// The tokenizer of a file that is in memory alone.
    private static func load(_ json: [UInt8]) throws(BelfryError) -> any Tokenizer {
        let json = try json.withBytes { (bytes) throws(BelfryError) in
            try StrictJSON(parsing: bytes, file: "tokenizer.json")
        }
        return try TokenizerJSON(StrictObject(json, file: "tokenizer.json")).tokenizer()
    }

    private static func load(model: [UInt8]) throws(BelfryError) -> any Tokenizer {
        try SentencePieceTokenizer(
            model.withBytes { (bytes) throws(BelfryError) in try SentencePieceFile(bytes, file: "sp.model") })
    }

    private func tokenizer(
        model: String = #"{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}"#, normalizer: String = "null",
        preTokenizer: String = "null", processor: String = "null", added: String = "[]"
    ) -> String {
        #"{"added_tokens":\#(added),"normalizer":\#(normalizer),"pre_tokenizer":\#(preTokenizer),"#
            + #""post_processor":\#(processor),"model":\#(model)}"#
    }

    @Test func whatIsNotDoneIsNamed() throws {
        let long = String(repeating: "x", count: 300)
        let sequence =
            String(repeating: #"{"type":"Sequence","normalizers":["#, count: 20) + String(repeating: "]}", count: 20)
        let cases: [(String, String)] = [
            (tokenizer(model: #"{"type":"WordLevel","vocab":{}}"#), "model “WordLevel”"),
            (tokenizer(model: "{}"), "model “none”"),
            (tokenizer(model: #"{"type":"BPE","vocab":{"a":0},"merges":["a b"]}"#), "Merge 0"),
            (tokenizer(model: #"{"type":"BPE","vocab":{"a":0},"merges":["a"]}"#), "not two tokens"),
            (tokenizer(model: #"{"type":"BPE","vocab":{"a":0},"merges":[["a"]]}"#), "not two tokens"),
            (tokenizer(model: #"{"type":"BPE","vocab":{"a":-1},"merges":[]}"#), "not a count"),
            (tokenizer(model: #"{"type":"BPE","vocab":{"a":99999999},"merges":[]}"#), "not a count"),
            (tokenizer(model: #"{"type":"BPE","vocab":{"a":0.5},"merges":[]}"#), "not a count"),
            (tokenizer(model: #"{"type":"BPE","vocab":{"a":0,"a":1},"merges":[]}"#), "twice"),
            (tokenizer(model: #"{"type":"BPE","vocab":{"a":0}}"#), "merges are missing"),
            (tokenizer(model: #"{"type":"BPE","merges":[]}"#), "vocabulary is missing"),
            (tokenizer(model: #"{"type":"BPE","dropout":0.1,"vocab":{},"merges":[]}"#), "dropout"),
            (tokenizer(model: #"{"type":"BPE","unk_token":"u","vocab":{"a":0},"merges":[]}"#), "unknown token"),
            (tokenizer(model: #"{"type":"Unigram","unk_id":5,"vocab":[["a",0]]}"#), "unknown piece"),
            (tokenizer(model: #"{"type":"Unigram","vocab":[["a",0]]}"#), "unk_id"),
            (tokenizer(model: #"{"type":"Unigram","unk_id":0,"vocab":[["a"]]}"#), "not a text and a score"),
            (tokenizer(normalizer: #"{"type":"BertNormalizer"}"#), "normalizer “BertNormalizer”"),
            (tokenizer(normalizer: #"{"type":"Replace","pattern":{"Regex":"(?<n>a)"},"content":""}"#), "group"),
            (tokenizer(normalizer: #"{"type":"Replace","pattern":{},"content":""}"#), "pattern"),
            (tokenizer(normalizer: #"{"type":"Prepend","prepend":"\#(long)"}"#), "300 bytes"),
            (tokenizer(normalizer: #"{"type":"Precompiled","precompiled_charsmap":"%%"}"#), "base64"),
            (
                tokenizer(normalizer: #"{"type":"Precompiled","precompiled_charsmap":"////////"}"#),
                "shorter than it says"
            ),
            (tokenizer(normalizer: sequence), "nesting"),
            (tokenizer(preTokenizer: #"{"type":"UnicodeScripts"}"#), "pre_tokenizer “UnicodeScripts”"),
            (tokenizer(preTokenizer: #"{"type":"Split","pattern":{"String":" "},"behavior":"Odd"}"#), "behavior"),
            (
                tokenizer(
                    preTokenizer: #"{"type":"Sequence","pretokenizers":[{"type":"ByteLevel"},{"type":"Digits"}]}"#),
                "after ByteLevel"
            ),
            (tokenizer(preTokenizer: #"{"type":"Metaspace","replacement":"ab"}"#), "not one character"),
            (
                tokenizer(preTokenizer: #"{"type":"Metaspace","replacement":"_","prepend_scheme":"x"}"#),
                "prepend_scheme"
            ),
            (tokenizer(processor: #"{"type":"Other"}"#), "post_processor “Other”"),
            (tokenizer(processor: #"{"type":"TemplateProcessing","single":[]}"#), "no place for the text"),
            (tokenizer(processor: #"{"type":"RobertaProcessing","cls":["a",-1],"sep":["a",0]}"#), "no ids"),
            (tokenizer(added: #"[{"content":"x"}]"#), "content and an id"),
            (tokenizer(added: #"[{"content":"x","id":-3}]"#), "content and an id"),
            (
                #"{"truncation":{"direction":"Left"},"model":{"type":"BPE","vocab":{},"merges":[]}}"#,
                "truncation.direction"
            ),
            (String(repeating: "[", count: 100_000), "nested"),
        ]
        for (json, name) in cases {
            let error = #expect(throws: BelfryError.self, "\(name)") { try load(json) }
            #expect("\(error!)".contains(name), "\(error!)")
            #expect(error?.location?.file == "tokenizer.json")
        }
    }

    @Test func oddFilesWork() throws {
        // Ids that two tokens share, no tokens at all, text that is dropped because nothing stands for it.
        #expect(try load(tokenizer()).encode("abxab") == [2, 2])
        #expect(
            try load(tokenizer(model: #"{"type":"BPE","vocab":{"a":7,"b":7},"merges":[]}"#)).encode("ab") == [7, 7])
        #expect(try load(tokenizer(model: #"{"type":"BPE","vocab":{},"merges":[]}"#)).encode("abc").isEmpty)
        #expect(try load(tokenizer(model: #"{"type":"Unigram","unk_id":0,"vocab":[["",0]]}"#)).encode("ab") == [0])
        // A text that would become longer and longer is cut.
        let grow = (0..<12).map { _ in #"{"type":"Replace","pattern":{"String":"a"},"content":"aaaaaaaaaaaaaaaa"}"# }
        let grown = try load(
            tokenizer(
                model: #"{"type":"BPE","vocab":{"a":0},"merges":[]}"#,
                normalizer: #"{"type":"Sequence","normalizers":[\#(grow.joined(separator: ","))]}"#)
        ).encode(String(repeating: "a", count: 100))
        #expect(grown.count > 1000 && grown.count < 1_000_000)
    }

    /// A pattern that looks at the rest of the text from each of its places ends soon, and its text has an error.
    @Test func aPatternThatTakesTooLongIsAnErrorOfTheText() throws {
        let split = { (pattern: String) in
            "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\(pattern)\"},\"behavior\":\"Isolated\",\"invert\":false}"
        }
        let bytes = #"{"type":"BPE","vocab":{"a":0,"b":1," ":2},"merges":[]}"#
        for (pattern, letter) in [("a+b", "a"), ("(?:a|aa)+b", "a"), ("[ab]+[ab]+[ab]+c", "ab"), ("(?:a+)+b", "a")] {
            let hostile = try load(tokenizer(model: bytes, preTokenizer: split(pattern)))
            let text = String(repeating: letter, count: 400_000)
            let start = ContinuousClock.now
            var ids: [Int32] = []
            #expect(!hostile.encode(text, limit: .max, into: &ids), "\(pattern)")
            #expect(ContinuousClock.now - start < .seconds(15), "\(pattern): \(ContinuousClock.now - start)")
            // The next text is none the worse for it.
            ids = []
            #expect(hostile.encode("abab", limit: .max, into: &ids) && ids.count == 4)
        }
        let usual = try load(
            tokenizer(
                model: bytes,
                preTokenizer: split(#"\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+|[ab]{1,3}"#)))
        var ids: [Int32] = []
        #expect(usual.encode(String(repeating: " ", count: 300_000) + "ab", limit: .max, into: &ids))
        #expect(ids.count == 300_002)
    }

    /// The rules of a character map, its trie random or cut short.
    @Test func randomCharacterMapsNeverTrap() throws {
        var random = SeededGenerator()
        let target = TextBuffer()
        for _ in 0..<Self.executions {
            let units = Int.random(in: 1...64, using: &random)
            var bytes = withUnsafeBytes(of: UInt32(4 * units).littleEndian) { Array($0) }
            for _ in 0..<4 * units { bytes.append(UInt8.random(in: 0...255, using: &random)) }
            // A trie whose labels fit now and then.
            for unit in 0..<units where Bool.random(using: &random) {
                bytes[4 + 4 * unit + 3] = 0
                bytes[4 + 4 * unit] = UInt8.random(in: 0x20...0x7f, using: &random)
            }
            bytes += Array("ab\u{0}é\u{0}".utf8)
            guard let map = try? CharacterMap(bytes, at: .init(file: "test")) else { continue }
            var text = Self.text
            text.withUTF8 { text in
                _ = map.normalize(text, maximum: 10_000, into: target)
                for place in text.indices where text[place] & 0xc0 != 0x80 {
                    _ = map.prefix(text.baseAddress! + place, text.count - place)
                }
            }
            #expect(String(validating: target.text, as: UTF8.self) != nil, "\(random)")
        }
    }

    @Test(arguments: ["roberta", "byte-level-split", "llama", "clip", "xlm-roberta", "unigram-metaspace"])
    func mutatedTokenizerFilesNeverTrap(kind: String) throws {
        var random = SeededGenerator()
        let original = [UInt8](
            try Data(contentsOf: URL(fileURLWithPath: TinyTokenizers.folder + "/\(kind)/tokenizer.json")))
        // Most of a file is vocabulary: half of the mutations fall before it.
        let front = original.firstRange(of: Array("\"vocab\"".utf8))?.lowerBound ?? original.count
        var loaded = 0
        for _ in 0..<(Self.executions + 5) / 6 {
            let bytes =
                Bool.random(using: &random)
                ? Self.withOtherValue(original, within: front, &random) : mutated(original, within: front, &random)
            do throws(BelfryError) {
                let tokenizer = try Self.load(bytes)
                loaded += 1
                #expect(tokenizer.encode(Self.text, limit: 12).count <= max(12, tokenizer.templateCount), "\(random)")
                _ = tokenizer.encode(Self.text)
            } catch { #expect(error.location?.file == "tokenizer.json", "\(error), \(random)") }
        }
        #expect(loaded > 0)
    }

    /// The file with one value after a colon or comma replaced by another one.
    private static func withOtherValue(
        _ bytes: [UInt8], within front: Int, _ random: inout SeededGenerator
    ) -> [UInt8] {
        let values = [
            "-1", "0", "1e308", "16777216", "99999999999", "null", "true", "\"\"", "\"a\"", "[]", "{}", "\"\\u0000\"",
            "0.5", "[[\"a\",\"b\"]]", "\"(a|b)+c\"", "\"Sequence\"", "\"ByteLevel\"", "\"Lowercase\"", "false",
        ]
        let starts = bytes.indices.filter {
            (bytes[$0] == UInt8(ascii: ":") || bytes[$0] == UInt8(ascii: ","))
                && ($0 < front || $0 % 7 == 0)
        }
        guard let start = starts.randomElement(using: &random) else { return bytes }
        let end = bytes[(start + 1)...].firstIndex { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "}") } ?? bytes.count
        return bytes[...start] + Array(values.randomElement(using: &random)!.utf8) + bytes[end...]
    }

    @Test(arguments: ["sp-unigram", "sp-unigram-bytes", "sp-bpe", "sp-bpe-bytes"])
    func mutatedSentencePieceFilesNeverTrap(kind: String) throws {
        var random = SeededGenerator()
        let original = [UInt8](
            try Data(contentsOf: URL(fileURLWithPath: TinyTokenizers.folder + "/\(kind)/sp.model")))
        var loaded = 0
        for _ in 0..<(Self.executions + 3) / 4 {
            // The settings stand at the end.
            var bytes = original
            if Bool.random(using: &random) {
                bytes = mutated(original, within: 200, &random)
            } else {
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let place = original.count - Int.random(in: 1...min(2000, original.count), using: &random)
                    bytes[place] = UInt8.random(in: 0...255, using: &random)
                }
            }
            do throws(BelfryError) {
                let tokenizer = try Self.load(model: bytes)
                loaded += 1
                #expect(tokenizer.encode(Self.text, limit: 12).count <= 12, "\(random)")
                _ = tokenizer.encode(Self.text)
            } catch { #expect(error.location?.file == "sp.model", "\(error), \(random)") }
        }
        #expect(loaded > 0)
    }

    /// Every prefix of a SentencePiece file is an error or a shorter model.
    @Test func cutSentencePieceFilesNeverTrap() throws {
        let original = [UInt8](
            try Data(contentsOf: URL(fileURLWithPath: TinyTokenizers.folder + "/sp-unigram/sp.model")))
        for count in original.indices {
            do throws(BelfryError) {
                _ = try Self.load(model: Array(original[..<count])).encode(Self.text)
            } catch { #expect(error.location?.file == "sp.model", "\(error)") }
        }
    }

    @Test(arguments: TokenizerKindsTests.kinds) func randomTextsKeepTheLimit(kind: String) throws {
        var random = SeededGenerator()
        let tokenizer = try Tokenizers.load(folder: TinyTokenizers.folder + "/" + kind)
        for _ in 0..<500 {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...60, using: &random) {
                let most: UInt32 = [0x7f, 0x24f, 0x3400, 0x110000].randomElement(using: &random)!
                text.append(Unicode.Scalar(UInt32.random(in: 0..<most, using: &random)) ?? " ")
            }
            let all = tokenizer.encode(String(text))
            let cut = tokenizer.encode(String(text), limit: 20)
            #expect(cut.count == min(all.count, 20), "\(random)")
            #expect(all.allSatisfy { $0 >= 0 && Int($0) <= tokenizer.largestID }, "\(random)")
        }
        // Words longer than any buffer.
        for text in [String(repeating: "bell", count: 50_000), String(repeating: "\u{301}", count: 50_000)] {
            #expect(tokenizer.encode(text, limit: 100).count <= 100)
        }
    }
}
