import Belfry
import Files
import Foundation
import Recipes
import Synchronization
import TestSupport
import Testing
import Vectors

@testable import Belfry

/// A second version of a collection: filled beside the first, compared with it, and switched to by an alias.
@Suite struct VersionTests {
    /// What tasks tell each other.
    private final class Shared: Sendable {
        let isDone = Atomic(false)
        /// How many questions each version has answered.
        let asked = Mutex([0, 0])
    }

    /// Another tower: fewer components of the same model are another space.
    private func importTower(_ folder: String) throws -> String {
        let tower = folder + "/second.tower"
        _ = try run(["tower", "import", Shop.model, "--to", tower, "--dimension", "20", "--force"])
        return tower
    }

    private func run(_ arguments: [String], _ exitCode: Int32 = 0) throws -> BelfryProcess.Outcome {
        let outcome = try BelfryProcess.run(arguments)
        #expect(outcome.exitCode == exitCode, "\(arguments): \(outcome.output)\(outcome.errors)")
        return outcome
    }

    private func json(_ arguments: [String]) throws -> JSON {
        try JSON(parsing: Data(run(arguments + ["--json"]).output.utf8), source: arguments[0])
    }

    private func names(_ path: String, _ text: String) throws -> [String] {
        try json(["search", path, text, "-k", "5", "--exact"])["results"]?.array?.compactMap {
            $0["id"].map { $0.string ?? $0.text() }
        } ?? []
    }

    private func expectWhole(_ path: String) throws {
        for finding in try VectorCollection.check(path) { #expect(finding.problems.isEmpty, "\(finding)") }
    }

    /// What a collection built by a tower alone answers.
    private func shop(_ folder: String, tower: String, rowsOf shop: Shop) throws -> Shop {
        let other = try Shop(folder, rows: 1)
        try FileManager.default.removeItem(atPath: other.recipe + "/products.csv")
        try FileManager.default.copyItem(atPath: shop.recipe + "/products.csv", toPath: other.recipe + "/products.csv")
        try other.change("../tiny.tower", to: tower)
        _ = try run(["build", other.recipe])
        return other
    }

    @Test func aVersionAnswersAsACollectionOfItsTowerWould() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder)
            let tower = try importTower(folder)
            _ = try run(["build", shop.recipe])
            let first = try names(shop.recipe, "red lamp")
            let filled = try json(["reembed", shop.recipe, "--tower", tower, "--to", "v2"])
            #expect(filled["embedded"]?.integer == 50 && filled["left"]?.integer == 0, "\(filled)")
            let other = try self.shop(folder + "/other", tower: tower, rowsOf: shop)
            for text in ["red lamp", "a black oven", "number 7"] {
                #expect(try names(shop.collection + "@v2", text) == names(other.collection, text))
            }
            #expect(try names(shop.recipe, "red lamp") == first)
            let again = try json(["reembed", shop.recipe, "--tower", tower, "--to", "v2"])
            #expect(again["embedded"]?.integer == 0 && again["kept"]?.integer == 50, "\(again)")
            let wrong = try run(["reembed", shop.recipe, "--tower", shop.tower, "--to", "v2"], 1)
            #expect(wrong.errors.contains("another tower"), "\(wrong.errors)")
            #expect(try run(["search", shop.collection + "@v3", "x"], 1).errors.contains("v2"))

            // Texts that are written go through both towers.
            let line = "{\"id\":\"new\",\"text\":\"a violet sofa\",\"payload\":{\"title\":\"a violet sofa\"}}"
            let upserted = try BelfryProcess.run(["upsert", shop.collection, "-"], input: line + "\n")
            #expect(upserted.exitCode == 0, "\(upserted.errors)")
            for path in [shop.collection, shop.collection + "@v2"] {
                #expect(try names(path, "a violet sofa").first == "new")
            }

