import Files
import Foundation
import TestSupport
import Testing

@testable import Recipes

@Suite struct YAMLTextTests {
    private static func bomb(_ levels: Int, _ end: String) -> String {
        "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
            + (1...levels).map {
                "a\($0): &a\($0) [" + [String](repeating: "*a\($0 - 1)", count: 9).joined(separator: ",") + "]\n"
            }
            .joined() + end
    }

    @Test(arguments: ["? *a29\n: y\n", "y: *a29\n", "? {k: *a29}\n: y\n", "- *a29\n", ""])
    func aliasBombsAreRefused(_ end: String) {
        let start = ContinuousClock.now
        let error = #expect(throws: BelfryError.self) { try Recipe(yaml: Self.bomb(29, end), folder: "/r/shop") }
        #expect(error?.code == .invalidInput)
        #expect(ContinuousClock.now - start < .seconds(2))
    }

    @Test func aliasesAreUsable() throws {
        let yaml = RecipeTests.whole.replacing("id: id", with: "id: &name id")
            .replacing("show: [title]", with: "show: &shown [title]\n")
        #expect(try Recipe(yaml: yaml, folder: "/r/shop").id == "id")
    }

    @Test(arguments: [
        ("id: id", "id: \"a\\0b\"", "U+0000", "line 5"),
        ("text: \"{title}\"", "text: {title}", "must be a text", "text: \"{title}\""),
        ("text: \"{title}\"", "text: {title} by {brand}", "not valid YAML", "text: \"{title} by {brand}\""),
        ("id: id", "id: " + String(repeating: "[", count: 500), "inside each other", "line 5"),
    ])
    func namesWhatIsWrong(_ old: String, _ new: String, _ message: String, _ place: String) {
        let yaml = RecipeTests.whole.replacing(old, with: new, maxReplacements: 1)
        let error = #expect(throws: BelfryError.self) { try Recipe(yaml: yaml, folder: "/r/shop") }
        #expect("\(error!)".contains(message) && "\(error!)".contains(place), "\(error!)")
    }

    /// A recipe with damage, or with a bomb of aliases of any size, or both: an error or a recipe, and soon.
    @Test func damageIsNeverATrap() {
        var random = SeededGenerator()
        let ends = [
            "? *a\n: y\n", "y: *a\n", "? {k: *a}\n: y\n", "? [*a, *a]\n: *a\n", "<<: *a\n", "z: {<<: [*a, *a]}\n",
        ]
        let small = RecipeTests.whole + "\n" + Self.bomb(2, "? *a2\n: y\n")
        for _ in 0..<Fuzz.executions(2_000) {
            var text = small
            if Bool.random(using: &random) {
                let levels = Int.random(in: 1...40, using: &random)
                let end = ends.randomElement(using: &random)!
                text = RecipeTests.whole + "\n" + Self.bomb(levels, end.replacing("*a", with: "*a\(levels)"))
            }
            var bytes = Array(text.utf8)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                if Bool.random(using: &random) {
                    bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                } else {
                    bytes.insert(Array("&*{}[]?:-\"'#|>!\n ".utf8).randomElement(using: &random)!, at: place)
                }
            }
            let start = Fuzz.seconds
            _ = try? Recipe(yaml: String(decoding: bytes, as: UTF8.self), folder: "/r/shop")
            #expect(Fuzz.seconds - start < 1, "\(random)")
        }
    }
}
