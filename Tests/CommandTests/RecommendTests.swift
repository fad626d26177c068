import Files
import Foundation
import Shards
import TestSupport
import Testing
import Towers
import Vectors

@testable import Belfry
@testable import Recipes

/// Collections of pairs of towers: rows of fields, users, sessions, examples, quotas, several collections at once.
@Suite struct RecommendTests {
    private static let models = TestData.root + "/Tests/TowersTests/Fixtures/towers"
    private static let quiet = CollectionBuilder.Observer(
        badRow: { _ in }, reading: { _, _ in }, progress: { _, _ in })

    private static let movies = """
        {"id": "m1", "title": "Heat", "genres": ["crime", "drama"], "year": 1995, "kind": "crime"}
        {"id": "m2", "title": "Alien", "genres": ["horror"], "year": 1979, "kind": "horror"}
        {"id": "m3", "title": "Amélie", "genres": [], "year": 2001, "kind": "other"}
        {"id": "m4", "title": "M", "genres": ["crime"], "year": 1931, "kind": "crime"}
        {"id": "m5", "title": "Unheard of", "genres": ["drama"], "year": 2024, "kind": "other"}
        {"id": "m6", "title": "No year", "genres": ["drama"], "kind": "other"}
        {"id": "m7", "title": "Thing", "genres": ["horror"], "year": 1982, "kind": "horror"}

        """
    private static let users = """
        {"user_id": "ann", "age": 34, "watched": ["m1", "m2", "m99"]}
        {"user_id": "bob", "watched": []}
        {"user_id": "bob"}
        {"age": 12}

        """

