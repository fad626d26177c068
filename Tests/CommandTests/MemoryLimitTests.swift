import Files
import Foundation
import TestSupport
import Testing

/// A build within a limit of memory, and what is said of it before it begins.
@Suite struct MemoryLimitTests {
    /// The most that a run of `belfry` had in memory: all of it, and without pages of files.
    struct Peak {
        var resident = 0
        var own = 0
        var output = ""
        var exitCode: Int32 = 0
    }

    /// Runs `belfry` and looks at it again and again.
    static func peak(_ arguments: [String]) throws -> Peak {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: BelfryProcess.path)
        process.arguments = arguments
        let output = FileManager.default.temporaryDirectory.appendingPathComponent("belfry-" + UUID().uuidString)
        try Data().write(to: output)
        defer { try? FileManager.default.removeItem(at: output) }
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = FileHandle.nullDevice
        try process.run()
        var peak = Peak()
        while process.isRunning {
            let status =
                (try? String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)) ?? ""
            for line in status.split(separator: "\n") {
                let words = line.split(whereSeparator: \.isWhitespace)
                guard words.count > 1, let value = Int(words[1]) else { continue }
                if words[0] == "VmHWM:" { peak.resident = max(peak.resident, value << 10) }
                if words[0] == "RssAnon:" { peak.own = max(peak.own, value << 10) }
            }
            usleep(1_000)
        }
        process.waitUntilExit()
        peak.exitCode = process.terminationStatus
        peak.output = try String(contentsOf: output, encoding: .utf8)
        return peak
    }

    static func bytes(under folder: String) throws -> Int { try System.fileBytes(under: folder) }

    @Test func aLimitMakesSeveralSegmentsOfTheSameBytes() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 6_000, segmentRows: 1_000, index: "hnsw")
            let refused = try BelfryProcess.run(["build", shop.recipe, "--memory-limit", "50M"])
            #expect(
                refused.exitCode == 1 && refused.errors.contains("The least that is enough is "), "\(refused.errors)")
            let least = try #require(
                refused.errors.firstMatch(of: /The least that is enough is (\d+M)/)?.output.1
            ).description

            let build = try Self.peak(["build", shop.recipe, "--memory-limit", least, "--json", "--threads", "2"])
            #expect(build.exitCode == 0)
            #expect(build.resident <= ByteSize(least)!.bytes, "\(build.resident) of \(least)")
            let stats = try JSON(
                parsing: Data(BelfryProcess.run(["stats", shop.collection, "--json"]).output.utf8), source: "stats")
            let segments = try FileManager.default.contentsOfDirectory(atPath: "\(shop.collection)/segments").count
            #expect(segments > 1 && segments <= 6, "\(segments) segments, \(stats.text())")
            #expect(try BelfryProcess.run(["check", shop.collection]).exitCode == 0)
            let files = try shop.files()

            let other = try BelfryProcess.run(
                ["build", shop.recipe, "--replace", "--memory-limit", least, "--threads", "1"])
            #expect(other.exitCode == 0, "\(other.errors)")
            // Rows whose texts are equal have equal vectors: every segment finds what it has of them.
            let search = try BelfryProcess.run(["search", shop.collection, "red lamp", "-k", "5", "--json"])
            #expect(search.exitCode == 0)
            try FileManager.default.removeItem(atPath: shop.collection)
            #expect(
                try BelfryProcess.run(["build", shop.recipe, "--memory-limit", least, "--threads", "1"]).exitCode == 0)
            for (name, data) in try shop.files() where name.hasPrefix("segments/") {
                #expect(files[name] == data, "\(name)")
            }
        }
    }

    @Test(arguments: ["", "lots", "1GB", "-1", "0"])
    func nonsenseIsRefused(_ limit: String) throws {
        for verb in ["build", "plan", "upsert", "write", "import"] {
            let rest = verb == "upsert" ? ["x.jsonl"] : verb == "import" ? ["--to", "y.belfry"] : []
            let run = try BelfryProcess.run([verb, "x"] + rest + ["--memory-limit=\(limit)"])
            #expect(run.exitCode == 2, "\(verb) \(run.errors)")
        }
    }

    @Test(arguments: ["hnsw", "exact"])
    func aPlanComesWithinAFifth(_ index: String) throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 30_000, segmentRows: 2_000, index: index)
            let plan = try BelfryProcess.run(["plan", shop.recipe, "--json"])
            #expect(plan.exitCode == 0, "\(plan.errors)")
            let forecast = try JSON(parsing: Data(plan.output.utf8), source: "plan")
            #expect(!FileManager.default.fileExists(atPath: shop.collection))
            let build = try Self.peak(["build", shop.recipe])
            #expect(build.exitCode == 0)
            let disk = try Self.bytes(under: shop.collection)
            let expectedDisk = try #require(forecast["disk"]?.integer)
            #expect(abs(Double(expectedDisk) / Double(disk) - 1) < 0.2, "\(expectedDisk) for \(disk)")
            let memory = max(
                try #require(forecast["embedding_memory"]?.integer),
                try #require(forecast["indexing_memory"]?.integer))
            // Below some megabytes it is the program itself that counts.
            #expect(Double(abs(memory - build.own)) < max(0.2 * Double(build.own), 8e6), "\(memory) for \(build.own)")
            #expect(forecast["segments"]?.integer == 1 && forecast["points"]?.integer == 30_000)
        }
    }
}
