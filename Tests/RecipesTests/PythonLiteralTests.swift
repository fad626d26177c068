import Files
import Foundation
import TestSupport
import Testing

@testable import Recipes

/// Lists in cells, as pandas writes them.
@Suite struct PythonLiteralTests {
    static let lists: [(String, JSON)] = [
        ("['a', 'b']", JSON.array(["a", "b"])), ("[\"it's\", 'say \"so\"']", ["it's", "say \"so\""]), ("[]", []),
        ("[ 1, 2.5 , -3,]", [1, 2.5, -3]), ("[None, True, False, nan]", [.null, true, false, .null]),
        ("{'id': 28, 'name': 'Action'}", ["id": 28, "name": "Action"]), ("[('a', 1), ['b']]", [["a", 1], ["b"]]),
        (#"['\'', '\\', '\n', '\x41', '\u00e9', '\d']"#, ["'", "\\", "\n", "A", "é", "\\d"]),
    ]

    @Test(arguments: lists) func listsAreRead(_ text: String, _ value: JSON) {
        #expect(PythonLiteral.json(text) == value, "\(text)")
    }

    @Test(arguments: [
        "", "a", "'a'", "[", "['a'", "['a' 'b']", "['a']x", "[a]", "{'a'}", "{'a': }", "{1: 2}", "[,]", "['\\x4']",
        "['\\ud800']", "[1 2]", "[1, , 2]", "[inf]",
    ])
    func whatIsNoneIsNone(_ text: String) { #expect(PythonLiteral.json(text) == nil, "\(text)") }

    @Test func listsInCellsAreLists() throws {
        let list = PayloadType.list(separator: "|")
        #expect(try list.convert("['a', None, '', \"b's\"]", field: "f") == ["a", "b's"])
        #expect(try list.convert(#"["a", 5]"#, field: "f") == ["a", 5])
        // What is no list in brackets is cut as before, and never refused.
        #expect(try list.convert("[a|b]", field: "f") == ["[a", "b]"])
        #expect(try list.convert(#"["a\u0000"]"#, field: "f") == [#"["a\u0000"]"#])
        #expect(try PayloadType.json.convert("[{'id': 28}]", field: "f") == [["id": 28]])
        #expect(throws: BelfryError.self) { try PayloadType.json.convert("['\\x00']", field: "f") }
    }

    @Test func deepOnesAndAnyBytesAreNoTrap() {
        #expect(PythonLiteral.json(String(repeating: "[", count: 100_000)) == nil)
        var random = SeededGenerator()
        let likely = Array("[]{}(),:'\"\\xu0a N1.e- é".unicodeScalars)
        for _ in 0..<Fuzz.executions(20_000) {
            let scalars = (0..<Int.random(in: 0..<24, using: &random)).map { _ in likely.randomElement(using: &random)!
            }
            let text = "[" + String(String.UnicodeScalarView(scalars))
            guard let value = PythonLiteral.json(text) else { continue }
            #expect(value.array != nil, "\(random), \(text)")
        }
    }
}