            // The rows change: of the version, what is of the same text stays.
            let lines = try String(contentsOfFile: "\(shop.recipe)/products.csv", encoding: .utf8)
            try shop.write(
                lines.replacing("p-3,black lamp", with: "p-3,another thing") + "p-50,last thing,the last one,1\n",
                "shop/products.csv")
            let stale = try run(["reembed", shop.recipe, "--tower", tower, "--to", "v2"], 1)
            #expect(stale.errors.contains("Build it first"), "\(stale.errors)")
            let rebuilt = try json(["build", shop.recipe])
            #expect(rebuilt["kept_points"]?.integer == 49 && rebuilt["others_points"]?.integer == 1, "\(rebuilt)")
            let collection = try VectorCollection(shop.collection)
            #expect(try collection.point("p-4").vectors.count == 2 && collection.point("new").vectors.count == 2)
            #expect(try collection.point("p-3").vectors.count == 1 && collection.point("p-50").vectors.count == 1)
            try expectWhole(shop.collection)
            let rest = try json(["reembed", shop.recipe, "--tower", tower, "--to", "v2"])
            #expect(rest["embedded"]?.integer == 2 && rest["kept"]?.integer == 49, "\(rest)")
            #expect(rest["left"]?.integer == 0, "what has no row has its vector")
            #expect(try names(shop.collection + "@v2", "another thing\nthe black lamp, number 3").first == "p-3")
            try expectWhole(shop.collection)

