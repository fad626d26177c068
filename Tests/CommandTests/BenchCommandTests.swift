import Files
import Foundation
import TestSupport
import Testing

/// Seeded vectors in files: 400 rows and 30 queries of 16 components.
private struct Vectors {
    let folder: String
    var base: String { folder + "/base.npy" }
    var queries: String { folder + "/queries.fvecs" }

    init(_ folder: String, seed: UInt64 = 5) throws {
        self.folder = folder
        var random = SeededGenerator(seed: seed)
        let writer = try NpyWriter(base, columns: 16)
        for _ in 0..<400 { try writer.append(random.vector(16)) }
        try writer.finish()
        try Self.vecs((0..<30).map { _ in random.vector(16).map { Int32(bitPattern: $0.bitPattern) } }, queries)
    }

    static func vecs(_ rows: [[Int32]], _ path: String) throws {
        var data = Data()
        for row in rows {
            for value in [Int32(row.count)] + row {
                withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) }
            }
        }
        try data.write(to: URL(fileURLWithPath: path))
    }

    func bench(_ more: String...) throws -> BelfryProcess.Outcome {
        try BelfryProcess.run(
            ["bench", "--base", base, "--query", queries, "--metric", "l2", "--index", "exact", "--repeat", "1"] + more)
    }
}

