import Files
import Foundation
import Recipes
import TestSupport
import Testing
import Towers

@testable import Belfry

/// Evaluations of a pair of towers: users, fields, a part of the points, variants.
@Suite struct EvaluateUsersTests {
    private static let models = TestData.root + "/Tests/TowersTests/Fixtures/towers"

    private static let films = """
        {"id": "m1", "title": "Heat", "genres": ["crime", "drama"], "year": 1995, "kind": "crime", "sold": 3}
        {"id": "m2", "title": "Alien", "genres": ["horror"], "year": 1979, "kind": "horror", "sold": 9}
        {"id": "m3", "title": "Amélie", "genres": [], "year": 2001, "kind": "other"}
        {"id": "m4", "title": "M", "genres": ["crime"], "year": 1931, "kind": "crime", "sold": 5}
        {"id": "m7", "title": "Thing", "genres": ["horror"], "year": 1982, "kind": "horror", "sold": 1}

        """
    private static let users = #"{"user_id": "ann", "age": 34}"# + "\n" + #"{"user_id": "bob"}"# + "\n"
    private static let queries = """
        {"user_id": "ann", "age": 34, "want": ["m1", "m7"], "had": ["m2"], "part": "horror", "genre": "crime"}
        {"user_id": "bob", "age": 20, "want": {"m4": 2}, "had": [], "part": "crime", "genre": "crime"}
        {"user_id": "zoe", "age": 9, "want": "m3", "part": "western", "genre": "drama"}

        """
    private static let recipe = """
        variants: [one, two]
        name: films
        rows: {file: films.jsonl}
        id: id
        payload: {title: string, kind: string, genres: list, sold: integer}
        tower: pair
        vectors: {metric: ip}
        index: exact
        users: {file: users.jsonl, id: user_id}
        evaluate:
          users: {file: q.jsonl, user: user_id, relevant: want, exclude: had, k: [2], baselines: ["popularity:sold"]}
          fields: {file: q.jsonl, fields: [user_id, age], relevant: want, k: [2]}
          table: {file: q.csv, fields: [user_id, age], relevant: want, exclude: had, k: [2]}
          part: {file: q.jsonl, user: user_id, relevant: want, within: {kind: "{part}"}, k: [1, 2]}
          genre: {file: q.jsonl, user: user_id, relevant: want, within: {genres: "{genre}"}, k: [5]}

        """

