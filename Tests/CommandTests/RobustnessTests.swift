import Files
import Foundation
import TestSupport
import Testing

/// What disks, limits and other people do to a collection.
@Suite struct RobustnessTests {
    private static func shell(_ command: String) throws -> (code: Int32, errors: String, seconds: Double) {
        try withTemporaryDirectory { folder in
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", "\(command) > \(folder)/out 2> \(folder)/err"]
            let start = ContinuousClock.now
            try process.run()
            let deadline = Date(timeIntervalSinceNow: 30)
            while process.isRunning, Date() < deadline { Thread.sleep(forTimeInterval: 0.01) }
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
            process.waitUntilExit()
            let code = process.terminationStatus + (process.terminationReason == .uncaughtSignal ? 128 : 0)
            let errors = try String(contentsOfFile: "\(folder)/err", encoding: .utf8)
            return (code, errors, (ContinuousClock.now - start) / .seconds(1))
        }
    }

    private static func shops(_ folder: String, index: String, rows: Int) throws -> (Shop, Shop) {
        for name in ["one", "two"] { try System.createDirectory("\(folder)/\(name)") }
        let (one, two) = (
            try Shop("\(folder)/one", rows: rows, segmentRows: 1_000, index: index),
            try Shop("\(folder)/two", rows: rows, segmentRows: 1_000, index: index)
        )
        let csv = try String(contentsOfFile: "\(two.recipe)/products.csv", encoding: .utf8)
        try two.write(csv.replacing("number", with: "piece"), "shop/products.csv")
        for shop in [one, two] { #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0) }
        return (one, two)
    }

    /// Every file of a segment is as whole in another collection of the same shape.
    @Test(arguments: ["hnsw", "ivf"]) func filesOfAnotherCollectionAreSeen(_ index: String) throws {
        try withTemporaryDirectory { folder in
            let (one, two) = try Self.shops(folder, index: index, rows: 600)
            let (mine, other) = (try one.segment, try two.segment)
            var swapped = 0
            for name in try System.list(mine) {
                let (own, its) = (try System.read("\(mine)/\(name)"), try System.read("\(other)/\(name)"))
                guard own != its else { continue }
                swapped += 1
                try its.write(to: URL(fileURLWithPath: "\(mine)/\(name)"))
                let check = try BelfryProcess.run(["check", one.recipe])
                #expect(check.exitCode == 3 && check.output.contains("DAMAGED segments"), "\(name): \(check)")
                #expect(check.output.contains("not the one that was built with this collection"), "\(name): \(check)")
                let search = try BelfryProcess.run(["search", one.recipe, "lamp"])
                #expect(search.exitCode == 3 && search.errors.contains(name), "\(name): \(search)")
                try own.write(to: URL(fileURLWithPath: "\(mine)/\(name)"))
            }
            #expect(swapped >= 3)
            #expect(try BelfryProcess.run(["check", one.recipe]).exitCode == 0)
        }
    }

    @Test func aMissingSealIsMissed() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 5)
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            try System.remove(shop.collection + "/catalog.seal")
            let check = try BelfryProcess.run(["check", shop.recipe])
            #expect(check.exitCode == 3 && check.output.contains("DAMAGED catalog.seal"), "\(check)")
        }
    }

    /// What nobody can read is not called damaged: nobody knows.
    @Test func whatCannotBeReadIsNotCalledDamaged() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 5)
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            let file = try shop.segment + "/ids"
            let command: String
            if geteuid() == 0 {
                // Root may read all: another user runs the command.
                guard System.exists("/usr/bin/setpriv") else { return print("skipped: there is no setpriv") }
                for path in [folder, shop.folder] { chmod(path, 0o755) }
                command =
                    "HOME=/nonexistent setpriv --reuid 65534 --regid 65534 --clear-groups '\(BelfryProcess.path)'"
            } else {
                command = "'\(BelfryProcess.path)'"
            }
            chmod(file, 0)
            defer { chmod(file, 0o644) }
            let check = try Self.shell("\(command) check '\(shop.recipe)' --json")
            guard !check.errors.contains("ermission denied\n") || check.code == 1 else { return }
            #expect(check.code == 1, "\(check)")
            let plain = try Self.shell("\(command) check '\(shop.recipe)' | grep -q 'UNREAD  segments'")
            #expect(plain.code == 0, "\(plain)")
        }
    }

    @Test func damagedWeightsAreSeenBeforeTheyAnswer() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 5)
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            let weights = shop.collection + "/towers/tiny.tower/model.safetensors"
            var data = try System.read(weights)
            data[data.count - 5] ^= 1
            try data.write(to: URL(fileURLWithPath: weights))
            let cache = ["BELFRY_CACHE": folder + "/cache"]
            let search = try BelfryProcess.run(["search", shop.recipe, "lamp"], environment: cache)
            #expect(search.exitCode == 3 && search.errors.contains("model.safetensors"), "\(search)")
            #expect(try BelfryProcess.run(["similar", shop.recipe, "p-1"], environment: cache).exitCode == 0)
        }
    }

    /// A collection that is replaced while it is checked is checked again.
    @Test func checkDuringASwap() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 200, segmentRows: 200)
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            let copy = "\(folder)/copy"
            try FileManager.default.copyItem(atPath: shop.collection, toPath: copy)
            for round in 0..<12 {
                let check = Process()
                check.executableURL = URL(fileURLWithPath: BelfryProcess.path)
                check.arguments = ["check", shop.recipe]
                check.standardOutput = FileHandle.nullDevice
                check.standardError = FileHandle.nullDevice
                try check.run()
                Thread.sleep(forTimeInterval: 0.004 * Double(round))
                // As a build does it: the new one in its place, the old one removed.
                try System.exchange(copy, shop.collection)
                try System.remove(copy)
                check.waitUntilExit()
                #expect(check.terminationStatus == 0, "round \(round)")
                try FileManager.default.copyItem(atPath: shop.collection, toPath: copy)
            }
        }
    }

    @Test(arguments: ["-v 256000", "-d 128000", "-v 1000000"]) func aLimitOfAddressesEnds(_ limit: String) throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 400, segmentRows: 200, index: "ivf")
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            for command in [
                "search '\(shop.recipe)' lamp", "build '\(shop.recipe)' --replace --limit 300",
                "map '\(shop.recipe)' --out '\(folder)/map.svg'",
            ] {
                let run = try Self.shell(
                    "ulimit \(limit); SWIFT_BACKTRACE=enable=no '\(BelfryProcess.path)' \(command)")
                #expect(run.code == 0 || run.code == 1, "\(command): \(run)")
                #expect(run.seconds < 25, "\(command): \(run)")
            }
        }
    }

    /// A disk that is full, as a limit of file sizes plays it: an error, and no file that nobody can use.
    @Test func aMapThatCannotBeWrittenLeavesNothing() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 50)
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            let run = try Self.shell(
                "ulimit -f 4; '\(BelfryProcess.path)' map '\(shop.recipe)' --out '\(folder)/map.html'")
            #expect(
                run.code == 1 && run.errors.contains("File too large") && run.errors.contains("ulimit -f"), "\(run)")
            #expect(try System.list(folder).allSatisfy { !$0.contains("map") })
        }
    }

    @Test(arguments: ["products.csv", "recipe.yaml", "shop.belfry/catalog.sqlite", "shop.belfry/catalog.seal"])
    func aPipeInTheFilesPlaceIsNotWaitedFor(_ name: String) throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 5)
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            try System.remove("\(shop.recipe)/\(name)")
            #expect(mkfifo("\(shop.recipe)/\(name)", 0o644) == 0)
            for command in ["build '\(shop.recipe)'", "check '\(shop.recipe)'", "search '\(shop.recipe)' lamp"] {
                let run = try Self.shell("'\(BelfryProcess.path)' \(command)")
                #expect(run.code < 128 && run.seconds < 20, "\(command): \(run)")
            }
        }
    }
}
