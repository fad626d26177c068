import Files
import Foundation
import TestSupport
import Testing

@testable import Recipes

/// Cells that mean nothing, and rows that are named by their number.
@Suite struct RowsMissingTests {
    private func rows(_ text: String, _ name: String, _ rows: String) throws -> [JSON] {
        try withTemporaryDirectory { folder in
            try Data(text.utf8).writeAnew(to: "\(folder)/\(name)")
            let recipe = try Recipe(
                yaml: "rows: {file: \(name), \(rows)}\nid: row\ntext: \"{a}\"\ntower: t", folder: folder)
            let reader = try RowReader(recipe.rows.file, format: recipe.rows.format)
            let columns = try ["row", "a", "b"].map { try reader.column(recipe.rows.reference($0)) }
            var found: [JSON] = []
            while let row = try reader.nextUsable(badRow: { _ in }, { $0 }) {
                found.append(.array(columns.map { row.value($0) ?? .null }))
            }
            return found
        }
    }

    @Test func missingTextsAreEmptyCells() throws {
        let expected: [JSON] = [[1, "NAN", .null], [2, .null, "1"], [4, "x", .null]]
        let csv = "a,b\nNAN,NA\nNA,1\nbad\nx,-\n"
        #expect(try rows(csv, "a.csv", "missing: [NA, \"-\"], number: row") == expected)
        let lines =
            #"{"a": "NAN", "b": "NA"}"# + "\n" + #"{"a": "NA", "b": "1"}"# + "\n[]\n" + #"{"a": "x", "b": "-"}"# + "\n"
        #expect(try rows(lines, "a.jsonl", "missing: [NA, \"-\"], number: row") == expected)
        // All of one array stand on one line: a row is told by its number.
        let array = #"[{"a": "NAN", "b": "NA"}, {"a": "NA", "b": "1"}, 5, {"a": "x", "b": "-"}]"#
        #expect(try rows(array, "a.json", "missing: [NA, \"-\"], number: row") == expected)
        #expect(try rows("a,b\n-,NA\n", "a.csv", "missing: \"-\", number: row") == [[1, .null, "NA"]])
    }

    @Test(arguments: ["missing: []", "missing: [\"\"]", "missing: [[a]]", "columns: {row: 1}, number: row"])
    func whatCannotBeIsRefused(_ text: String) {
        #expect(throws: BelfryError.self) { try rows("a,b\n", "a.csv", text + ", bad: skip") }
    }

    @Test func namesInQuotesAreNames() throws {
        let recipe = try Recipe(
            yaml: "rows: {file: a.csv}\nid: a\ntext: \"{a}\"\ntower: t\npayload: {\"2020\": string, \"yes\": integer}",
            folder: "/r/shop")
        #expect(recipe.payload == ["2020": .string, "yes": .integer])
    }

    @Test func aCollectionOfTheSameRowsStaysOne() throws {
        func digest(_ rows: String) throws -> String {
            try Recipe(yaml: "rows: {file: a.csv\(rows)}\nid: a\ntext: \"{a}\"\ntower: t", folder: "/r/s").digest(
                asText: true)
        }
        #expect(try digest("") != digest(", missing: [NA]"))
        #expect(try digest("") != digest(", number: row"))
    }
}