    private static func withFilms(_ body: (String) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            let files = [
                "films.jsonl": films, "users.jsonl": users, "q.jsonl": queries, "recipe.yaml": recipe,
                "q.csv":
                    "user_id,age,want,had\nann,34,\"m1, m7\",m2\nbob,old,m4,\nzoe,9,m3,\"[\"\"m1\"\", \"\"m2\"\"]\"\n",
            ]
            for (name, text) in files { try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)")) }
            try Tower.importPair(
                query: models + "/user.onnx", item: models + "/movie.onnx",
                queryFeatures: models + "/user.features.json", itemFeatures: models + "/movie.features.json",
                to: folder + "/pair")
            let built = try BelfryProcess.run(["build", folder])
            #expect(built.exitCode == 0, "\(built.errors)")
            try body(folder)
        }
    }

    private static func results(_ arguments: [String]) throws -> (results: [JSON], errors: String) {
        let run = try BelfryProcess.run(["evaluate", "--json"] + arguments)
        #expect(run.exitCode == 0, "\(run.errors)")
        let json = try JSON(parsing: Data(run.output.utf8), source: "evaluate")
        return (json["results"]?.array ?? [], run.errors)
    }

    private static func figure(_ result: JSON, _ name: String) -> JSON? {
        result["figures"]?.array?.first { $0["name"]?.string == name }
    }

    @Test func usersAreAskedAsARecommendationIs() throws {
        try Self.withFilms { folder in
            let (results, errors) = try Self.results([folder, "--only", "users", "--variant", "one"])
            #expect(results.count == 1 && results[0]["variant"] == "one")
            // The tower has no row for zoe but the unknown one.
            let counts = results[0]["counts"]
            #expect(counts?["queries"]?.integer == 3 && counts?["unknown_users"]?.integer == 1, "\(errors)")
            let collection = try VectorCollection(at: folder + "/one")
            var hits = 0.0
            for (user, want, had) in [("ann", ["m1", "m7"], ["m2"]), ("bob", ["m4"], []), ("zoe", ["m3"], [])] {
                let found = try collection.hits(.user(user), k: 5).map(\.name).filter { !had.contains($0) }
                hits += found.prefix(2).contains(where: want.contains) ? 1 : 0
            }
            let figure = Self.figure(results[0], "hit_rate@2")
            #expect(abs((figure?["exact"]?["mean"]?.number ?? -1) - hits / 3) < 1e-9)
            // The most sold: m4 and m1 for ann, who has had m2; m2 and m4 for the others.
            #expect(figure?["baselines"]?.array?.first?["value"]?["mean"]?.number == 2.0 / 3)
        }
    }

    /// What is built is evaluated; what is not is named with the command that builds it.
    @Test func variantsThatAreNotBuiltAreNamed() throws {
        try Self.withFilms { folder in
            try FileManager.default.removeItem(atPath: folder + "/films-one.belfry")
            let half = try BelfryProcess.run(["evaluate", folder, "--only", "users", "--json"])
            #expect(half.exitCode == 1 && half.errors.contains("Run: belfry build \(folder)/one"), "\(half.errors)")
            #expect(!half.errors.contains("\(folder)/two"), "\(half.errors)")
            let results = try JSON(parsing: Data(half.output.utf8), source: "evaluate")["results"]?.array
            #expect(results?.map { $0["variant"]?.string } == ["two"])
            try FileManager.default.removeItem(atPath: folder + "/films-two.belfry")
            let none = try BelfryProcess.run(["evaluate", folder])
            #expect(none.exitCode == 1 && none.output.isEmpty, "\(none)")
            for name in ["one", "two"] { #expect(none.errors.contains("belfry build \(folder)/\(name)")) }
            let both = try BelfryProcess.run(["evaluate", folder + "/one", "--variant", "two"])
            #expect(both.exitCode == 1 && both.errors.contains("Name one: belfry evaluate \(folder) --variant two"))
        }
    }

    /// Not one of the queries could be asked: that is one error, before the evaluations that could run.
    @Test func queriesThatTheTowerNeverTakesAreOneError() throws {
        try Self.withFilms { folder in
            for (line, says) in [
                ("late: {file: q.jsonl, session: want, relevant: want}", "cannot be asked by session"),
                ("late: {file: q.jsonl, text: part, relevant: want}", "cannot be asked by text"),
                ("late: {file: q.jsonl, fields: [user_id, part], relevant: want}", "Its fields are: user_id"),
            ] {
                try Data((Self.recipe + "  \(line)\n").utf8).write(to: URL(fileURLWithPath: folder + "/recipe.yaml"))
                let run = try BelfryProcess.run(["evaluate", folder])
                #expect(run.exitCode == 1 && run.output.isEmpty && run.errors.contains(says), "\(run)")
                #expect(run.errors.components(separatedBy: "belfry: ").count == 2, "\(run.errors)")
                #expect(run.errors.contains("recipe.yaml") && run.errors.contains("--only NAME"), "\(run.errors)")
                let others = try BelfryProcess.run(["evaluate", folder, "--only", "users", "--json"])
                #expect(others.exitCode == 0, "\(others.errors)")
            }
        }
    }

    @Test func fieldsAreWhatTheTowerTakes() throws {
        try Self.withFilms { folder in
            let (results, _) = try Self.results([folder, "--only", "fields"])
            #expect(results.map { $0["variant"]?.string } == ["one", "two"])
            #expect(results.allSatisfy { $0["counts"]?["queries"]?.integer == 3 })
            let (table, errors) = try Self.results([folder + "/two", "--only", "table"])
            #expect(table.count == 1 && table[0]["variant"] == "two")
            #expect(table[0]["counts"]?["queries"]?.integer == 2 && table[0]["counts"]?["bad_rows"]?.integer == 1)
            #expect(table[0]["counts"]?["relevant"]?.integer == 3 && table[0]["counts"]?["excluded"]?.number == 1.5)
            #expect(errors.contains("q.csv") && errors.contains("line 3") && errors.contains("age"), "\(errors)")
        }
    }

    @Test func onlyAPartIsRanked() throws {
        try Self.withFilms { folder in
            let (part, errors) = try Self.results([folder + "/one", "--only", "part"])
            // No film is a western.
            #expect(part[0]["counts"]?["queries"]?.integer == 2 && part[0]["counts"]?["bad_rows"]?.integer == 1)
            #expect(part[0]["counts"]?["within"]?.number == 2 && errors.contains("line 3"), "\(errors)")
            // Of two horror films one is wanted, of two crime films one.
            #expect(Self.figure(part[0], "precision@2")?["exact"]?["mean"]?.number == 0.5)
            #expect(Self.figure(part[0], "hit_rate@2")?["index"]?["mean"]?.number == 1)
            let (genre, _) = try Self.results([folder + "/one", "--only", "genre"])
            // Crime has m1 and m4, drama m1 alone.
            #expect(abs((genre[0]["counts"]?["within"]?.number ?? 0) - 5.0 / 3) < 1e-9)
            #expect(abs((Self.figure(genre[0], "hit_rate@5")?["exact"]?["mean"]?.number ?? 0) - 2.0 / 3) < 1e-9)
        }
    }
}
