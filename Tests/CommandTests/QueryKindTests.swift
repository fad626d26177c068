import Files
import Foundation
import Recipes
import TestSupport
import Testing
import Towers
import Vectors

@testable import Belfry

/// Queries that a collection's towers do not take, and recipes whose variants have towers of different kinds: every error
/// names what there is to do.
@Suite struct QueryKindTests {
    private static let models = TestData.root + "/Tests/TowersTests/Fixtures/towers"
    private static let films = """
        {"id": "m1", "title": "Heat", "genres": ["crime", "drama"], "year": 1995}
        {"id": "m2", "title": "Alien", "genres": ["horror"], "year": 1979}
        {"id": "m4", "title": "M", "genres": ["crime"], "year": 1931}

        """
    private static let recipe = """
        name: films
        rows: {file: films.jsonl}
        id: id
        payload: {title: string}
        tower: pair
        vectors: {metric: ip}
        index: exact

        """

    /// A folder with films, a pair of towers of fields, and a recipe.
    private static func withFilms(_ recipe: String = recipe, _ body: (_ folder: String) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            try write(films, folder + "/films.jsonl")
            try write(recipe, folder + "/recipe.yaml")
            try Tower.importPair(
                query: models + "/user.onnx", item: models + "/movie.onnx",
                queryFeatures: models + "/user.features.json", itemFeatures: models + "/movie.features.json",
                to: folder + "/pair")
            try body(folder)
        }
    }

    private static func write(_ text: String, _ path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    private static func build(_ recipe: String) throws {
        let built = try BelfryProcess.run(["build", recipe])
        #expect(built.exitCode == 0, "\(built.errors)")
    }

    /// Fails with all of `words`.
    private static func refuses(_ arguments: [String], _ words: String...) throws {
        let run = try BelfryProcess.run(arguments)
        #expect(run.exitCode == 1, "\(arguments): \(run)")
        for word in words { #expect(run.errors.contains(word), "\(arguments): \(run.errors)") }
    }

    @Test func aTowerOfTextsTakesTexts() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, index: "exact")
            try Self.build(shop.recipe)
            try Self.refuses(["recommend", shop.recipe, "--user", "5"], "has no users", "takes texts", "belfry search")
            let fields = ["recommend", shop.recipe, "--user", #"{"user_id": 5}"#]
            try Self.refuses(fields, "takes no fields of a user", "belfry search", "--like ID")
            try Self.refuses(["recommend", shop.recipe, "--session", "p-1"], "takes no session", "belfry search")
            // The tower's own field is what it takes.
            let text = try BelfryProcess.run(["recommend", shop.recipe, "--user", #"{"text": "red lamp"}"#])
            #expect(text.exitCode == 0, "\(text.errors)")
        }
    }

    @Test func aTowerOfFieldsTakesFields() throws {
        try Self.withFilms { folder in
            try Self.build(folder)
            try Self.refuses(
                ["search", folder, "heat"], "takes no text", "user_id (",
                #"Give fields: belfry recommend \#(folder)/films.belfry --user '{"user_id": …}'"#,
                "belfry similar")
            try Self.refuses(["explain", folder, "heat"], "takes no text")
            try Self.refuses(["recommend", folder, "--session", "m1"], "takes no session", "--user '")
        }
    }

    @Test func aTowerOfSessionsTakesSessions() throws {
        try withTemporaryDirectory { folder in
            try Self.write((0..<9).map { "{\"id\": \($0)}\n" }.joined(), folder + "/items.jsonl")
            try Self.write(
                "rows: {file: items.jsonl}\nname: items\nid: id\ntower: pair\nindex: exact\n", folder + "/recipe.yaml")
            let session = [Self.models + "/session.onnx", "--features", Self.models + "/session.features.json"]
            let made = try BelfryProcess.run(["tower", "import"] + session + ["--session", "--to", folder + "/pair"])
            #expect(made.exitCode == 0, "\(made.errors)")
            try Self.build(folder)
            try Self.refuses(["recommend", folder, "--user", "5"], "has no users", "--session ID,ID")
            try Self.refuses(["search", folder, "heat"], "takes no text", "--session ID,ID")
            // A session model is both towers, and no other model's item tower.
            let pair = ["--pair", session[0], "--pair-features", session[2], "--to", folder + "/other"]
            try Self.refuses(["tower", "import"] + session + pair, "--session, without --pair")
        }
    }

    /// Half of a pair fills a collection whose points are alike; it knows no users.
    @Test func anItemTowerAloneTakesNoQueries() throws {
        try Self.withFilms(Self.recipe.replacing("tower: pair", with: "tower: pair/item.tower")) { folder in
            try Self.build(folder)
            try Self.build(folder)
            #expect(try BelfryProcess.run(["check", folder]).exitCode == 0)
            #expect(try BelfryProcess.run(["similar", folder, "m1"]).exitCode == 0)
            for arguments in [["recommend", folder, "--user", "ann"], ["recommend", folder, "--user", "{}"]] {
                try Self.refuses(arguments, "item tower of a pair alone", "the pair's directory", "belfry similar")
            }
        }
    }

    @Test func calibrationQueriesAreTheTowers() throws {
        let recipe = Self.recipe.replacing("index: exact", with: "calibrate: {file: films.jsonl, text: title}")
        try Self.withFilms(recipe) { folder in
            try Self.refuses(["build", folder], "calibrate gives the query tower a text", "user_id (")
        }
    }

    /// Every variant reads what its tower takes.
    @Test func variantsMayHaveTowersOfBothKinds() throws {
        let recipe =
            "variants: [pair, words]\n"
            + Self.recipe.replacing("tower: pair", with: "tower: ${variant}\ntext: \"{title}\"\nfields: {}")
        try Self.withFilms(recipe) { folder in
            let words = try BelfryProcess.run(["tower", "import", Shop.model, "--to", folder + "/words"])
            #expect(words.exitCode == 0, "\(words.errors)")
            try Self.build(folder)
            let (pair, texts) = (
                try VectorCollection(at: folder + "/pair"), try VectorCollection(at: folder + "/words")
            )
            #expect(pair.configuration.main.dimension == 8 && texts.configuration.main.dimension == Shop.dimension)
            let tower = try Tower.load(folder + "/words")
            #expect(try texts.point("m1").vector == tower.embed(["Heat"], as: .document)[0])
            let item = try TowerPair.load(folder + "/pair").item
            let row: JSON = ["title": "Heat", "genres": ["crime", "drama"], "year": 1995]
            #expect(try pair.point("m1").vector == item.embed([row])[0])
            // An evaluation is for the variants whose tower takes its queries.
            let evaluations = "evaluate:\n  words: {file: q.jsonl, text: words, relevant: want, k: 1}\n"
            try Self.write(recipe + evaluations, folder + "/recipe.yaml")
            try Self.write("{\"words\": \"Heat\", \"want\": \"m1\"}\n", folder + "/q.jsonl")
            let run = try BelfryProcess.run(["evaluate", folder, "--json"])
            #expect(run.exitCode == 0, "\(run)")
            #expect(
                run.errors.contains("films-pair words is left out: The query tower takes no text."), "\(run.errors)")
            #expect(run.output.contains("\"variant\":\"words\"") && !run.output.contains("\"variant\":\"pair\""))
            // Without the fields, the variant of fields says what is missing.
            try Self.write(recipe.replacing("fields: {}", with: ""), folder + "/recipe.yaml")
            try Self.refuses(["build", folder + "/pair", "--replace"], "write fields: {} beside it")
        }
    }

    /// A list of the payload is a list to the tower, cut at the same separator.
    @Test func listsInCellsAreCutAsThePayloadSays() throws {
        try Self.withFilms { folder in
            try Self.build(folder)
            let lists = try VectorCollection(at: folder).point("m1").vector
            let table = "id,title,genres,year\nm1,Heat,crime | drama,1995\nm2,Alien,horror,1979\n"
            try Self.write(table, folder + "/films.csv")
            let csv = Self.recipe.replacing("films.jsonl", with: "films.csv")
            try Self.write(csv, folder + "/recipe.yaml")
            try Self.refuses(["build", folder, "--replace"], "Not one of 2 rows")
            let cut = csv.replacing("title: string", with: "title: string, genres: {type: list, separator: \"|\"}")
            try Self.write(cut, folder + "/recipe.yaml")
            let built = try BelfryProcess.run(["build", folder, "--replace"])
            #expect(built.exitCode == 0, "\(built.errors)")
            #expect(try VectorCollection(at: folder).point("m1").vector == lists)
        }
    }
}