    /// A recipe of films with users, its pair of towers imported.
    private func withCinema(_ body: (_ folder: String) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            let files = [
                "movies.jsonl": Self.movies, "users.jsonl": Self.users,
                "recipe.yaml": """
                name: films
                rows: {file: movies.jsonl}
                id: id
                payload: {title: string, kind: string, genres: list}
                show: [title]
                tower: pair
                vectors: {metric: ip}
                index: exact
                users: {file: users.jsonl, id: user_id, seen: watched}
                """,
            ]
            for (name, text) in files { try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)")) }
            try Tower.importPair(
                query: Self.models + "/user.onnx", item: Self.models + "/movie.onnx",
                queryFeatures: Self.models + "/user.features.json", itemFeatures: Self.models + "/movie.features.json",
                to: folder + "/pair")
            try body(folder)
        }
    }

    @Test func aUserFindsWhatTheTowersSay() throws {
        try withCinema { folder in
            let built = try BelfryProcess.run(["build", folder])
            #expect(built.exitCode == 0, "\(built.errors)")
            // The film without a year, the user who stands there twice, and the one without an id.
            #expect(built.output.contains("6 points, 3 bad rows"), "\(built.output)")
            #expect(built.errors.contains("Field year: The field is missing"), "\(built.errors)")

            let collection = try VectorCollection(at: folder)
            let pair = try TowerPair.load(folder + "/pair")
            let user = try pair.query.embed([["user_id": "ann", "age": 34]])[0]
            let scores = try ["m3", "m4", "m5", "m7"].map { name in
                (name, zip(user, try #require(collection.point(name).vector)).reduce(Float(0)) { $0 + $1.0 * $1.1 })
            }
            let hits = try collection.hits(.user("ann"), k: 10)
            #expect(hits.map(\.name) == scores.sorted { $0.1 > $1.1 }.map(\.0))
            let all = try collection.ask([.user("ann")], includingSeen: true)
            #expect(all.excluded == [[]] && all.vectors[0] == user)

            // Fields say the same as a known user; a user whom nobody knows is the tower's unknown one.
            let fields = try collection.hits(.fields(["user_id": "ann", "age": 34]), k: 10)
            #expect(Set(fields.map(\.name)) == ["m1", "m2", "m3", "m4", "m5", "m7"])
            let unknown = try collection.ask([.user("zoe")])
            #expect(unknown.unknownUsers == ["zoe"])
            #expect(try unknown.vectors[0] == pair.query.embed([["user_id": "zoe"]])[0])
        }
    }

    @Test func theCommandRecommends() throws {
        try withCinema { folder in
            #expect(try BelfryProcess.run(["build", folder]).exitCode == 0)
            func results(_ arguments: String...) throws -> [String] { try results(arguments) }
            func results(_ arguments: [String]) throws -> [String] {
                let run = try BelfryProcess.run(["recommend", folder, "--json"] + arguments)
                #expect(run.exitCode == 0, "\(run.errors)")
                let json = try JSON(parsing: Data(run.output.utf8), source: "recommend")
                return json["results"]?.array?.compactMap { $0["id"]?.string } ?? []
            }
            #expect(try Set(results("--user", "ann")) == ["m3", "m4", "m5", "m7"])
            #expect(try results("--user", "ann", "--include-seen").count == 6)
            // What was noted since goes with what the recipe says, and is left out for whoever names the user.
            #expect(try BelfryProcess.run(["seen", folder, "--user", "ann", "m3"]).exitCode == 0)
            #expect(try Set(results("--user", "ann")) == ["m4", "m5", "m7"])
            #expect(try Set(results("--user", "bob", "--seen-by", "ann")) == ["m4", "m5", "m7"])
            #expect(try results("--user", "ann", "--include-seen").count == 6)
            #expect(try BelfryProcess.run(["seen", folder, "--user", "ann", "--forget"]).exitCode == 0)
            // What the recipe says stays.
            #expect(try Set(results("--user", "ann")) == ["m3", "m4", "m5", "m7"])
            #expect(try BelfryProcess.run(["seen", folder, "--user", "ann", "--forget", "m1"]).exitCode == 0)
            #expect(try Set(results("--user", "ann")) == ["m3", "m4", "m5", "m7"])
            #expect(try results("--user", #"{"user_id": "bob", "age": 20}"#, "-k", "2").count == 2)
            #expect(try Set(results("--user", "bob", "--within", "kind:horror")) == ["m2", "m7"])
            #expect(try Set(results("--user", "bob", "--within", "genres:drama")) == ["m1", "m5"])
            let either = try results("--user", "bob", "--within", "kind:horror", "--within", "kind:crime")
            #expect(Set(either) == ["m1", "m2", "m4", "m7"])
            #expect(try Set(results("--like", #"["m1", "m2"]"#, "--within", "kind:other")) == ["m3", "m5"])
            let shared = try results("--user", "bob", "--quota", "kind:crime=1,kind:horror=1,kind:other=5")
            #expect(shared.count == 4 && shared.contains { ["m1", "m4"].contains($0) })
            #expect(
                try results("--user", "bob", "--quota", #"{"kind:crime": 1, "kind:horror": 1, "kind:other": 5}"#)
                    == shared)
            // A quota asks for some of what a condition on the same field lets through, and for nothing else.
            let within = ["--user", "bob", "--within", "kind:horror", "--within", "kind:crime"]
            #expect(try Set(results(within + ["--quota", "kind:crime=5,kind:horror=1"])).count == 3)
            #expect(try Set(results(within + ["--quota", "kind:crime=5"])) == ["m1", "m4"])
            let like = try results("--like", "m1,m2", "--unlike", "m4")
            #expect(Set(like) == ["m3", "m5", "m7"])
            #expect(try Set(results("--like", "m1,m2", "--unlike", "m4", "--include-seen")).count == 6)

            let unknown = try BelfryProcess.run(["recommend", folder, "--user", "zoe"])
            #expect(unknown.exitCode == 0 && unknown.errors.contains("zoe is not known"))
            let refusals: [(arguments: [String], code: Int32, says: String)] = [
                (["--user", "ann", "--like", "m1"], 2, "one of them"),
                (["--unlike", "m1"], 2, "Name a --user"),
                (["--like", "m77"], 1, "no point \"m77\""),
                (["--session", "m1"], 1, "takes no session"),
                (["--user", #"{"age": 5}"#], 1, "field user_id: The field is missing"),
                (["--user", #"{"age": "#], 1, "--user"),
                (["--user", #"{"user_id": "ann", "aeg": 34}"#], 1, "no field \"aeg\""),
                (["--user", "ann", "--with", folder], 1, "named twice"),
                (["--user", "ann", "--quota", "kind=3"], 2, "--quota takes"),
                (["--user", "ann", "--quota", "kind:crime=1, kind:crime=2"], 2, "names kind:crime twice"),
                (["--user", "ann", "--quota", "kind:crime=0"], 2, "between 1 and 10,000, not kind:crime=0"),
                (["--user", "ann", "--quota", "kind:crime=10001"], 2, "between 1 and 10,000"),
                (["--user", "ann", "--quota", "kind:crime=9000,kind:other=9000"], 2, "more than 10,000"),
                (["--user", "ann", "--quota", ","], 2, "names nothing"),
                (["--user", "ann", "--quota", #"{"kind:crime": "many"}"#], 2, "not kind:crime"),
                (["--user", "ann", "--quota", #"{"kind:crime": 1"#], 2, "--quota takes"),
                (["--user", "ann", "--quota", "kind:crime=2", "-k", "10"], 2, "leave out -k"),
                (["--user", "ann", "--quota", "kind:western=2"], 0, "Values of kind: crime, horror, other"),
                (["--user", "ann", "--quota", "sort:x=2"], 0, "No point has a payload field \"sort\""),
                (["--user", "ann", "--quota", "kind:crime=2", "--within", "kind:horror"], 0, ""),
                (["--user", "ann", "--within", "kind:western"], 0, "Values of kind: crime, horror, other"),
                (["--user", "ann", "--within", "sort:x"], 0, "field \"sort\". There are: genres, kind, title."),
            ]
            for (arguments, code, says) in refusals {
                let run = try BelfryProcess.run(["recommend", folder] + arguments)
                #expect(
                    run.exitCode == code && (says.isEmpty || run.errors.contains(says)), "\(arguments): \(run.errors)")
            }
        }
    }

    /// What is left out and what a filter lets through is left out of and let through by every index, as a scan says.
    @Test func everyIndexKeepsToItsScope() throws {
        try withTemporaryDirectory { folder in
            for index in ["exact", "hnsw", "ivf"] {
                let shop = try Shop(folder + "/" + index, rows: 3_000, segmentRows: 1_024, index: index)
                try shop.change("price: number", to: "price: number, description: string")
                _ = try CollectionBuilder(Recipe(folder: shop.recipe), threads: 2).build(Self.quiet)
                let collection = try VectorCollection(at: shop.recipe)
                let within = try collection.view.points(
                    where: Filter(PayloadCondition(field: "title", value: "red lamp")))
                #expect(within?.count == 60)
                let queries = try collection.ask([.text("a red lamp"), .text("number 7"), .point("p-50")])
                // Few are asked for beside the others; many are a filter.
                for count in [1, 10, 40] {
                    let seen = try collection.view.places((0..<count).map { "p-\($0 * 50)" }, in: 0)
                    for within in [nil, within] {
                        let scope = SearchScope(excluding: [seen, [], seen], kept: within)
                        let exact = try collection.view.nearest(
                            queries.vectors, k: 10, recall: nil, exact: true, scope: scope, threads: 2
                        ).points
                        let found = try collection.view.nearest(
                            queries.vectors, k: 10, recall: 0.999, exact: false, scope: scope, threads: 2
                        ).points
                        let out = Set((0..<count).map { PointName("p-\($0 * 50)").id })
                        for query in 0..<3 {
                            #expect(found[query].count == exact[query].count)
                            if query != 1 { #expect(out.isDisjoint(with: found[query].map(\.id)), "\(index) \(count)") }
                            let common = Set(found[query].map(\.id)).intersection(exact[query].map(\.id))
                            // Rows of one product are nearly equal: what matters is how near the answers are.
                            let last = exact[query].last?.distance ?? 0
                            let near = found[query].filter { $0.distance <= last + 1e-5 }.count
                            #expect(max(common.count, near) >= exact[query].count - 1, "\(index), \(count), \(query)")
                        }
                    }
                }
            }
        }
    }

    @Test func aSessionFindsTheRowsOfItsOutputLayer() throws {
        try withTemporaryDirectory { folder in
            var rows = ""
            for item in 0..<9 { rows += "{\"id\": \(item), \"domain\": \"\(item % 2 == 0 ? "Movie" : "Book")\"}\n" }
            let recipe = """
                variants: [one, two]
                rows: {file: "${variant}.jsonl"}
                id: id
                payload: {domain: string}
                tower: pair
                vectors: {metric: ip}
                index: exact
                """
            for (name, text) in ["one.jsonl": rows, "two.jsonl": rows, "recipe.yaml": recipe] {
                try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
            }
            let pair = try Tower.importPair(
                query: Self.models + "/session.onnx", queryFeatures: Self.models + "/session.features.json",
                to: folder + "/pair")
            let name = URL(fileURLWithPath: folder).lastPathComponent
            let built = try BelfryProcess.run(["build", folder])
            #expect(built.exitCode == 0 && built.output.contains("\(name)-one.belfry: 9 points"), "\(built.errors)")
            #expect(try VectorCollection(at: folder + "/two").path == "\(folder)/\(name)-two.belfry")
            #expect(try VectorCollection(at: folder).path == "\(folder)/\(name)-one.belfry")
            let wrong = try BelfryProcess.run(["stats", folder + "/three"])
            #expect(wrong.exitCode == 1 && wrong.errors.contains("Its variants are: one, two"), "\(wrong.errors)")

            let collection = try VectorCollection(at: folder)
            let session = try pair.query.embed([["items": [3, 1, 4]]])
            let items = try pair.item.embed((0..<9).map { ["id": .integer($0)] })
            let scores = (0..<9).map { item in
                (item, zip(session[0], items[item]).reduce(Float(0)) { $0 + $1.0 * $1.1 })
            }
            let expected = scores.sorted { $0.1 > $1.1 }.map(\.0).filter { ![3, 1, 4].contains($0) }
            #expect(try collection.hits(.session(["3", "1", "4"]), k: 9).map(\.name) == expected.map(String.init))

            let unknown = try BelfryProcess.run(["recommend", folder, "--session", "3,99", "--json"])
            #expect(unknown.exitCode == 0 && unknown.errors.contains("item 99"), "\(unknown.errors)")
            #expect(unknown.output.contains("\"unknown_items\":[\"99\"]"), "\(unknown.output)")

            // Both variants are checked, not only the first.
            let shard = try FileManager.default.subpathsOfDirectory(atPath: "\(folder)/\(name)-two.belfry").first {
                $0.hasSuffix("vectors.shard")
            }!
            let file = "\(folder)/\(name)-two.belfry/\(shard)"
            let whole = try Data(contentsOf: URL(fileURLWithPath: file))
            try (whole.dropLast() + [whole.last! ^ 1]).writeAnew(to: file)
            let checked = try BelfryProcess.run(["check", folder])
            #expect(
                checked.exitCode == 3 && checked.output.contains("DAMAGED \(name)-two.belfry/"), "\(checked.output)")
            try whole.writeAnew(to: file)

            let both = try BelfryProcess.run([
                "recommend", folder, "--with", folder + "/two", "--session", "3,1,4", "--json", "--quota",
                "domain:Movie=3,domain:Book=1",
            ])
            #expect(both.exitCode == 0, "\(both.errors)")
            let answers = try JSON(parsing: Data(both.output.utf8), source: "")["results"]?.array ?? []
            let movies = expected.filter { $0 % 2 == 0 }
            #expect(
                answers.filter { $0["payload"]?["domain"] == "Movie" }.compactMap { $0["id"]?.integer }
                    == [movies[0], movies[0], movies[1]].map { $0 })
            #expect(answers.count == 4 && Set(answers.compactMap { $0["collection"]?.string }).count == 2)
        }
    }

    /// What a user has had is left out of every collection, whichever of them knows the user.
    @Test func seenPointsAreLeftOutEverywhere() throws {
        try withCinema { folder in
            let recipe = try String(contentsOfFile: folder + "/recipe.yaml", encoding: .utf8)
            try FileManager.default.createDirectory(atPath: folder + "/other", withIntermediateDirectories: true)
            try Data(
                recipe.replacing("name: films", with: "name: others").replacing("users: {", with: "#").replacing(
                    "tower: pair", with: "tower: ../pair"
                ).replacing("file: movies", with: "file: ../movies").utf8
            ).write(to: URL(fileURLWithPath: folder + "/other/recipe.yaml"))
            for recipe in [folder, folder + "/other"] {
                let built = try BelfryProcess.run(["build", recipe])
                #expect(built.exitCode == 0, "\(built.errors)")
            }
            for (first, second) in [
                (folder + "/films.belfry", folder + "/other"), (folder + "/other", folder + "/films.belfry"),
            ] {
                let run = try BelfryProcess.run([
                    "recommend", first, "--with", second, "--user", "ann", "--json", "-k", "20",
                ])
                #expect(run.exitCode == 0, "\(run.errors)")
                let json = try JSON(parsing: Data(run.output.utf8), source: "recommend")
                let found = json["results"]?.array?.compactMap { $0["id"]?.string } ?? []
                #expect(found.count == 8 && Set(found) == ["m3", "m4", "m5", "m7"])
            }
        }
    }

    @Test(arguments: [
        ("", "There are no users"), ("{\"x\": 1}\n", "Not one of 1 rows of users"),
        ("{\"user_id\": \"ann\"}\n", "names as seen"),
    ])
    func usersThatCannotBeMeantAreRefused(_ users: String, _ says: String) throws {
        try withCinema { folder in
            try Data(users.utf8).write(to: URL(fileURLWithPath: folder + "/users.jsonl"))
            let run = try BelfryProcess.run(["build", folder])
            #expect(run.exitCode == 1 && run.errors.contains(says), "\(run.errors)")
        }
    }

    @Test func collectionsOfOtherSpacesAreNotMixed() throws {
        try withCinema { folder in
            #expect(try BelfryProcess.run(["build", folder]).exitCode == 0)
            let shop = try Shop(folder + "/other", index: "exact")
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            let mixed = try BelfryProcess.run(["similar", folder, "m1", "--with", shop.recipe])
            #expect(mixed.exitCode == 1 && mixed.errors.contains("share no space"), "\(mixed.errors)")
            let item = try BelfryProcess.run(["search", folder, "text", "--tower", folder + "/pair/item.tower"])
            #expect(item.exitCode == 1 && item.errors.contains("embeds items"), "\(item.errors)")
            let text = try BelfryProcess.run(["search", folder, "a film"])
            #expect(text.exitCode == 1 && text.errors.contains("takes no text"), "\(text.errors)")
        }
    }

    /// New users need no new vectors.
    @Test func usersChangeWithoutEmbedding() throws {
        try withCinema { folder in
            let builder = CollectionBuilder(try Recipe(folder: folder), threads: 1)
            _ = try builder.build(Self.quiet)
            try Data(#"{"user_id": "cid", "watched": ["m4"]}"#.utf8)
                .write(to: URL(fileURLWithPath: folder + "/users.jsonl"))
            let summary = try builder.build(Self.quiet)
            #expect(summary.resumedPoints == 6 && summary.badRows == 1)
            let collection = try VectorCollection(at: folder)
            #expect(try collection.hits(.user("cid"), k: 10).count == 5)
            #expect(try collection.ask([.user("ann")]).unknownUsers == ["ann"])
        }
    }

    @Test(arguments: [
        ("text: \"{title}\"", "but it reads fields: title, genres, year"),
        ("fields: {titel: title}", "no field \"titel\""),
        ("fields: [title]", "must be a mapping"),
        ("variants: [a, a]", "different names"),
        ("variants: {a: b}", "different names"),
    ])
    func recipesThatDoNotFitAreRefused(_ line: String, _ says: String) throws {
        try withCinema { folder in
            let file = URL(fileURLWithPath: folder + "/recipe.yaml")
            try Data(contentsOf: file).appending("\n" + line).write(to: file)
            let run = try BelfryProcess.run(["build", folder])
            #expect(run.exitCode == 1 && run.errors.contains(says), "\(run.errors)")
        }
    }
}

extension Data {
    fileprivate func appending(_ text: String) -> Data { self + Data(text.utf8) }
}
