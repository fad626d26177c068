import Files
import Foundation
import TestSupport
import Testing

@Suite struct JSONPathTests {
    private static let shop: JSON = [
        "country": ["name": "Peru", "capital": "Lima"],
        "stock": [["shop": "north", "left": 3], ["shop": "south"], 7], "tags": ["new", "red"], "a.b": 1,
        "": ["c": true],
    ]

    @Test(
        arguments: [
            ("country.capital", ["Lima"]), ("stock[].shop", ["north", "south"]), ("stock[1].shop", ["south"]),
            ("tags[]", ["new", "red"]), ("tags", [["new", "red"]]), ("tags[2]", []), ("tags.new", []),
            ("stock.shop", []),
            ("\"a.b\"", [1]), ("a.b", []), ("\"\".c", [true]), ("country[]", []),
        ] as [(String, [JSON])])
    func valuesLieAtAPath(_ path: String, _ values: [JSON]) throws {
        let path = try JSONPath(path)
        #expect(path.values(in: Self.shop) == values)
        #expect(try JSONPath(path.description) == path)
    }

    @Test func pathsDifferByTheirBytes() throws {
        let odd = JSONPath(member: "a\"\u{301}\\\u{301}.b")
        #expect(try JSONPath(odd.description) == odd)
        #expect(JSONPath(member: "é") != JSONPath(member: "e\u{301}"))
    }

    @Test(arguments: [
        "", ".", "a.", "a..b", "a[", "a[x]", "a[-1]", "a]", "\"a", "a\"b", "a[0]b", "[0]", "a[99999999999999999999]",
    ])
    func whatIsNoPathIsRefusedWithItsPlace(_ text: String) {
        let error = #expect(throws: BelfryError.self) { try JSONPath(text) }
        #expect(error?.code == .invalidInput && error?.message.contains("at byte") == true)
    }

    @Test(arguments: [
        ("country", #"{"country":{"capital":"Lima","name":"Peru","x":1}}"#),
        ("country.river", #"{"country":{"capital":"Lima","name":"Peru","river":{"x":1}}}"#),
        ("country.name", #"{"country":{"capital":"Lima","name":{"x":1}}}"#),
        ("new.deep", #"{"country":{"capital":"Lima","name":"Peru"},"new":{"deep":{"x":1}}}"#),
        ("list[0]", #"{"country":{"capital":"Lima","name":"Peru"},"list":[]}"#),
    ])
    func mergingMakesObjectsOnTheWay(_ path: String, _ after: String) throws {
        var members: JSON.Members = ["country": ["name": "Peru", "capital": "Lima"]]
        try JSONPath(path).merge(["x": 1], into: &members)
        #expect(JSON.object(members).text() == after)
    }

    @Test func mergingReachesEveryElement() throws {
        var members: JSON.Members = ["stock": [["left": 3], ["left": 4]]]
        try JSONPath("stock[]").merge(["x": 1], into: &members)
        try JSONPath("stock[1]").merge(["left": 9], into: &members)
        #expect(JSON.object(members).text() == #"{"stock":[{"left":3,"x":1},{"left":9,"x":1}]}"#)
    }

    @Test(arguments: [
        ("a", #"{"s":[{"t":1,"u":2},{"t":3}]}"#), ("a.b", #"{"a":{"c":2},"s":[{"t":1,"u":2},{"t":3}]}"#),
        ("s[].t", #"{"a":{"b":1,"c":2},"s":[{"u":2},{}]}"#), ("s[0]", #"{"a":{"b":1,"c":2},"s":[{"t":3}]}"#),
        ("s[]", #"{"a":{"b":1,"c":2},"s":[]}"#), ("a.x.y", #"{"a":{"b":1,"c":2},"s":[{"t":1,"u":2},{"t":3}]}"#),
    ])
    func removingTakesWhatIsThere(_ path: String, _ after: String) throws {
        var members: JSON.Members = ["a": ["b": 1, "c": 2], "s": [["t": 1, "u": 2], ["t": 3]]]
        try JSONPath(path).remove(from: &members)
        #expect(JSON.object(members).text() == after)
    }

    @Test func anyTextIsAPathOrRefused() {
        var random = SeededGenerator(seed: 5)
        let parts = ["a", "b", ".", "[", "]", "[]", "[0]", "\"", "\\", "é", " "]
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 0...8, using: &random)).map { _ in parts.randomElement(using: &random) ?? ""
            }
            .joined()
            guard let path = try? JSONPath(text) else { continue }
            #expect((try? JSONPath(path.description)) == path, "seed 5: \(text)")
        }
    }
}
