import Files
import Neighbors
import Testing
import Vectors

@testable import Recipes

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
        index: ivf
        recall: 0.9
        """

    @Test func readsEveryField() throws {
        let recipe = try Recipe(yaml: Self.whole, folder: "/r/shop")
        #expect(recipe.name == "shop")
        #expect(recipe.collectionPath == "/r/shop/shop.belfry")
        #expect(recipe.rows.file == "/r/shop/products.csv")
        #expect(recipe.badRows == .fail)
        #expect(recipe.id == "id")
        guard case .text(let template) = recipe.input else { throw CancellationError() }
        #expect(template.fields == ["title"])
        #expect(recipe.payload == ["title": .string, "tags": .list(separator: "|")])
        #expect(recipe.show == ["title"])
        #expect(recipe.tower == "/r/shop/t.tower")
        #expect(recipe.metric == .ip)
        #expect(recipe.elementType == .bf16)
        #expect(recipe.segmentRows == 7)
        #expect(recipe.index == .ivf)
        #expect(recipe.recall == 0.9)
        let short = try Recipe(yaml: Self.whole.replacing("index: ivf\nrecall: 0.9", with: ""), folder: "/r/shop")
        #expect(short.index == .auto && short.recall == nil)
        #expect(try Recipe(yaml: Self.whole.replacing("0.9", with: "1"), folder: "/r/shop").recall == 1)
    }

    @Test func textAndFieldsStandForTowersOfBothKinds() throws {
        let both = try Recipe(yaml: Self.whole + "\nfields: {name: title}", folder: "/r/shop")
        guard case .text(let template) = both.input.read(asText: true) else { throw CancellationError() }
        #expect(template.source == "{title}" && both.input.template == template)
        #expect(both.input.read(asText: false) == .fields(["name": "title"]))
        let text = try Recipe(yaml: Self.whole, folder: "/r/shop")
        #expect(text.input.read(asText: false) == .text(template))
        // What a tower does not read makes no other collection of it.
        #expect(text.digest(asText: true) == both.digest(asText: true))
        #expect(both.digest(asText: false) != both.digest(asText: true))
    }

    /// A changed recall is another index only where it decides which one.
    @Test func theDigestLeavesOutTheIndex() throws {
        let recipe = try Recipe(yaml: Self.whole, folder: "/r/shop")
        let other = try Recipe(yaml: Self.whole.replacing("0.9", with: "0.8"), folder: "/r/shop")
        #expect(
            try recipe.digest(asText: true) == other.digest(asText: true)
                && recipe.indexRequest(ofTexts: true, seed: 1) == other.indexRequest(ofTexts: true, seed: 1))
        let auto = Self.whole.replacing("ivf", with: "auto")
        let (one, two) = (
            try Recipe(yaml: auto, folder: "/r/shop"),
            try Recipe(yaml: auto.replacing("0.9", with: "0.8"), folder: "/r/shop")
        )
        #expect(try one.digest(asText: true) == recipe.digest(asText: true))
        #expect(try one.indexRequest(ofTexts: true, seed: 1) != two.indexRequest(ofTexts: true, seed: 1))
        // What it is calibrated on, and what it starts from, make another index, too.
        let requests = try [(true, UInt64(1)), (false, 1), (true, 2)].map {
            try recipe.indexRequest(ofTexts: $0.0, seed: $0.1)
        }
        #expect(Set(requests).count == 3, "\(requests)")
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
        ("index: ivf", "index: flat", "auto, hnsw, ivf, exact", "line 13"),
        ("recall: 0.9", "recall: 0", "above 0 and up to 1", "line 14"),
        ("recall: 0.9", "recall: 95", "above 0 and up to 1", "line 14"),
        ("recall: 0.9", "recall: .nan", "above 0 and up to 1", "line 14"),
        ("recall: 0.9", "recall: high", "above 0 and up to 1", "line 14"),
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
