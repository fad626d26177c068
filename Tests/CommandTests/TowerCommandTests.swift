import Files
import Foundation
import TestSupport
import Testing

/// Pairs of ONNX towers from the command line: made, looked into, verified, and used on rows of fields.
@Suite struct TowerCommandTests {
    private static let models = TestData.root + "/Tests/TowersTests/Fixtures/towers"

    private func withPair(_ body: (String, String) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            let made = try BelfryProcess.run([
                "tower", "import", Self.models + "/user.onnx", "--features", Self.models + "/user.features.json",
                "--pair", Self.models + "/movie.onnx", "--pair-features", Self.models + "/movie.features.json",
                "--to", folder + "/movies",
            ])
            #expect(made.exitCode == 0, "\(made.errors)")
            #expect(made.output.split(separator: "\n").count == 2)
            try body(folder + "/movies", folder)
        }
    }

    @Test func aPairIsMadeInspectedAndVerified() throws {
        try withPair { pair, _ in
            let inspected = try BelfryProcess.run(["tower", "inspect", pair + "/query.tower"])
            for text in ["user_id", "operator sets: ai.onnx 17", "2 Gather", "optional", "query tower of the space"] {
                #expect(inspected.output.contains(text), "\(inspected.output)")
            }
            let json = try BelfryProcess.run(["tower", "inspect", pair + "/item.tower", "--json"])
            let members = try JSON(parsing: Data(json.output.utf8), source: "inspect")
            #expect(members["fields"]?.array?.count == 3 && members["graph"]?["operators"]?["Gemm"] == 2)
            #expect(try BelfryProcess.run(["tower", "check", pair]).exitCode == 0)
            let weights = pair + "/item.tower/model.weights"
            var bytes = try Data(contentsOf: URL(fileURLWithPath: weights))
            bytes[100] ^= 1
            try bytes.writeAnew(to: weights)
            let damaged = try BelfryProcess.run(["tower", "check", pair])
            #expect(damaged.exitCode == 3 && damaged.output.contains("model.weights"))
        }
    }

    /// What is no model says what would be one.
    @Test func whatIsNoModelSaysWhatIsOne() throws {
        try withTemporaryDirectory { folder in
            let models = TestData.root + "/Tests/TowersTests/Fixtures"
            for (model, says) in [
                (models + "/tiny-bert/model.safetensors", "Name the model's folder"),
                (models + "/towers", "/movie.onnx, or another"), (folder + "/none", "no such file or folder"),
            ] {
                let run = try BelfryProcess.run(["tower", "import", model, "--to", folder + "/tower"])
                #expect(run.exitCode == 1 && run.errors.contains(says), "\(run)")
            }
            let recipe = "rows: {file: rows.csv}\nid: id\ntext: \"{id}\"\ntower: \(models)/tiny-bert\n"
            try Data(recipe.utf8).write(to: URL(fileURLWithPath: folder + "/recipe.yaml"))
            try Data("id\n1\n".utf8).write(to: URL(fileURLWithPath: folder + "/rows.csv"))
            let build = try BelfryProcess.run(["build", folder])
            #expect(build.errors.contains("belfry tower import \(models)/tiny-bert --to NAME.tower"), "\(build)")
        }
    }

    @Test func rowsOfFieldsAreEmbedded() throws {
        try withPair { pair, folder in
            let arguments = ["embed", pair + "/query.tower"]
            let rows = #"{"user_id": "ann", "age": 34}"# + "\n" + #"{"user_id": "eve", "name": "Eve"}"# + "\n"
            let lines = try BelfryProcess.run(arguments, input: rows)
            #expect(lines.exitCode == 0, "\(lines.errors)")
            let first = try JSON(parsing: Data(lines.output.split(separator: "\n")[0].utf8), source: "embed")
            #expect(first["vector"]?.array?.count == 8 && first["row"]?["age"] == 34)

            let table = folder + "/users.csv"
            try Data("user_id,age\nann,34\neve,\n".utf8).write(to: URL(fileURLWithPath: table))
            let output = folder + "/users.npy"
            #expect(try BelfryProcess.run(arguments + ["--input", table, "--output", output]).exitCode == 0)
            let vectors = try NpyArray(output)
            #expect(vectors.shape == [2, 8])
            #expect(vectors.floats()[0] == Float(first["vector"]!.array![0].number!))

            try Data("user_id,age\nann,34\neve,old\n".utf8).write(to: URL(fileURLWithPath: table))
            let refused = try BelfryProcess.run(arguments + ["--input", table])
            #expect(refused.exitCode == 1)
            #expect(
                refused.errors.contains("row 2, field age") && refused.errors.contains("must be a number, not a text"))
            // What is missing stands beside what is there, under whichever names.
            let missing = try BelfryProcess.run(
                arguments, input: "{\"user_id\": \"ann\"}\n{\"user\": 3, \"name\": 1}\n")
            #expect(missing.exitCode == 1 && missing.errors.contains("no value for user_id ("), "\(missing.errors)")
            #expect(missing.errors.contains("line 2") && missing.errors.contains("It has the fields: name, user."))
            try Data("user_id,age\nann,34\n,30\n".utf8).write(to: URL(fileURLWithPath: table))
            let empty = try BelfryProcess.run(arguments + ["--input", table])
            #expect(
                empty.exitCode == 1 && empty.errors.contains("no value for user_id (")
                    && empty.errors.contains("line 3"))
        }
    }

    @Test func listsInCellsHaveASeparator() throws {
        try withPair { pair, folder in
            let arguments = ["embed", pair + "/item.tower"]
            func vectors(_ rows: String, _ name: String, _ options: [String] = []) throws -> [JSON?] {
                try Data(rows.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
                let run = try BelfryProcess.run(arguments + ["--input", "\(folder)/\(name)"] + options)
                #expect(run.exitCode == 0, "\(run.errors)")
                return try run.output.split(separator: "\n").map {
                    try JSON(parsing: Data($0.utf8), source: name)["vector"]
                }
            }
            let rows = #"{"title": "Heat", "genres": ["crime", "drama"], "year": 1995}"# + "\n"
            let expected = try vectors(rows, "rows.jsonl")
            let array = "title,genres,year\nHeat,\"[\"\"crime\"\", \"\"drama\"\"]\",1995\n"
            #expect(try vectors(array, "array.csv") == expected)
            let cut = "title,genres,year\nHeat,crime | drama,1995\n"
            #expect(try vectors(cut, "cut.csv", ["--separator", "|"]) == expected)
            #expect(try vectors(array, "array.csv", ["--separator", "|"]) == expected)
            let whole = try BelfryProcess.run(arguments + ["--input", folder + "/cut.csv"])
            #expect(whole.exitCode == 1 && whole.errors.contains("field genres"), "\(whole.errors)")
            #expect(try BelfryProcess.run(arguments + ["--separator", ""]).exitCode == 2)
        }
    }

    /// What a model's files do not say is told, and what its texts are.
    @Test func optionsSayWhatFilesDoNot() throws {
        try withTemporaryDirectory { folder in
            let tiny = TestData.root + "/Tests/TowersTests/Fixtures/tiny-bert"
            let model = folder + "/model"
            try FileManager.default.copyItem(atPath: tiny, toPath: model)
            try FileManager.default.removeItem(atPath: model + "/modules.json")
            let bare = try BelfryProcess.run(["tower", "import", model, "--to", folder + "/t.tower"])
            #expect(bare.exitCode == 0 && bare.errors.isEmpty, "\(bare)")
            try FileManager.default.removeItem(atPath: model + "/1_Pooling")
            let assumed = try BelfryProcess.run(["tower", "import", model, "--to", folder + "/t.tower", "--replace"])
            #expect(assumed.exitCode == 0 && assumed.errors.contains("mean of all tokens"), "\(assumed)")
            let told = ["tower", "import", model, "--to", folder + "/t.tower", "--pooling", "mean", "--normalize"]
            let length = try BelfryProcess.run(told + ["--max-length", "16", "--replace"])
            #expect(length.exitCode == 0 && length.errors.isEmpty, "\(length)")
            let json = try BelfryProcess.run(["tower", "inspect", folder + "/t.tower", "--json"]).output
            let members = try JSON(parsing: Data(json.utf8), source: "inspect")
            #expect(members["maximum_tokens"] == 16 && members["rows"] == "together", "\(json)")
            #expect(try BelfryProcess.run(told + ["--pooling", "average"]).exitCode == 2)

            let prompts = #"{"prompts": {"query": "find ", "document": "the "}}"#
            try Data(prompts.utf8).write(to: URL(fileURLWithPath: model + "/config_sentence_transformers.json"))
            #expect(try BelfryProcess.run(told + ["--replace"]).exitCode == 0)
            func vector(_ text: String, _ options: String...) throws -> JSON? {
                let run = try BelfryProcess.run(["embed", folder + "/t.tower"] + options, input: text + "\n")
                return try JSON(parsing: Data(run.output.utf8), source: "embed")["vector"]
            }
            #expect(try vector("bell", "--as", "query") == vector("find bell"))
            #expect(try vector("bell", "--as", "document") == vector("the bell"))
            #expect(try BelfryProcess.run(["embed", folder + "/t.tower", "--as", "passage"]).exitCode == 2)
        }
    }

    @Test func aPairEmbedsByRole() throws {
        try withPair { pair, _ in
            let user = #"{"user_id": "ann", "age": 34}"# + "\n"
            let one = try BelfryProcess.run(["embed", pair, "--as", "query"], input: user)
            let other = try BelfryProcess.run(["embed", pair + "/query.tower"], input: user)
            #expect(one.exitCode == 0 && one.output == other.output, "\(one)")
            #expect(try BelfryProcess.run(["embed", pair], input: user).exitCode == 1)
        }
    }
}