            _ = try run(["vectors", shop.collection, "--drop", "@v2"])
            #expect(try names(shop.recipe, "a violet sofa").first == "new")
            #expect(try System.list(shop.collection + "/towers").count == 1)
            try expectWhole(shop.collection)
        }
    }

    /// The first version goes, and builds go on: what others have made stays, whatever stands first.
    @Test func aBuildKeepsWhatItDoesNotMakeInAnyOrder() async throws {
        try await withTemporaryDirectory { folder in
            let shop = try Shop(folder)
            let tower = try importTower(folder)
            _ = try run(["build", shop.recipe])
            _ = try run(["reembed", shop.recipe, "--tower", tower, "--to", "v2"])
            let answers = try names(shop.collection + "@v2", "red lamp")
            _ = try run(["vectors", shop.collection, "--add", "words=sparse"])
            let writer = try VectorCollection(shop.collection, for: .writing)
            try await writer.write([
                .setVectors("p-3", ["words": .sparse(SparseVector(indices: [3], values: [1]))])
            ])
            try await writer.compact()
            try await writer.close()
            for (round, dropsFirst) in [false, true, false].enumerated() {
                if dropsFirst { _ = try run(["vectors", shop.collection, "--drop", ""]) }
                if round == 2 {
                    // Dropped, and there again without a build: it stands first, and every row is embedded anew.
                    _ = try run(["vectors", shop.collection, "--drop", ""])
                    _ = try run(["vectors", shop.collection, "--add", "=\(shop.tower)"])
                    #expect(try VectorCollection(shop.collection).configuration.spaces.map(\.name)[0] == "")
                    // Vectors of other kinds are not the rows' own.
                    let writer = try VectorCollection(shop.collection, for: .writing)
                    try await writer.write([
                        .setVectors("p-3", ["words": .sparse(SparseVector(indices: [3], values: [1]))])
                    ])
                    try await writer.close()
                }
                let lines = try String(contentsOfFile: "\(shop.recipe)/products.csv", encoding: .utf8)
                try shop.write(lines + "more-\(round),thing \(round),one more,1\n", "shop/products.csv")
                let built = try json(["build", shop.recipe])
                #expect(built["points"]?.integer == 51 + round, "\(built)")
                let collection = try VectorCollection(shop.collection)
                #expect(collection.configuration.spaces.map(\.name).sorted() == ["", "@v2", "words"])
                #expect(try collection.point("p-3").vectors.count == 3)
                #expect(try names(shop.collection + "@v2", "red lamp") == answers)
                try expectWhole(shop.collection)
            }
        }
    }

    /// Whoever writes texts writes to all versions, whichever one is named.
    @Test func textsGoIntoEveryVersionThroughAnyName() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder)
            let (tower, path) = (try importTower(folder), folder + "/c.belfry")
            _ = try run(["create", path, "--tower", shop.tower])
            _ = try run(["vectors", path, "--add", "@v2=\(tower)"])
            try Aliases.change([("now", .init("c@v2"))], in: folder)
            for (round, name) in [path, path + "@v2", folder + "/now"].enumerated() {
                let line = "{\"id\":\"x\(round)\",\"text\":\"thing number \(round)\"}\n"
                let upserted = try BelfryProcess.run(["upsert", name, "-"], input: line)
                #expect(upserted.exitCode == 0, "\(upserted.errors)")
                let vectors = try VectorCollection(path).point("x\(round)").vectors
                #expect(vectors[""]?.dense?.count == Shop.dimension && vectors["@v2"]?.dense?.count == 20, "\(name)")
                for version in [path, path + "@v2"] {
                    #expect(try names(version, "thing number \(round)").first == "x\(round)")
                }
            }
            // A tower that is gone keeps nobody from dropping its version.
            let second = try #require(
                VectorCollection(path).configuration.spaces.last?.towerName.dropFirst("tower ".count))
            try FileManager.default.removeItem(atPath: path + "/towers/" + second)
            #expect(try BelfryProcess.run(["search", path + "@v2", "x"]).exitCode != 0)
            _ = try run(["vectors", path, "--drop", "@v2"])
            #expect(try names(path, "thing number 1").first == "x1")
        }
    }

    /// A version that was dropped is not the first one for whoever has it open.
    @Test func aDroppedVersionAnswersNothing() async throws {
        try await withTemporaryDirectory { folder in
            let collection = try VectorCollection.create(folder + "/c.belfry", .init(dimension: 2))
            try await collection.add(.init(.init(name: "@v2", dimension: 2)))
            let second = try collection.version("v2")
            try await second.upsert([WrittenPoint(id: "a", vector: [1, 2])])
            #expect(try collection.point("a").vectors.keys.sorted() == ["@v2"])
            try await collection.drop(space: "@v2")
            let search = #expect(throws: BelfryError.self) {
                try second.search(SearchRequest(.vector([1, 2]), k: 1))
            }
            #expect(search?.code == .notFound)
            let write = await #expect(throws: BelfryError.self) {
                try await second.upsert([WrittenPoint(id: "a", vector: [3, 4])])
            }
            #expect(write?.code == .notFound)
            // Names that look the same are the same.
            try await collection.add(.init(.init(name: "\u{e9}", dimension: 2)))
            let same = await #expect(throws: BelfryError.self) {
                try await collection.add(.init(.init(name: "e\u{301}", dimension: 2)))
            }
            #expect(same?.code == .conflict)
            try await collection.close()
            let closed = await #expect(throws: BelfryError.self) { try await collection.drop(space: "\u{e9}") }
            #expect(closed?.code == .conflict)
        }
    }

    @Test func payloadsAreEmbeddedWhereThereIsNoRecipe() async throws {
        try await withTemporaryDirectory { folder in
            let (tower, path) = (try importTower(folder), folder + "/c.belfry")
            let collection = try VectorCollection.create(path, .init(dimension: 3))
            try await collection.upsert(
                (0..<40).map {
                    WrittenPoint(
                        id: "\($0)", vectors: $0 % 2 == 0 ? ["": .dense([1, 2, Float($0)])] : [:],
                        payload: $0 < 30 ? ["title": .string("the \(Shop.products[$0 % 10]), number \($0)")] : [:])
                })
            try await collection.close()
            #expect(try run(["reembed", path, "--tower", tower, "--to", "v2"], 2).errors.contains("--text"))
            let filled = try json(["reembed", path, "--tower", tower, "--to", "v2", "--text", "{title}"])
            #expect(filled["embedded"]?.integer == 30 && filled["left"]?.integer == 10, "\(filled)")
            #expect(try names(path + "@v2", "the lamp, number 20").first == "20")
            let compared = try json(["compare", path + "@v2", path + "@v2", "--points", "20"])
            #expect(compared["overlap"]?["mean"]?.number == 1 && compared["changed"]?.array == [], "\(compared)")
            let queries = folder + "/q.jsonl"
            try Data(
                "{\"text\":\"the lamp, number 20\",\"ids\":[20]}\n{\"text\":\"the desk, number 1\",\"ids\":[1]}\n".utf8
            ).write(to: URL(fileURLWithPath: queries))
            let judged = try json([
                "compare", path + "@v2", path + "@v2", "--queries", queries, "--relevant", "ids", "-k", "3", "--exact",
            ])
            #expect(judged["judged"]?["first"]?["mean"]?.number == 1, "\(judged)")
            #expect(judged["judged"]?["difference"]?["mean"]?.number == 0)
        }
    }

    /// Switched 200 times under eight readers: an answer is of one version, whole.
    @Test func anAliasIsSwitchedUnderReaders() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/shop.belfry"
            let collection = try VectorCollection.create(path, .init(dimension: 2, metric: .l2))
            try await collection.add(.init(.init(name: "@v2", dimension: 3, metric: .l2)))
            try await collection.upsert(
                (0..<100).map {
                    WrittenPoint(
                        id: "\($0)", vectors: ["": .dense([Float($0), 0]), "@v2": .dense([Float(99 - $0), 0, 0])])
                })
            try await collection.close()
            try Aliases.change([("now", .init("shop"))], in: folder)
            let shared = Shared()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        while !shared.isDone.load(ordering: .relaxed), !Task.isCancelled {
                            await Task.yield()
                            let target = try #require(Aliases(of: folder).targets["now"])
                            let opened = try VectorCollection(folder + "/shop.belfry", version: target.version)
                            let isSecond = target.version == "v2"
                            let query: [Float] = isSecond ? [0, 0, 0] : [0, 0]
                            let found = try opened.search(SearchRequest(.vector(query), k: 5)).hits.map(\.name)
                            #expect(found == (isSecond ? ["99", "98", "97", "96", "95"] : ["0", "1", "2", "3", "4"]))
                            shared.asked.withLock { $0[isSecond ? 1 : 0] += 1 }
                        }
                    }
                }
                for round in 0..<200 {
                    try Aliases.change([("now", .init(round % 2 == 0 ? "shop@v2" : "shop"))], in: folder)
                    try await Task.sleep(for: .milliseconds(2))
                }
                shared.isDone.store(true, ordering: .relaxed)
                try await group.waitForAll()
            }
            #expect(shared.asked.withLock { $0.allSatisfy { $0 > 0 } })
        }
    }

    @Test func aliasesThatCannotBeAreRefused() throws {
        try withTemporaryDirectory { folder in
            _ = try VectorCollection.create(folder + "/shop.belfry", .init(dimension: 2))
            let wrong: [(name: String, target: Aliases.Target?, code: BelfryError.Code)] = [
                ("", .init("shop"), .invalidInput), ("a/b", .init("shop"), .invalidInput),
                ("..", .init("shop"), .invalidInput),
                ("a@b", .init("shop"), .invalidInput),
                (String(repeating: "x", count: 256), .init("shop"), .invalidInput),
                ("shop", .init("shop"), .conflict), ("new", .init("none"), .notFound),
                ("new", .init("shop@v2"), .notFound),
                ("new", nil, .notFound),
            ]
            for (name, target, code) in wrong {
                let error = #expect(throws: BelfryError.self) {
                    // All or none.
                    try Aliases.change([("fine", .init("shop")), (name, target)], in: folder)
                }
                #expect(error?.code == code, "\(name): \(error?.description ?? "")")
                #expect(try Aliases(of: folder).targets.isEmpty)
            }
            try Aliases.change([("fine", .init("shop"))], in: folder)
            #expect(try VectorCollection(at: folder + "/fine").path == folder + "/shop.belfry")
            let trials: [(name: String, target: Aliases.Target, code: BelfryError.Code)] = [
                ("fine", .init("shop"), .invalidInput), ("fine", .init("none"), .notFound),
                ("none", .init("shop"), .notFound),
            ]
            for (name, target, code) in trials {
                let error = #expect(throws: BelfryError.self) {
                    try Aliases.tryOut(.init(target, share: 0.5), under: name, in: folder)
                }
                #expect(error?.code == code, "\(name), \(target): \(error?.description ?? "")")
            }
            #expect(try Aliases(of: folder).trials.isEmpty)
            try Aliases.change([("fine", nil)], in: folder)
            #expect(throws: BelfryError.self) { try VectorCollection(at: folder + "/fine") }
            for damaged in ["", "[]", "{\"a\":1}", "{\"a/b\":\"shop\"}", "{\"a\":\"../x\"}", "{"] {
                try Data(damaged.utf8).write(to: URL(fileURLWithPath: folder + "/aliases.json"))
                let error = #expect(throws: BelfryError.self, "\(damaged)") { try Aliases(of: folder) }
                #expect(error?.code == .corruptData)
            }
        }
    }
}
