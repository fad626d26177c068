import Files
import Foundation
import TestSupport
import Testing

@testable import Recipes

/// Small files, and what is guessed of them.
@Suite struct DraftTests {
    /// What a recipe says, without comments, and without what is the same in all of them.
    private static func essence(_ yaml: String) -> [String] {
        let same = [
            "name:", "tower:", "vectors:", "search:", "words:", "  language:", "  fields:", "  bad:",
        ]
        return yaml.split(separator: "\n").filter { line in
            !line.hasPrefix("#") && !same.contains { line.hasPrefix($0) }
        }.map { line in
            line.range(of: "  # ").map { String(line[..<$0.lowerBound]) } ?? String(line)
        }
    }

    private static func draft(_ data: Data, _ name: String, in folder: String) throws -> RecipeDraft {
        try data.writeAnew(to: "\(folder)/\(name)")
        let towers = try TowerShelf(for: folder, cache: folder + "/cache")
        return try RecipeDraft(TableProfile("\(folder)/\(name)"), folder: folder, towers: towers)
    }

    struct Case: CustomTestStringConvertible {
        let name: String
        let rows: String
        let recipe: String
        var testDescription: String { name }
    }

    static let cases = [
        Case(
            name: "shop.csv",
            rows: "sku,name,description,price,brand\nA-1,Red lamp,\"A lamp, red\",9.5,Acme\nA-2,Desk,A desk,12,Bolt\n",
            recipe: """
                rows:
                  file: shop.csv
                id: sku
                text: "{name}\\n{brand}\\n{description}"
                payload:
                  sku: string
                  name: string
                  description: string
                  price: number
                  brand: string
                show: [name, brand, price]
                """),
        Case(
            name: "semicolons.csv",
            rows: "\u{feff}id;title;in stock;added\n1;Red lamp;yes;2024-01-05\n2;Blue desk;no;2024-02-06\n",
            recipe: """
                rows:
                  file: semicolons.csv
                  delimiter: ";"
                id: id
                text: "{title}"
                payload:
                  id: integer
                  title: string
                  "in stock": boolean
                  added: string
                show: [title]
                """),
        Case(
            name: "doubles.csv", rows: "title,,title,price,{x}\nRed lamp,a,b,1,q\nBlue desk,b,c,2,r\n",
            recipe: """
                rows:
                  file: doubles.csv
                  columns:
                    title: 1
                    column_2: 2
                    title_2: 3
                    _x_: 5
                  number: row
                id: row
                text: "{title}"
                payload:
                  title: string
                  column_2: string
                  title_2: string
                  price: integer
                  _x_: string
                show: [title, price]
                """),
        Case(
            name: "bare.tsv", rows: "17\tRed lamp\t9.5\n18\tBlue desk\t12\n19\tGreen oven\t3\n",
            recipe: """
                rows:
                  file: bare.tsv
                  header: false
                  columns:
                    column_1: 1
                    column_2: 2
                    column_3: 3
                id: column_1
                text: "{column_2}"
                payload:
                  column_1: integer
                  column_2: string
                  column_3: number
                show: [column_2]
                """),
        Case(
            name: "lists.csv",
            rows:
                "id,title,tags,genres,sizes,stock\n1,Red lamp,\"['a', \"\"b's\"\"]\",\"[{'id': 1}]\",S|M,5\n2,Desk,[],[],M|L,NA\n",
            recipe: """
                rows:
                  file: lists.csv
                  missing: ["NA"]
                id: id
                text: "{title}"
                payload:
                  id: integer
                  title: string
                  tags: list
                  genres: json
                  sizes: {type: list, separator: "|"}
                  stock: integer
                show: [title]
                """),
        Case(
            name: "objects.jsonl",
            rows: #"{"asin": "B1", "title": "Red lamp", "n": 5, "tags": ["a"], "d": {"x": 1}}"# + "\n"
                + #"{"asin": "B2", "title": "Desk", "n": null, "mixed": 5}"# + "\n"
                + #"{"asin": "B3", "title": "Oven", "mixed": "x"}"#,
            recipe: """
                rows:
                  file: objects.jsonl
                id: asin
                text: "{title}"
                payload:
                  asin: string
                  d: json
                  "n": integer
                  tags: list
                  title: string
                  mixed: string
                show: [title]
                """),
        Case(
            name: "array.json", rows: #"[{"a.b": "one two", "": 1}, {"a.b": "three four", "": 2}]"#,
            recipe: """
                rows:
                  file: array.json
                  columns:
                    column_1: ""
                id: column_1
                text: "{a.b}"
                payload:
                  column_1: integer
                  a.b: string
                show: [a.b]
                """),
        Case(
            name: "repeats.csv",
            rows: "track_id,track_name\n" + (0..<20).map { "t\(min($0, 18)),Song \($0)\n" }.joined(),
            recipe: """
                rows:
                  file: repeats.csv
                id: track_id
                text: "{track_name}"
                payload:
                  track_id: string
                  track_name: string
                show: [track_name]
                """),
        Case(
            name: "family.csv",
            rows: "asin,parent_asin,title,image\n"
                + (0..<20).map { "B\($0),P\($0 / 3),Lamp of kind \($0),https://x.org/\($0).jpg?w=5\n" }.joined(),
            recipe: """
                rows:
                  file: family.csv
                id: asin
                text: "{title}"
                payload:
                  asin: string
                  parent_asin: string
                  title: string
                  image: string
                show: [title]
                evaluate:
                  same-product:
                    same: parent_asin
                    sample: 2000
                    k: [5, 10]
                    baselines: [bm25]
                    headline: [ndcg@10, hit_rate@10]
                """),
        Case(
            name: "one.csv", rows: "word\nlamp\ndesk\nlamp\n",
            recipe: """
                rows:
                  file: one.csv
                  number: row
                id: row
                text: "{word}"
                payload:
                  word: string
                show: [word]
                """),
        Case(
            name: "plain", rows: "id|name|empty\n7|Red lamp|\n8|Desk|\n",
            recipe: """
                rows:
                  file: plain
                  format: csv
                  delimiter: "|"
                id: id
                text: "{name}"
                payload:
                  id: integer
                  name: string
                show: [name]
                """),
    ]

