import Belfry
import Files
import Foundation
import TestSupport
import Testing
import Vectors

/// Seeded vectors in files: 400 rows and 30 queries of 16 components.
private struct SeededVectors {
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
            let vectors = try SeededVectors(folder)
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
                let bytes = try #require(report["bytes_per_vector"])
                #expect(bytes["memory"]?.number == 32 && bytes["disk"]?.number ?? 0 > 50)
                let (resident, evictable) = (bytes["resident"]?.number ?? 0, bytes["evictable"]?.number ?? -1)
                #expect(resident > 32 && evictable >= 0 && evictable <= resident, "\(bytes)")
                let points = try #require(report["points"]?.array)
                #expect(points.map { $0["target"]?.number } == [0.9, 0.99, nil])
                for point in points {
                    #expect(point["recall"]?.number == 1 && point["evaluations"]?.number == 400, "\(point)")
                    let rates = ["qps_min", "qps", "qps_max"].map { point[$0]?.number ?? 0 }
                    #expect(rates[0] > 0 && rates == rates.sorted())
                    #expect(point["wall_over_cpu"]?.number ?? 0 >= 0.5 || mode == ["--batch", "--threads", "3"])
                    #expect(point["disturbed"]?.bool == ((point["wall_over_cpu"]?.number ?? 0) > 1.25))
                    let times = ["p50_us", "p95_us", "p99_us"].compactMap { point[$0]?.number }
                    #expect(times.count == (mode == ["--batch"] ? 0 : 3) && times == times.sorted())
                }
            }
        }
    }

    @Test func aKeptIndexIsUsedOnlyForTheSameBase() throws {
        try withTemporaryDirectory { folder in
            let (vectors, save) = (try SeededVectors(folder), folder + "/kept")
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
            _ = try SeededVectors(folder, seed: 6)
            #expect(try reused() == false)
            let kept = try System.list(save)
            #expect(kept.count == 5 && kept.allSatisfy { $0.hasPrefix("exact-") })
            for name in kept { try System.remove(save + "/" + name + "/vectors.shard") }
            #expect(try vectors.bench("--save", save).exitCode == 1)
        }
    }

    /// A sweep says what looking at every row takes, and marks what was measured while the machine did something else.
    @Test func aSweepHasAScanBesideIt() throws {
        try withTemporaryDirectory { folder in
            let vectors = try SeededVectors(folder)
            for mode in [[], ["--batch"]] {
                let outcome = try BelfryProcess.run(
                    [
                        "bench", "--base", vectors.base, "--query", vectors.queries, "--metric", "ip", "--index",
                        "hnsw",
                        "--repeat", "1", "--sweep", "--json", "--plot", folder + "/curves.html",
                    ] + mode)
                #expect(outcome.exitCode == 0, "\(outcome)")
                let report = try JSON(parsing: Data(outcome.output.utf8), source: "bench")
                #expect(report["scan"]?["param"]?.string == "exact" && report["scan"]?["recall"]?.number == 1)
                #expect(report["scan"]?["evaluations"]?.number == 400)
                let page = try String(contentsOfFile: folder + "/curves.html", encoding: .utf8)
                #expect(page.contains("every row: ") && page.contains("class=\"spread\"") && page.contains(">window="))
            }
        }
    }

    @Test func theTableAndThePage() throws {
        try withTemporaryDirectory { folder in
            let vectors = try SeededVectors(folder)
            let outcome = try vectors.bench("--plot", folder + "/curves.html", "--limit-queries", "9")
            #expect(outcome.exitCode == 0, "\(outcome)")
            #expect(outcome.output.contains("400 × 16, l2, k = 10") && outcome.output.contains("9 queries"))
            #expect(outcome.output.contains("exact: built in") && outcome.output.contains("1.0000"))
            let page = try String(contentsOfFile: folder + "/curves.html", encoding: .utf8)
            #expect(page.hasPrefix("<!DOCTYPE html>") && page.contains("belfry exact, exact, target 0.95"))
            let drawing = try vectors.bench("--plot", folder + "/curves.svg", "--sweep")
            #expect(drawing.exitCode == 0, "\(drawing)")
            let svg = try String(contentsOfFile: folder + "/curves.svg", encoding: .utf8)
            #expect(svg.hasPrefix("<svg xmlns=") && svg.contains("<polyline"))
            let nowhere = try vectors.bench("--plot", folder + "/nowhere/curves.html")
            #expect(nowhere.exitCode == 1 && nowhere.errors.contains("no such directory"))
        }
    }

    /// Truths that somebody might give: of other rows, other queries, another metric, numbered from 1.
    @Test(arguments: ["exact", "hnsw", "ivf"]) func aTruthThatIsContradictedIsRefused(_ index: String) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let vectors = try SeededVectors(folder)
            let (base, queries) = (try VectorFile(vectors.base).matrix(), try VectorFile(vectors.queries).matrix())
            func order(_ metric: Metric, _ query: Int, _ rows: [Int]? = nil) -> [Int] {
                let kernel = DistanceKernel(metric: metric)
                let prepared = kernel.prepare(queries.pointer + query * 16, dimension: 16)
                func distance(_ row: Int) -> Float { kernel.distance(to: prepared, row: base.pointer + row * 16) }
                return (rows ?? Array(0..<400)).sorted { (distance($0), $0) < (distance($1), $1) }
            }
            let right = (0..<30).map { order(.l2, $0) }
            let shuffled = (0..<400).shuffled(using: &random)
            let truths: [(String, [[Int]], Bool)] = [
                ("right", right, true), ("shuffled", right.map { $0.map { shuffled[$0] } }, false),
                ("another query's", Array(right[1...] + right[..<1]), false),
                ("from 1", right.map { $0.map { min($0 + 1, 399) } }, false),
                ("inner product", (0..<30).map { order(.ip, $0) }, false),
                ("of half the base", (0..<30).map { order(.l2, $0, Array(0..<200)) + Array(200..<400) }, false),
                ("without the nearest", right.map { Array($0.dropFirst()) + [$0[0]] }, false),
                ("farthest first", right.map { $0.reversed() }, false),
                ("one row again", right.map { [$0[0]] + $0.dropLast() }, false),
            ]
            for (name, truth, isRight) in truths {
                try SeededVectors.vecs(truth.map { $0.prefix(12).map { Int32($0) } }, folder + "/t.ivecs")
                let outcome = try BelfryProcess.run([
                    "bench", "--base", vectors.base, "--query", vectors.queries, "--metric", "l2", "--index", index,
                    "--repeat", "1", "--recall", "0.9", "--truth", folder + "/t.ivecs", "--json",
                ])
                #expect((outcome.exitCode == 0) == isRight, "\(name), \(random): \(outcome)")
                guard !isRight else { continue }
                #expect(outcome.exitCode == 1 && outcome.errors.contains("truth of query"), "\(name): \(outcome)")
                #expect(outcome.errors.contains("row ") && outcome.errors.contains("--truth"), "\(name): \(outcome)")
            }
        }
    }

    /// Of rows that are equally near, a truth may list any; and one that was computed in f32 may be off in the last digits.
    @Test func tiesAndRoundingAreNoContradiction() throws {
        try withTemporaryDirectory { folder in
            var random = SeededGenerator()
            let ten = (0..<40).map { _ in random.vector(16).map { 10 + $0 } }
            let writer = try NpyWriter(folder + "/base.npy", columns: 16)
            for row in 0..<400 { try writer.append(ten[row % 40]) }
            try writer.finish()
            let asked = try NpyWriter(folder + "/queries.npy", columns: 16)
            for row in 0..<30 { try asked.append(ten[row].map { $0 + 0.01 * random.gaussian() }) }
            try asked.finish()
            // Ten copies of each row: any ten, and in any order.
            let truth = (0..<30).map { row in (0..<10).map { Int32($0 * 40 + row) }.shuffled(using: &random) }
            try SeededVectors.vecs(truth.map { Array($0.prefix(5)) }, folder + "/t.ivecs")
            for index in ["exact", "hnsw"] {
                let outcome = try BelfryProcess.run([
                    "bench", "--base", folder + "/base.npy", "--query", folder + "/queries.npy", "--metric", "l2",
                    "--index", index, "--repeat", "1", "--k", "5", "--truth", folder + "/t.ivecs", "--json",
                ])
                #expect(outcome.exitCode == 0, "\(random): \(outcome)")
            }
        }
    }

    @Test func aGivenTruthIsUsed() throws {
        try withTemporaryDirectory { folder in
            let vectors = try SeededVectors(folder)
            func truth(_ rows: Int, _ columns: Int, _ row: (Int) -> Int32) throws -> BelfryProcess.Outcome {
                try SeededVectors.vecs((0..<rows).map { _ in (0..<columns).map(row) }, folder + "/truth.ivecs")
                return try vectors.bench("--truth", folder + "/truth.ivecs", "--json")
            }
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
            let vectors = try SeededVectors(folder)
            func run(_ option: String, _ value: String) throws -> BelfryProcess.Outcome {
                var arguments = ["--base": vectors.base, "--query": vectors.queries, "--metric": "l2"]
                arguments["--index"] = "exact"
                arguments[option] = value
                return try BelfryProcess.run(["bench"] + arguments.flatMap { [$0.key, $0.value] })
            }
            try SeededVectors.vecs([[1, 2, 3]], folder + "/three.fvecs")
            try SeededVectors.vecs([[Int32](repeating: 0x7fc0_0000, count: 16)], folder + "/nan.fvecs")
            let bad = [("--plot", "p.png"), ("--plot", folder + "/curves"), ("--plot", "a.svg.pdf")]
            for (option, value) in bad {
                let outcome = try run(option, value)
                #expect(outcome.exitCode == 2 && outcome.errors.contains(".html or .svg"), "\(outcome)")
            }
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
