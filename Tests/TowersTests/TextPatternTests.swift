import Files
import Foundation
import TestSupport
import Testing

@testable import Towers

@Suite struct TextPatternTests {
    private func matches(_ pattern: String, _ text: String) throws -> [String] {
        let pattern = try TextPattern(pattern, at: .init(file: "test"))
        let stack = PatternStack()
        var text = text
        return text.withUTF8 { bytes in
            var found: [String] = []
            var place = 0
            while let match = pattern.next(bytes, from: place, stack) {
                found.append(String(decoding: bytes[match], as: UTF8.self))
                place = match.upperBound
            }
            return found
        }
    }

    @Test(arguments: [
        ("a|ab|abc", "abcab", ["a", "a"]), ("abc|ab|a", "abcab", ["abc", "ab"]), ("(?:ab)+c", "ababcabab", ["ababc"]),
        ("a+?b", "aaab", ["aaab"]), ("a{2}", "aaaaa", ["aa", "aa"]), ("a{2,3}", "aaaaa", ["aaa", "aa"]),
        ("a{,2}b", "aaab", ["aab"]), ("x(?:ab|a)bc", "xabc xabbc", ["xabc", "xabbc"]), ("a++ab|b", "aaab", ["b"]),
        (#"\s+(?!\S)|\s+"#, "a   b  ", ["  ", " ", "  "]), (#"\p{N}{1,3}"#, "12345٣½", ["123", "45٣", "½"]),
        ("(?i:'s|'ll)", "'S 'Ll 'ſ 'x", ["'S", "'Ll", "'ſ"]), ("[^a-c]+", "abcdéx日a", ["déx日"]),
        ("[a-z&&[^aeiou]]+", "hello", ["h", "ll"]), ("[^(\\s|[.,!?…])]+", "a|b (c, d)…e", ["a", "b", "c", "d", "e"]),
        (#"[\p{L}--]+"#, "a-b", ["a-b"]), (#"\x41\u0042\x{1F514}"#, "AB🔔", ["AB🔔"]), ("(?<=a)b", "ab bb", ["b"]),
        ("(?<!a)b", "ab bb", ["b", "b"]), ("(?>a+)b|a", "aab", ["aab"]), ("(?>a|ab)c|b", "abc", ["b"]),
        ("(ab?)*c", "ababac abb c", ["ababac", "c"]), ("(?=ab)a", "acab", ["a"]),
        ("ba{2}?", "baabab", ["baa", "b", "b"]), ("[]a]+", "a]b", ["a]"]),
    ])
    func matchesAreOnigurumas(pattern: String, text: String, wanted: [String]) throws {
        #expect(try matches(pattern, text) == wanted)
    }

    @Test(arguments: [
        "a*", "(a*)*", "^a", "a$", "(a", "a)", "[a", "a{", "a{3,2}", "a{5000}", #"\p{Han}"#, #"\b"#, #"\1"#, "(?<n>a)",
        "[[:alpha:]]", "*a", #"a\"#, "(?<=ab)c", "[z-a]", "(?:)", #"\p{"#, String(repeating: "(", count: 100), "",
        String(repeating: "a{1000}", count: 200) + "|(((b{900}c){900}d){900}e)",
    ])
    func whatIsNotDoneIsRefused(pattern: String) throws {
        #expect(throws: BelfryError.self) { try TextPattern(pattern, at: .init(file: "test")) }
    }

    /// A pattern that would take longer than the universe lasts gives up instead.
    @Test func noPatternTakesForEver() throws {
        #expect(try matches("(a|aa)+b|(a|a)+c|x", String(repeating: "a", count: 60) + "x") == ["x"])
        #expect(try matches("(?:a+)+b|x", String(repeating: "a", count: 2000) + "x") == ["x"])
        // Parts that are matched by themselves are counted, too.
        let start = Fuzz.seconds
        #expect(try matches("(?>(?:a)+?[ab]*(?>a+?){1000})|x", String(repeating: "a", count: 120) + "x") == ["x"])
        #expect(Fuzz.seconds - start < 0.5)
    }

    /// Patterns of random parts on texts that suit them badly: refused, or done within the attempts that a text has.
    @Test func randomPatternsEndSoon() throws {
        var random = SeededGenerator()
        func pattern(_ depth: Int) -> String {
            let atoms = [
                "a", "b", ".", "[ab]", "[^a]", #"\s"#, #"\p{L}"#, "é", "日", "'s", "(?i:a)", "[a-z&&[^b]]", "\0", "{",
                "[",
            ]
            var text = ""
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                if depth > 0, Bool.random(using: &random) {
                    let open = ["(", "(?:", "(?>", "(?=", "(?!", "(?<=", "(?i:"].randomElement(using: &random)!
                    text +=
                        open + pattern(depth - 1) + (Bool.random(using: &random) ? "|" + pattern(depth - 1) : "") + ")"
                } else {
                    text += atoms.randomElement(using: &random)!
                }
                text += ["", "", "+", "*", "?", "+?", "++", "{2}", "{1,3}", "{0,99}", "{1000}", "{,5}"]
                    .randomElement(using: &random)!
            }
            return text
        }
        let texts = [
            String(repeating: "a", count: 120), String(repeating: "ab", count: 60) + "é日's \n",
            String(repeating: " \n", count: 50) + "b",
        ]
        let stack = PatternStack()
        var compiled = 0
        for _ in 0..<Fuzz.executions {
            let source = pattern(3)
            let start = Fuzz.seconds
            guard let pattern = try? TextPattern(source, at: .init(file: "test")) else { continue }
            compiled += 1
            var text = texts.randomElement(using: &random)!
            text.withUTF8 { bytes in
                var place = 0
                while let match = pattern.next(bytes, from: place, stack) {
                    #expect(!match.isEmpty && match.lowerBound >= place, "\(source), \(random)")
                    place = match.upperBound
                }
            }
            #expect(Fuzz.seconds - start < 1, "\(source), \(random)")
        }
        #expect(compiled > 0)
    }

    /// For every Unicode scalar, "1" if the pattern matches it, "0" if not, as `tokenizers` 0.23.3 does.
    @Test(arguments: [
        (#"\p{L}"#, "e35406f1fac810b872b6d38de3fad3949fd7336300a3ccfc6922f1fd0de5e38c"),
        (#"\p{M}"#, "10742687cdf2be8d63c9148d3c2a00fdf7f68c56995c82edcd952037f8fca597"),
        (#"\p{N}"#, "29e0afbf92cac2cc8dd69785e5f550daf4a90bf2db9a4492b7d3e5bbb0cf0ac8"),
        (#"\p{P}"#, "7011eee2e9ec80854c284f7def0fa0ed564417c5775423c2304b55ff447d1f9a"),
        (#"\p{S}"#, "e9f8a9e519ed125e369c3dcdf343ab73a6c6c89d8d51025db9bf95650af81393"),
        (#"\p{Z}"#, "08456fa32eab6559c989effe239aa371ecf38dcf2fb14c0c43139c2ddbdc7da4"),
        (#"\p{C}"#, "2f4158750c522dd532afad40023628e25773e4efbd83c513148e375967fd4732"),
        (#"\s"#, "fbbbce4e4bea880669e12998bd41d2419154eecf9e48a506b82ebd9d3768f6a9"),
        (#"\d"#, "184257ae64493754f7a23679b8ffd791c70374300dea133c1fb0b3ddd979432b"),
        (#"\w"#, "460b73b222eeb77a34c7bddbd5c78a26d70c1e42915e6c3f7817c50942141d2e"),
        (#"[^\s\p{L}\p{N}]"#, "70a12a5bdb40271468c706838cbac4d6bf2f60336a9b58647b1d1fe0e1c3ec22"),
        (#"\p{Ll}"#, "6f7ea733bf590559e0beb001853dde9ec6697217a22d7cb06ce71a46acc4a393"),
        (#"(?i:[a-zß-ÿ])"#, "96afd06d2b4407709eb4eca8d5e791d009104e3ac49f4ee12f8bfb461db22c7a"),
        (#"."#, "1070ca93e286acdd63b313782943c29546fa6910cdcd2f5f9e8b28b29450f784"),
    ])
    func classesAreTheReferenceLibrarys(pattern: String, digest: String) throws {
        let pattern = try TextPattern(pattern, at: .init(file: "test"))
        let stack = PatternStack()
        var all = Data()
        for value in UInt32(0)..<0x110000 where Unicode.Scalar(value) != nil {
            let isThere = UTF8Text.bytes(value).withUnsafeBufferPointer { pattern.next($0, from: 0, stack) != nil }
            all.append(isThere ? 0x31 : 0x30)
        }
        #expect(Digest.sha256(all) == digest)
    }

    /// For every Unicode scalar, "1" if it is neither part of a word nor a space, as the Whitespace pre-tokenizer of
    /// `tokenizers` 0.23.3 cuts.
    @Test func wordsAreTheReferenceLibrarys() {
        let other = ScalarTable(ScalarClass.word.union(ScalarClass.whitespace).inverted)
        var all = Data()
        for value in UInt32(0)..<0x110000 where Unicode.Scalar(value) != nil {
            all.append(other.contains(value) ? 0x31 : 0x30)
        }
        #expect(Digest.sha256(all) == "68b32a070387ae54c61d8ac1445b443f584ea5e2c998ac886f6406800da17d08")
    }

    /// Every Unicode scalar, normalised, and a line feed, as `tokenizers` 0.23.3 gives them.
    /// A text has so many attempts in all; after they are used up only what is found at once is a match.
    @Test func noPatternTakesForEverAtEachPlace() throws {
        let hostile = String(repeating: "ab", count: 4000)
        #expect(try matches("(?:a|b|ab|ba)*c", hostile).isEmpty)
        #expect(try matches("(?:a|b|ab|ba)*c", "abbac" + hostile) == ["abbac"])
        #expect(try matches("[ab]+[ab]+[ab]+[ab]+c", hostile).isEmpty)
        #expect(try matches("(?:a|b|ab|ba)*c|x", hostile + "xx") == ["x", "x"])
        // A search from the start has them again, also with the same stack.
        #expect(try matches("(?:a|b)*c", String(repeating: "abc", count: 4000)).count == 4000)
    }

    @Test(arguments: [
        ("NFC", "9cc65524a9d8082bf10840c616cd199bd2ac12ee49a3381bd6fb7957711f342b"),
        ("NFD", "34c986f61cb6f6d682995fecf92e27dccdcd867a8eb8358cb155ab1047757fa1"),
        ("NFKC", "6a3e30f0f9aef6e699678c0600f1f19eca47f536f8da1f9b8c7725d4341f1cc5"),
        ("NFKD", "b13d7cf200216bf8a1994ee254dd770e4263e5ec5bbc2cc056a58baa4b647b3e"),
        ("Lowercase", "62a955092f4341ca841e803dc5d73e6df6210c1d7a8046780af533dc63ec2bd1"),
        ("StripAccents", "714b5ad117b0e4e8d2d3f3e9dc7dfb4acaef720d6158d1ea6c5fc52f6b5ee031"),
        ("Nmt", "314e83a060113e06482aa499c0189c3eeeea97862929e9e987bb9dd859da7a7d"),
    ])
    func everyScalarIsNormalisedAsTheReferenceDoes(name: String, digest: String) throws {
        let step: TextNormalizer.Step =
            switch name {
            case "Lowercase": .lowercase
            case "StripAccents": .stripAccents
            case "Nmt": .nmt
            default: .form(UnicodeNormalization.of(UnicodeNormalization.Form(rawValue: name)!))
            }
        let normalizer = TextNormalizer(steps: [step])
        let scratch = TokenizerScratch()
        var all = Data()
        for value in UInt32(0)..<0x110000 where Unicode.Scalar(value) != nil {
            UTF8Text.bytes(value).withUnsafeBufferPointer { text in
                var isFirst = true
                all.append(contentsOf: normalizer.apply(text, &isFirst, scratch))
            }
            all.append(0x0a)
        }
        #expect(Digest.sha256(all) == digest)
    }
}
