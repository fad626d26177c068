import Foundation
import TestSupport
import Testing

@testable import Files

/// Texts that look the same and are Swift-equal, but have other bytes: `é` is one scalar, or two.
private let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}")

@Suite struct UTF8KeyTests {
    @Test func bytesAreWhatCounts() {
        #expect(composed == decomposed && UTF8Key(composed) != UTF8Key(decomposed))
        #expect(Set([UTF8Key(composed), UTF8Key(decomposed), UTF8Key("caf\u{e9}")]).count == 2)
        #expect(["\u{212b}", "\u{c5}", "A\u{30a}", "\u{c5}"].withoutRepeats.count == 3)
        #expect(UTF8Key(decomposed) < UTF8Key(composed) && !(UTF8Key(composed) < UTF8Key(composed)))
        let long = String(repeating: composed, count: 100)
        #expect(UTF8Key(long) == UTF8Key(String(decoding: Array(long.utf8), as: UTF8.self)))
        #expect([composed].containsBytes(of: composed) && ![composed].containsBytes(of: decomposed))
    }

    @Test func membersAreKept() throws {
        let text = "{\"\(composed)\":1,\"\(decomposed)\":3,\"\(composed)\":2}"
        let object = try JSON(parsing: Data(text.utf8), source: "s")
        #expect(object[composed] == 2 && object[decomposed] == 3)
        #expect(object.names.map { Array($0.utf8) } == [decomposed, composed].map { Array($0.utf8) })
        #expect(object.text() == "{\"\(decomposed)\":3,\"\(composed)\":2}")
        #expect(try JSON(parsing: Data(object.text().utf8), source: "s") == object)
        #expect(JSON.string(composed) != JSON.string(decomposed))
        #expect(Set<JSON>([.string(composed), .string(decomposed), [.string(composed)]]).count == 3)
    }

    @Test func zeroesAreSeen() throws {
        for (text, has) in [
            (#""a\u0000""#, true), (#"{"a\u0000":1}"#, true), (#"[[{"a":["\u0000"]}]]"#, true), (#""\\u0000""#, false),
            ("[1,null]", false),
        ] {
            #expect(try JSON(parsing: Data(text.utf8), source: "s").hasZero == has, "\(text)")
        }
    }
}

@Suite struct WholeNumberTests {
    @Test func readsWhatOthersWriteAsFractions() {
        let cases: [(String, JSON?)] = [
            ("5.0", 5), ("5.", 5), ("-7.000", -7), ("+3", 3), ("1e3", 1000), ("1.5e3", 1500), ("12300e-2", 123),
            ("9007199254740993.0", 9_007_199_254_740_993), ("1e19", .unsigned(10_000_000_000_000_000_000)),
            ("18446744073709551615.0", .unsigned(.max)), ("-9223372036854775808.0", .integer(.min)), ("0.0", 0),
            ("0e999999999999999999999", 0), ("000.5e1", 5), ("5.5", nil), ("1e-1", nil), ("18446744073709551616", nil),
            ("-9223372036854775809", nil), ("1e99999999999", nil), ("", nil), (".", nil), ("e5", nil), ("1e", nil),
            ("1e+", nil), ("5.0x", nil), ("0x10", nil), ("nan", nil), ("-0.0", nil), ("1e-99999999999", nil),
        ]
        for (text, value) in cases { #expect(WholeNumber(text)?.json == value, "\(text)") }
    }

    /// Where a number is exact in f64, both readings agree.
    @Test func agreesWithTheNearestFloat() throws {
        var random = SeededGenerator()
        for _ in 0..<20_000 {
            let digits = String(Int64.random(in: 0..<1 << 53, using: &random)).prefix(
                Int.random(in: 1...16, using: &random))
            let point = Int.random(in: 0...digits.count, using: &random)
            let text = "\(digits.prefix(point)).\(digits.dropFirst(point))e\(Int.random(in: -3...3, using: &random))"
            let value = try #require(Double(text.hasPrefix(".") ? "0" + text : text))
            let whole = value == value.rounded()
            // A fraction below a 10^16th of the whole is beyond f64.
            if let found = WholeNumber(text) { #expect(Double(found.magnitude) == value && whole, "\(text) \(random)") }
        }
    }
}

@Suite struct JSONWriterTests {
    /// The same bytes as Foundation's encoder: towers and collections hold digests of such texts.
    @Test func writesWhatFoundationWrites() throws {
        let values: [JSON] = [
            [], [:], ["a": [], "b": [:], "c": [1, [2, [], "x"], ["d": .null]]],
            .string("\u{0}\u{1}\u{8}\u{9}\n\u{b}\u{c}\r\u{1f}\u{7f}\u{2028}\"\\/é😀"),
            .array([5.0, 1e22, 1.5e-7, 0.1, -0.0, 1e16, 123456789012345680, 1e15, 1e300, -1.25].map { .number($0) }),
            .object(["b": 1, "B": 2, "a10": 3, "a9": 4, "é": 5, "z": 6, "_": 7]), .integer(.min), .unsigned(.max), true,
        ]
        for value in values {
            for pretty in [false, true] {
                let encoder = JSONEncoder()
                encoder.outputFormatting =
                    pretty
                    ? [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes] : [.sortedKeys, .withoutEscapingSlashes]
                let expected = String(decoding: try encoder.encode(value), as: UTF8.self)
                #expect(value.text(pretty: pretty) == expected)
            }
        }
    }

    @Test func whatIsNoNumberIsNull() {
        #expect(JSON.array([.number(.nan), .number(.infinity), 1]).text() == "[null,null,1]")
    }
}
