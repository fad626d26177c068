import Files
import Foundation
import TestSupport
import Testing

@Suite struct JSONParserTests {
    private func parse(_ text: String) throws(BelfryError) -> JSON { try JSON(parsing: Data(text.utf8), source: "s") }

    @Test func readsEveryKindOfValue() throws {
        let cases: [(String, JSON)] = [
            (" null ", .null), ("true", .bool(true)), ("false", .bool(false)), ("0", .integer(0)), ("-0", .integer(0)),
            ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
            ("18446744073709551615", .unsigned(.max)), ("18446744073709551616", .number(18446744073709551616)),
            ("-9223372036854775809", .number(-9223372036854775808)), ("1.5e3", .integer(1500)), ("5.0", .integer(5)),
            ("-0.0", .number(-0.0)),
            ("9007199254740993.0", .integer(9_007_199_254_740_993)), ("1e19", .unsigned(10_000_000_000_000_000_000)),
            ("1e20", .number(1e20)), ("2E-2", .number(0.02)),
            ("0.1", .number(0.1)), ("[]", .array([])), ("{}", .object([:])), ("\"\"", .string("")),
            ("[1 , \"a\"\t,\r\n{}]", .array([.integer(1), .string("a"), .object([:])])),
            (#"{"a":{"b":[true]},"a":2}"#, .object(["a": .integer(2)])),
            (#""\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00é""#, .string("\"\\/\u{8}\u{c}\n\r\té😀é")),
        ]
        for (text, value) in cases { #expect(try parse(text) == value, "\(text)") }
    }

    @Test func namesTheByteThatIsWrong() {
        let cases: [(String, Int)] = [
            ("", 0), ("nul", 3), ("nulL", 3), ("{", 1), ("[1,]", 3), ("[1 2]", 3), ("{\"a\" 1}", 5), ("{a:1}", 1),
            ("{\"a\":1,}", 7), ("01", 0), ("-", 1), ("1.", 2), ("1e", 2), (".5", 0), ("+1", 0), ("NaN", 0),
            ("1e999", 0),
            ("\"a", 2), ("\"a\nb\"", 2), (#""\x""#, 2), (#""\u12g4""#, 5), (#""\ud800""#, 7), (#""\udc00""#, 7),
            ("1 2", 2), ("'a'", 0), (String(repeating: "[", count: 100_000), 256),
        ]
        for (text, byte) in cases {
            let error = #expect(throws: BelfryError.self, "\(text.prefix(20))") { try parse(text) }
            #expect(error?.location?.place == "byte \(byte)", "\(text.prefix(20)): \(error!)")
        }
        let latin = Data([UInt8(ascii: "\""), 0xe9, UInt8(ascii: "\"")])
        #expect(throws: BelfryError.self) { try JSON(parsing: latin, source: "s") }
    }

    @Test func whatItWritesItReads() throws {
        var random = SeededGenerator()
        let executions = Fuzz.executions(2_000)
        for _ in 0..<executions {
            let value = any(depth: 0, &random)
            #expect(try JSON(parsing: Data(value.text().utf8), source: "s") == value, "\(random)")
            // Any damage ends in a value or in an error.
            _ = try? JSON(parsing: Data(value.text().utf8).mutated(using: &random), source: "s")
        }
    }

    private func any(depth: Int, _ random: inout SeededGenerator) -> JSON {
        switch Int.random(in: 0..<(depth < 4 ? 8 : 6), using: &random) {
        case 0: return .null
        case 1: return .bool(.random(using: &random))
        case 2: return .integer(.random(in: .min ... .max, using: &random))
        case 3: return .unsigned(.random(in: 1 << 63 ... .max, using: &random))
        case 4: return .number(Double(random.gaussian()) + 0.000_123)
        case 5:
            let letters = ["a", "\"", "\\", "é", "\0", "😀", "\n", "/", "\u{1}", "\u{2028}"]
            return .string(
                (0..<Int.random(in: 0..<6, using: &random)).map { _ in letters.randomElement(using: &random)! }.joined()
            )
        case 6: return .array((0..<Int.random(in: 0..<4, using: &random)).map { _ in any(depth: depth + 1, &random) })
        default:
            var members = JSON.Members()
            for name in ["a", "\u{e9}\"", "e\u{301}\"", "\0", ""] where Bool.random(using: &random) {
                members[name] = any(depth: depth + 1, &random)
            }
            return .object(members)
        }
    }
}
