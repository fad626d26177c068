import Files
import Foundation
import TestSupport
import Testing

@testable import Towers

/// Small tokenizers of every kind (`Fixtures/make_tiny_tokenizers.py`).
enum TinyTokenizers {
    static let folder = TestData.root + "/Tests/TowersTests/Fixtures/tiny-tokenizers"

    struct Expected: Decodable {
        var texts: [String]
        var ids: [String: [[Int32]]]
    }

    static func expected() throws -> Expected {
        try JSONDecoder().decode(
            Expected.self, from: Data(contentsOf: URL(fileURLWithPath: folder + "/expected.json")))
    }
}

@Suite struct TokenizerKindsTests {
    static let kinds = [
        "roberta", "roberta-files", "byte-level-split", "byte-level-cuts", "llama", "bpe-unknown", "clip", "clip-files",
        "xlm-roberta", "unigram-metaspace", "unigram-lower", "sp-unigram", "sp-unigram-bytes", "sp-bpe",
        "sp-bpe-bytes",
    ]

    @Test(arguments: kinds) func idsAreThoseOfTheirOwnLibrary(kind: String) throws {
        let expected = try TinyTokenizers.expected()
        let tokenizer = try Tokenizers.load(folder: TinyTokenizers.folder + "/" + kind)
        for (text, wanted) in zip(expected.texts, try #require(expected.ids[kind])) {
            let found = tokenizer.encode(text)
            #expect(found == wanted, "\(text.debugDescription)")
            // A second time, when words are known; and cut: the text's end is missing, the template is whole.
            #expect(tokenizer.encode(text) == wanted, "\(text.debugDescription) again")
            #expect(wanted.allSatisfy { Int($0) <= tokenizer.largestID })
            let cut = tokenizer.encode(text, limit: 7)
            #expect(cut.count == min(wanted.count, 7), "\(text.debugDescription) cut")
            let after = kind.hasPrefix("sp-") ? 0 : try templateAfter(kind)
            #expect(cut.dropLast(after) == wanted.dropLast(after).prefix(cut.count - after), "\(text.debugDescription)")
            #expect(cut.suffix(after) == wanted.suffix(after), "\(text.debugDescription)")
        }
        #expect(Set(TokenizerKindsTests.kinds) == Set(expected.ids.keys))
    }

    private func templateAfter(_ kind: String) throws -> Int {
        let tokenizer = try Tokenizers.load(folder: TinyTokenizers.folder + "/" + kind)
        return (tokenizer as? PipelineTokenizer)?.template.after.count ?? 0
    }

    @Test func theFilesOfAFolderAreNamed() throws {
        func files(_ kind: String) throws -> [String] {
            try Tokenizers.files(folder: TinyTokenizers.folder + "/" + kind)
        }
        #expect(try files("llama") == ["tokenizer.json"])
        #expect(try files("clip-files") == ["vocab.json", "merges.txt", "tokenizer_config.json"])
        #expect(try files("sp-bpe") == ["sp.model"])
        #expect(try Tokenizers.load(folder: TinyTokenizers.folder + "/clip").lowercases)
        #expect(try !Tokenizers.load(folder: TinyTokenizers.folder + "/llama").lowercases)
        try withTemporaryDirectory { folder in
            #expect(try Tokenizers.files(folder: folder).isEmpty)
            #expect(throws: BelfryError.self) { try Tokenizers.load(folder: folder) }
            // A SentencePiece file beside the transformers library's settings means other ids than its own.
            try FileManager.default.copyItem(
                atPath: TinyTokenizers.folder + "/sp-bpe/sp.model", toPath: folder + "/sp.model")
            #expect(try Tokenizers.load(folder: folder).templateCount == 0)
            try Data("{}".utf8).writeAnew(to: folder + "/tokenizer_config.json")
            let error = #expect(throws: BelfryError.self) { try Tokenizers.load(folder: folder) }
            #expect(error?.remedy?.contains("tokenizer.json") == true)
        }
    }

    /// A tokenizer is shared by threads; each has its own scratch memory.
    @Test func manyThreadsGiveTheSameIDs() throws {
        let expected = try TinyTokenizers.expected()
        for kind in ["roberta", "xlm-roberta", "sp-unigram"] {
            let tokenizer = try Tokenizers.load(folder: TinyTokenizers.folder + "/" + kind)
            let wanted = try #require(expected.ids[kind])
            let results = ResultList()
            DispatchQueue.concurrentPerform(iterations: 8) { _ in
                results.add(expected.texts.map { tokenizer.encode($0) } == wanted)
            }
            #expect(results.all == [Bool](repeating: true, count: 8))
        }
    }
}

private final class ResultList: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var all: [Bool] = []

    func add(_ result: Bool) { lock.withLock { all.append(result) } }
}

/// Tokenizers of real models, downloaded by `Scripts/fetch-tokenizers.sh`, on the reference texts.
@Suite(
    .enabled(
        if: TestData.has(
            RealTokenizers.folder + "/unigram-276k-precompiled/tokenizer.json",
            RealTokenizers.expected + "/expected.npz", TestData.shared + "/towers/minilm-expected/texts.json"),
        "needs Scripts/fetch-tokenizers.sh and ../shared/towers"))
struct RealTokenizerTests {
    private struct Text: Decodable { var text: String }

    @Test(arguments: [
        "wordpiece-minilm-uncased", "wordpiece-chinese-cased", "unigram-276k-precompiled", "bytelevel-bpe-65k-nfkc",
        "bytelevel-bpe-128k-split", "bpe-byte-fallback-llama", "sentencepiece-model-use-multilingual",
    ])
    func idsAreTheReferenceLibrarys(name: String) throws {
        let data = try System.read(TestData.shared + "/towers/minilm-expected/texts.json")
        let texts = try JSONDecoder().decode([Text].self, from: data).map(\.text)
        let npz = try Npz(RealTokenizers.expected + "/expected.npz")
        let ids = try npz.array(name + "/ids").integers()
        let offsets = try npz.array(name + "/offsets").integers()
        #expect(texts.count == 200 && offsets.count == 201)
        let tokenizer = try Tokenizers.load(folder: RealTokenizers.folder + "/" + name)
        for (index, text) in texts.enumerated() {
            let wanted = Array(ids[offsets[index]..<offsets[index + 1]])
            #expect(
                tokenizer.encode(text).map { Int($0) } == wanted, "text \(index): \(text.prefix(60).debugDescription)")
        }
    }
}

enum RealTokenizers {
    static let folder = TestData.cache + "/tokenizers"
    static let expected = TestData.shared + "/towers/tokenizers-expected"
}
