import Files
import Testing

@testable import Recipes

@Suite struct TextTemplateTests {
    @Test(arguments: [
        ("{a}", ["a": "x"], "x"),
        ("{a}\n{b}", ["a": "x", "b": "y"], "x\ny"),
        ("{a}\n{b}", ["a": "x"], "x"),
        ("{a}\n{b}", ["a": "  ", "b": " y "], "y"),
        ("{{{a}}}", ["a": "x"], "{x}"),
        ("title: {a}", ["a": "ø"], "title: ø"),
    ])
    func fillsIn(_ template: String, _ row: [String: String], _ expected: String) throws {
        #expect(try TextTemplate(template).text { row[$0] } == expected)
    }

    @Test func aRowWithoutAnyFieldHasNoText() throws {
        #expect(try TextTemplate("title: {a}, {b}").text { _ in nil } == nil)
        for blank in [" \n\u{a0}", "\u{200b}", "\u{feff} \u{2060}\u{ad}", "\u{200d}\u{1}"] {
            #expect(try TextTemplate("{a}").text { _ in blank } == nil)
        }
        #expect(try TextTemplate("{a}").text { _ in "\u{200b}x" } == "\u{200b}x")
    }

    @Test(arguments: ["", "no field", "{", "{a", "}", "a}", "{}", "{{a}}", "{a{b}}"])
    func refuses(_ template: String) {
        #expect(throws: BelfryError.self) { try TextTemplate(template) }
    }
}