    @Test(arguments: cases) func smallFilesAreGuessed(_ some: Case) throws {
        try withTemporaryDirectory { folder in
            let draft = try Self.draft(Data(some.rows.utf8), some.name, in: folder)
            #expect(Self.essence(draft.yaml) == some.recipe.split(separator: "\n").map(String.init), "\(draft.yaml)")
            // A name in quotes is a name again, and every row that can be read can be used, but for ids that repeat.
            let check = try draft.check()
            #expect(check.badRows == (some.name == "repeats.csv" ? 1 : 0), "\(check.first)")
        }
    }

    /// Types hold for the last row, too.
    @Test func typesHoldForTheWholeFile() throws {
        try withTemporaryDirectory { folder in
            var rows = "id,title,price,flag,day,many\n"
            for row in 0..<5_000 { rows += "\(row),Lamp \(row),\(row).5,\(row % 2),2024-01-0\(1 + row % 9),\(row)\n" }
            rows += "x-1,Lamp,call us,2,tomorrow,0100\n"
            let draft = try Self.draft(Data(rows.utf8), "late.csv", in: folder)
            let types = Dictionary(uniqueKeysWithValues: draft.payload.map { ($0.name, $0.guess.type) })
            #expect(types["price"] == .string && types["flag"] == .integer && types["many"] == .string)
            #expect(draft.yaml.contains("since line 5002 has “call us”"), "\(draft.yaml)")
            let check = try draft.check()
            #expect(check.points == 5_001 && check.badRows == 0)
        }
    }

    @Test func fiveHundredColumnsAreTooMany() throws {
        try withTemporaryDirectory { folder in
            let names = (0..<500).map { "c\($0)" }.joined(separator: ",")
            let rows = (0..<30).map { row in (0..<500).map { "some words \(row) \($0)" }.joined(separator: ",") }
            let draft = try Self.draft(
                Data((names + ",title\n" + rows.map { $0 + ",Lamp\n" }.joined()).utf8), "wide.csv", in: folder)
            #expect(draft.payload.count == RecipeDraft.mostFields && draft.leftOut.count == 401)
            #expect(draft.texts.first?.name == "title" && draft.payload.contains { $0.name == "title" })
            #expect(try draft.check().points == 30)
        }
    }

