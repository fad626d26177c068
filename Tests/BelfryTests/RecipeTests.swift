import Files
import Testing
import Vectors

@testable import Belfry

@Suite struct RecipeTests {
    static let whole = """
        rows:
          file: products.csv
          columns: {id: 1, title: Name}
          bad: fail
        id: id
        text: "{title}"
        payload:
          title: string
          tags: {type: list, separator: "|"}
        show: [title]
        tower: t.tower
        vectors: {metric: ip, element: bf16, segment_rows: 7}
        """

    @Test func readsEveryField() throws {
        let recipe = try Recipe(yaml: Self.whole, folder: "/r/shop")
        #expect(recipe.name == "shop")
        #expect(recipe.collectionPath == "/r/shop/shop.belfry")
        #expect(recipe.rows.file == "/r/shop/products.csv")
        #expect(recipe.badRows == .fail)
        #expect(recipe.id == "id")
        #expect(recipe.text.fields == ["title"])
        #expect(recipe.payload == ["title": .string, "tags": .list(separator: "|")])
        #expect(recipe.show == ["title"])
        #expect(recipe.tower == "/r/shop/t.tower")
        #expect(recipe.metric == .ip)
        #expect(recipe.elementType == .bf16)
        #expect(recipe.segmentRows == 7)
    }

    @Test(arguments: [
        ("id: id", "", "id is missing", nil),
        ("bad: fail", "bad: ignore", "skip, fail", "line 4"),
        ("metric: ip", "metric: dot", "l2, ip, cosine", "line 12"),
        ("metric: ip", "metrik: ip", "vectors.metrik is not a field", "line 12"),
        ("id: id", "id: id\nid: other", "twice", "line"),
        ("title: string", "title: text", "payload.title cannot be read", "line 8"),
        ("segment_rows: 7", "segment_rows: 0", "at least 1", "line 12"),
        ("show: [title]", "show: [brand]", "not in payload", "line 10"),
        ("\"{title}\"", "\"title\"", "names no field", "line 6"),
        ("tower: t.tower", "tower: [a]", "must be a text", "line 11"),
        ("rows:", "rows: [", "not valid YAML", nil),
        ("  file: products.csv\n", "", "rows.file is missing", nil),
    ])
    func namesWhatIsWrong(_ old: String, _ new: String, _ message: String, _ place: String?) throws {
        let yaml = Self.whole.replacing(old, with: new, maxReplacements: 1)
        let error = #expect(throws: BelfryError.self) { try Recipe(yaml: yaml, folder: "/r/shop") }
        #expect(error?.code == .invalidInput)
        #expect("\(error!)".contains(message), "\(error!)")
        if let place { #expect(error?.location?.place?.contains(place) == true, "\(error!)") }
    }

    @Test func replacesVariablesInPaths() throws {
        #expect(try Recipe.path("${BELFRY_NO_SUCH:-/tmp}/x", in: "/r") == "/tmp/x")
        #expect(try Recipe.path("${BELFRY_NO_SUCH:-~/c}/x", in: "/r").hasSuffix("/c/x"))
        #expect(try !Recipe.path("~/x", in: "/r").hasPrefix("~"))
        #expect(try Recipe.path("a/b", in: "/r") == "/r/a/b")
        let error = #expect(throws: BelfryError.self) { try Recipe.path("${BELFRY_NO_SUCH}/x", in: "/r") }
        #expect(error?.message.contains("BELFRY_NO_SUCH") == true)
    }
}