@Suite struct BenchCommandTests {
    @Test func exactSearchFindsEverything() throws {
        try withTemporaryDirectory { folder in
            let vectors = try Vectors(folder)
            for mode in [[], ["--batch"], ["--threads", "3"]] {
                let outcome = try BelfryProcess.run(
                    [
                        "bench", "--base", vectors.base, "--query", vectors.queries, "--metric", "cosine", "--index",
                        "exact", "--repeat", "2", "--k", "7", "--recall", "0.9,0.99", "--sweep", "--json",
                        "--build-threads", "2",
                    ] + mode)
                #expect(outcome.exitCode == 0, "\(outcome)")
                let report = try JSON(parsing: Data(outcome.output.utf8), source: "bench")
                #expect(
                    report.names == [
                        "batch", "build_s", "build_threads", "bytes_per_vector", "cpu", "dataset", "dim", "index",
                        "isa",
                        "k", "metric", "n", "points", "queries", "repeat", "reused", "seed", "summary", "threads",
                    ])
                #expect(report["n"]?.integer == 400 && report["dim"]?.integer == 16 && report["k"]?.integer == 7)
                #expect(report["queries"]?.integer == 30 && report["build_threads"]?.integer == 2)
                #expect(report["bytes_per_vector"]?["memory"]?.number ?? 0 > 50)
                let points = try #require(report["points"]?.array)
                #expect(points.map { $0["target"]?.number } == [0.9, 0.99, nil])
                for point in points {
                    #expect(point["recall"]?.number == 1 && point["evaluations"]?.number == 400, "\(point)")
                    let rates = ["qps_min", "qps", "qps_max"].map { point[$0]?.number ?? 0 }
                    #expect(rates[0] > 0 && rates == rates.sorted())
                    let times = ["p50_us", "p95_us", "p99_us"].compactMap { point[$0]?.number }
                    #expect(times.count == (mode == ["--batch"] ? 0 : 3) && times == times.sorted())
                }
            }
        }
    }

    @Test func aKeptIndexIsUsedOnlyForTheSameBase() throws {
        try withTemporaryDirectory { folder in
            let (vectors, save) = (try Vectors(folder), folder + "/kept")
            func reused(_ more: [String] = []) throws -> Bool? {
                let outcome = try BelfryProcess.run(
                    [
                        "bench", "--base", vectors.base, "--query", vectors.queries, "--metric", "l2", "--index",
                        "exact", "--repeat", "1", "--json", "--save", save,
                    ] + more)
                return try JSON(parsing: Data(outcome.output.utf8), source: "bench")["reused"]?.bool
            }
            #expect(try reused() == false)
            #expect(try reused() == true)
            #expect(try reused(["--seed", "2"]) == false)
            #expect(try reused(["--metric", "ip"]) == false)
            #expect(try reused() == true)
            // Another base, and a build that was interrupted.
            let building = try #require(try System.list(save).first) + ".building"
            try System.createDirectory(save + "/" + building)
            _ = try Vectors(folder, seed: 6)
            #expect(try reused() == false)
            let kept = try System.list(save)
            #expect(kept.count == 5 && kept.allSatisfy { $0.hasPrefix("exact-") })
            for name in kept { try System.remove(save + "/" + name + "/vectors.shard") }
            #expect(try vectors.bench("--save", save).exitCode == 1)
        }
    }

    @Test func theTableAndThePage() throws {
        try withTemporaryDirectory { folder in
            let vectors = try Vectors(folder)
            let outcome = try vectors.bench("--plot", folder + "/curves.html", "--limit-queries", "9")
            #expect(outcome.exitCode == 0, "\(outcome)")
            #expect(outcome.output.contains("400 × 16, l2, k = 10") && outcome.output.contains("9 queries"))
            #expect(outcome.output.contains("exact: built in") && outcome.output.contains("1.0000"))
            let page = try String(contentsOfFile: folder + "/curves.html", encoding: .utf8)
            #expect(page.hasPrefix("<!DOCTYPE html>") && page.contains("belfry exact, exact, target 0.95"))
            let nowhere = try vectors.bench("--plot", folder + "/nowhere/curves.html")
            #expect(nowhere.exitCode == 1 && nowhere.errors.contains("no such directory"))
        }
    }

    @Test func aGivenTruthIsUsed() throws {
        try withTemporaryDirectory { folder in
            let vectors = try Vectors(folder)
            func truth(_ rows: Int, _ columns: Int, _ row: (Int) -> Int32) throws -> BelfryProcess.Outcome {
                try Vectors.vecs((0..<rows).map { _ in (0..<columns).map(row) }, folder + "/truth.ivecs")
                return try vectors.bench("--truth", folder + "/truth.ivecs", "--json")
            }
            // Rows 0 to 9 are not the nearest, so what is found is nearer than their farthest, and right.
            let outcome = try truth(30, 12) { Int32($0) }
            #expect(outcome.exitCode == 0 && outcome.output.contains("\"recall\":1,"), "\(outcome)")
            for (rows, columns, first, words) in [
                (29, 10, 0, "29 queries; there are 30"), (30, 9, 0, "lists 9 rows"), (30, 10, 391, "lists row 400"),
                (30, 10, -1, "lists row -1"),
            ] as [(Int, Int, Int32, String)] {
                let outcome = try truth(rows, columns) { first + Int32($0) }
                #expect(outcome.exitCode == 1 && outcome.errors.contains(words), "\(outcome)")
            }
        }
    }

    @Test func whatDoesNotFitIsAClearError() throws {
        try withTemporaryDirectory { folder in
            let vectors = try Vectors(folder)
            func run(_ option: String, _ value: String) throws -> BelfryProcess.Outcome {
                var arguments = ["--base": vectors.base, "--query": vectors.queries, "--metric": "l2"]
                arguments["--index"] = "exact"
                arguments[option] = value
                return try BelfryProcess.run(["bench"] + arguments.flatMap { [$0.key, $0.value] })
            }
            try Vectors.vecs([[1, 2, 3]], folder + "/three.fvecs")
            try Vectors.vecs([[Int32](repeating: 0x7fc0_0000, count: 16)], folder + "/nan.fvecs")
            try Data([9, 0, 0]).write(to: URL(fileURLWithPath: folder + "/cut.fvecs"))
            let cases: [(String, String, Int32, String)] = [
                ("--base", "/nowhere.npy", 1, "No such file"), ("--query", "/nowhere.fvecs", 1, "No such file"),
                ("--truth", "/nowhere.ivecs", 1, "No such file"), ("--base", "/nowhere.txt", 1, ".fvecs"),
                ("--query", folder + "/three.fvecs", 1, "3 components"),
                ("--query", folder + "/nan.fvecs", 1, "Query 0 has nan"),
                ("--base", folder + "/nan.fvecs", 1, "--k"), ("--query", folder + "/cut.fvecs", 3, "byte 0"),
                ("--k", "401", 1, "the base has 400"), ("--truth", vectors.queries, 1, "whole numbers"),
                ("--metric", "hamming", 2, "hamming"), ("--index", "tree", 2, "tree"), ("--recall", "1.5", 2, "1.5"),
                ("--recall", "0.9,x", 2, "“x”"), ("--k", "0", 2, "--k"), ("--repeat", "0", 2, "--repeat"),
                ("--threads", "0", 2, "--threads"), ("--limit-queries", "0", 2, "--limit-queries"),
            ]
            for (option, value, code, words) in cases {
                let outcome = try run(option, value)
                #expect(outcome.exitCode == code && outcome.errors.contains(words), "\(option) \(value): \(outcome)")
                #expect(outcome.output.isEmpty)
            }
            #expect(try BelfryProcess.run(["bench", "--help"]).exitCode == 0)
        }
    }
}