    @Test(arguments: [
        ("Der Tisch ist aus Holz und die Lampe ist nicht dabei", "german"),
        ("La table est dans la maison avec une lampe pour les enfants", "french"), ("Acme drill X-15", "english"),
        ("Acme Eau de Parfum", "english"),
        ("手袋 耐熱 実験室", "none"),
    ])
    func languagesAreHeard(_ text: String, _ language: String) throws {
        try withTemporaryDirectory { folder in
            let draft = try Self.draft(Data("id,title\n1,\(text)\n2,\(text)\n".utf8), "l.csv", in: folder)
            #expect(draft.language ?? "none" == language)
            #expect(draft.yaml.contains("  language: \(language)"))
        }
    }

    @Test(arguments: [
        ("a.csv", "", "empty", "Write the columns' names"),
        ("a.csv", "id,title\n", "no row behind it", "Write the rows"),
        ("a.jsonl", "\n\n", "no rows", "Write the rows"), ("a.csv", "id,title\n1\n2\n", "Not one of 2 rows", "Mend"),
        ("a.csv", "id,title\n1,\"a\n", "The only row", "written twice"),
        ("a.csv", "id,x\n1,2\n2,3\n", "No column holds texts", "names or descriptions"),
        ("a.parquet", "PAR1", "does not say how", "pandas.read_parquet"),
        ("a.csv", "PAR1\u{15}xxxxxxxxxxxx", "a Parquet file", "pandas.read_parquet"),
        ("a.db", "SQLite format 3\0", "does not say how", "sqlite3 -header -csv"),
        ("a.csv", "id,ti\0tle\n1,Lamp\n", "zero byte", "tr -d"), ("a.json", "[{\"a\": \"b c\"}", "not closed", "jq -c"),
    ])
    func whatIsNoTableSaysWhatToDo(_ name: String, _ rows: String, _ message: String, _ remedy: String) throws {
        try withTemporaryDirectory { folder in
            let error = #expect(throws: BelfryError.self) { try Self.draft(Data(rows.utf8), name, in: folder) }
            #expect(error?.message.contains(message) == true && error?.remedy?.contains(remedy) == true, "\(error!)")
            #expect(error?.location?.file.hasSuffix(name) == true)
        }
    }

    /// Whatever bytes a file has, there is an error, or a recipe that can be read and tried.
    @Test func anyFileGivesARecipeOrAnError() throws {
        var random = SeededGenerator()
        let pieces = [
            "id", "title", "name,", ",", ",", ";", "\t", "\n", "\n", "\n", "\"", "\"\"", "1", "2.5", "NA", "['a', 'b']",
            "[{\"a\": 1}]", "{", "}", "{x}", "é", "e\u{301}", "😀", "yes", "null", "#", ": ", "'", "\\", "\u{85}",
            "\u{feff}",
            "\u{202e}", "2024-01-05", "https://a.b/c.jpg", "a b c", " ", "\0", "${x}", "~", "%", "- ", "|", "0012",
        ]
        try withTemporaryDirectory { folder in
            var drafts = 0
            for round in 0..<Fuzz.executions(1_500) {
                var text = round % 2 == 0 ? "id,title,\(pieces.randomElement(using: &random)!)\n" : ""
                for _ in 0..<Int.random(in: 0..<40, using: &random) { text += pieces.randomElement(using: &random)! }
                let name = ["f.csv", "f.tsv", "f.jsonl", "f.json", "f.txt"].randomElement(using: &random)!
                if name.hasPrefix("f.json") {
                    let names = (0..<3).map { _ in JSON.string(pieces.randomElement(using: &random)!).text() }
                    text = (0..<4).map { row in
                        "{"
                            + names.map {
                                "\($0): \([JSON.string(pieces.randomElement(using: &random)!).text(), "5", "[1]", "{}"].randomElement(using: &random)!)"
                            }.joined(separator: ", ") + "}"
                    }.joined(separator: "\n")
                }
                do {
                    let draft = try Self.draft(Data(text.utf8), name, in: folder)
                    let recipe = try Recipe(yaml: draft.yaml, folder: folder)
                    #expect(
                        recipe.payload.count == draft.payload.count,
                        "\(random), \(text.debugDescription)\n\(draft.yaml)")
                    let fields = recipe.input.template?.fields ?? []
                    #expect(fields.map { UTF8Key($0) } == draft.texts.map { UTF8Key($0.name) })
                    drafts += 1
                    // All rows may be bad: then that is said.
                    _ = try? draft.check()
                } catch let error as BelfryError {
                    #expect(
                        error.location?.file.contains("recipe.yaml") != true,
                        "\(random), \(text.debugDescription): \(error)")
                }
            }
            #expect(drafts > 100)
        }
    }
}
