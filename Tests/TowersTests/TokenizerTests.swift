import Files
import Foundation
import TestSupport
import Testing

@testable import Towers

@Suite struct TokenizerTests {
    @Test func idsAreTheReferenceLibrarys() throws {
        let tokenizer = try WordPieceTokenizer(folder: TinyBert.folder)
        for text in try TinyBert.texts() {
            #expect(tokenizer.encode(text.text) == text.uncut, "\(text.text.debugDescription)")
            #expect(tokenizer.encode(text.text, limit: 24) == text.ids, "\(text.text.debugDescription)")
        }
        #expect(tokenizer.encode("the bell", limit: 2) == [2, 3])
    }

    /// The normaliser of every Unicode scalar, as `tokenizers` 0.23.3 gives it (ideographs not set apart).
    @Test(arguments: [
        (true, "f1fd0c518b16d2f0501e994aa4fed66a54b8e9f1a79cf2e3cf958844db86b974"),
        (false, "dc2ad56801234b32e2ff297b75ee2e58f4dd9f6160b9fbd92d8b19ac87b6d6ba"),
    ])
    func everyScalarIsNormalisedAsTheReferenceDoes(stripsAccents: Bool, digest: String) {
        let normalizer = BertNormalizer(separatesIdeographs: false, stripsAccents: stripsAccents)
        var all = Data()
        for value in UInt32(0)..<0x110000 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            all.append(contentsOf: normalizer.normalized(Array(UTF8.encode(scalar)!)))
            all.append(0x0a)
        }
        #expect(Digest.sha256(all) == digest)
    }

    @Test func whatIsNotDoneIsRefusedByName() throws {
        let changes: [(String, String, String)] = [
            ("\"WordPiece\"", "\"BPE\"", "model “BPE”"),
            ("\"BertNormalizer\"", "\"Sequence\"", "normalizer “Sequence”"),
            ("\"BertPreTokenizer\"", "\"Metaspace\"", "pre_tokenizer “Metaspace”"),
            ("\"TemplateProcessing\"", "\"Unheard\"", "post_processor “Unheard”"),
            ("\"unk_token\": \"[UNK]\"", "\"unk_token\": \"[unk]\"", "unknown token"),
            ("\"max_input_chars_per_word\": 20", "\"max_input_chars_per_word\": 0", "max_input_chars_per_word"),
        ]
        for (old, new, name) in changes {
            try withTemporaryDirectory { folder in
                try TinyBert.copy(to: folder + "/m")
                try TinyBert.replace(old, new, in: folder + "/m/tokenizer.json")
                let error = #expect(throws: BelfryError.self) { try WordPieceTokenizer(folder: folder + "/m") }
                #expect("\(error!)".contains(name), "\(error!)")
            }
        }
    }

    @Test func aVocabularyFileGivesTheSameIDs() throws {
        try withTemporaryDirectory { folder in
            let json = try StrictJSON(file: TinyBert.folder + "/tokenizer.json")
            let words = json["model"]!["vocab"]!.members!.sorted { $0.value.integer! < $1.value.integer! }
            let text = words.map { String(decoding: $0.name, as: UTF8.self) + "\n" }.joined()
            try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/vocab.txt"))
            try Data("{\"do_lower_case\": true}".utf8).write(
                to: URL(fileURLWithPath: folder + "/tokenizer_config.json"))
            let tokenizer = try WordPieceTokenizer(folder: folder)
            let reference = try WordPieceTokenizer(folder: TinyBert.folder)
            for text in try TinyBert.texts()
            where !text.text.lowercased().contains("item") && !text.text.contains("RAND") {
                // It knows nothing of max_input_chars_per_word 20: texts with longer words are left out.
                guard !text.text.split(separator: " ").contains(where: { $0.unicodeScalars.count > 20 }) else {
                    continue
                }
                #expect(tokenizer.encode(text.text) == reference.encode(text.text), "\(text.text.debugDescription)")
            }
        }
    }

    @Test func mutationsNeverTrap() throws {
        var random = SeededGenerator()
        let original = [UInt8](try Data(contentsOf: URL(fileURLWithPath: TinyBert.folder + "/tokenizer.json")))
        for _ in 0..<5000 {
            let bytes = mutated(original, within: original.count, &random)
            do throws(BelfryError) {
                let json = try bytes.withBytes { (bytes) throws(BelfryError) in
                    try StrictJSON(parsing: bytes, file: "tokenizer.json")
                }
                _ = try TokenizerJSON(StrictObject(json, file: "tokenizer.json")).tokenizer().encode(
                    "Bells of a <item> brand\u{301} 日本 [SEP]", limit: 12)
            } catch { #expect(error.location?.file == "tokenizer.json", "\(random)") }
        }
    }

    @Test func randomTextsNeverTrapAndKeepTheLimit() throws {
        var random = SeededGenerator()
        let tokenizer = try WordPieceTokenizer(folder: TinyBert.folder)
        for _ in 0..<5000 {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...60, using: &random) {
                let most: UInt32 = [0x7f, 0x24f, 0x3400, 0x110000].randomElement(using: &random)!
                text.append(Unicode.Scalar(UInt32.random(in: 0..<most, using: &random)) ?? " ")
            }
            let ids = tokenizer.encode(String(text), limit: 20)
            #expect(ids.count <= 20 && ids.first == 2 && ids.last == 3, "\(random)")
            let all = tokenizer.encode(String(text))
            #expect(all.count <= 20 ? ids == all : ids.dropLast() == all.prefix(19), "\(random)")
        }
    }
}
