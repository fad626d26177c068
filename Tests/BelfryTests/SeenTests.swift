import Files
import Foundation
import GRDB
import Shards
import TestSupport
import Testing

@testable import Belfry

/// What a user has seen is left out of the answers, whatever happens to the points.
@Suite struct SeenTests {
    /// Points 0..<count on a line, with a payload; the query at zero finds them in their order.
    private static func make(_ path: String, _ count: Int) async throws -> VectorCollection {
        let collection = try VectorCollection.create(path, .init(dimension: 2, metric: .l2))
        try await collection.upsert((0..<count).map(point))
        return collection
    }

    private static func point(_ number: Int) -> WrittenPoint {
        WrittenPoint(
            id: "p-\(number)", vector: [Float(number), 1],
            payload: ["n": .integer(Int64(number)), "parity": .string(number % 2 == 0 ? "even" : "odd")])
    }

    private static func request(_ k: Int = 3, seenBy user: String? = "ann") -> SearchRequest {
        var request = SearchRequest(.vector([0, 1]), k: k)
        request.seenBy = user
        return request
    }

    private static func names(_ collection: VectorCollection, _ request: SearchRequest = request()) throws -> [String] {
        try collection.search(request).hits.map(\.name)
    }

    @Test func theNextSearchLeavesItOut() async throws {
        try await withTemporaryDirectory { folder in
            let collection = try await Self.make(folder + "/a.belfry", 20)
            #expect(try Self.names(collection) == ["p-0", "p-1", "p-2"])
            #expect(try await collection.markSeen(["p-0", "p-2"], by: "ann").changed == 2)
            #expect(try Self.names(collection) == ["p-1", "p-3", "p-4"])
            #expect(try Self.names(collection, Self.request(seenBy: "bob")) == ["p-0", "p-1", "p-2"])
            #expect(try Self.names(collection, Self.request(seenBy: nil)) == ["p-0", "p-1", "p-2"])
            var all = Self.request()
            all.includesSeen = true
            #expect(try Self.names(collection, all) == ["p-0", "p-1", "p-2"])
            // Whoever has seen all is answered nothing.
            try await collection.markSeen((0..<20).map { "p-\($0)" }, by: "cem")
            #expect(try Self.names(collection, Self.request(seenBy: "cem")) == [])
            try await collection.forgetSeen(["p-2"], by: "ann")
            #expect(try Self.names(collection) == ["p-1", "p-2", "p-3"])
            try await collection.close()
        }
    }

    /// Before it is sealed, sealed, merged, read by others, restored: the answers are the same.
    @Test func itIsKept() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/a.belfry"
            var collection = try await Self.make(path, 20)
            try await collection.markSeen(["p-1"], by: "ann", at: Date(timeIntervalSince1970: 100))
            let expected = ["p-0", "p-2", "p-4"]
            for step in 0..<4 {
                switch step {
                case 0: try await collection.markSeen(["p-3"], by: "ann", at: Date(timeIntervalSince1970: 200))
                case 1: try await collection.compact()
                case 2:
                    try await collection.close()
                    collection = try VectorCollection(path, for: .writing)
                default:
                    // Rewritten: the vectors lie elsewhere now.
                    try await collection.upsert((0..<10).map(Self.point))
                }
                #expect(try Self.names(collection) == expected, "step \(step)")
                #expect(try Self.names(VectorCollection(path)) == expected, "step \(step)")
                #expect(
                    try collection.seen(by: "ann").map { [$0.id, "\(Int($0.time!.timeIntervalSince1970))"] }
                        == [["p-3", "200"], ["p-1", "100"]], "step \(step)")
            }
            try await collection.compact()
            try await collection.forgetSeen(by: "ann", before: Date(timeIntervalSince1970: 150))
            #expect(try Self.names(collection) == ["p-0", "p-1", "p-2"])
            try CollectionCopy.make(of: path, at: folder + "/b.belfry")
            try await collection.compact()
            #expect(try Self.names(collection) == ["p-0", "p-1", "p-2"])
            try await collection.close()
            for copy in [path, folder + "/b.belfry"] {
                #expect(try Self.names(VectorCollection(copy)) == ["p-0", "p-1", "p-2"])
                #expect(try VectorCollection(copy).seen(by: "ann").map(\.id) == ["p-3"])
                for finding in try VectorCollection.check(copy) {
                    #expect(finding.problems.isEmpty, "\(finding.name): \(finding.problems)")
                }
            }
        }
    }

    /// A point that was deleted and comes back, and one that comes after it was seen.
    @Test(arguments: [false, true]) func pointsMayComeBackAndComeLater(isCompacted: Bool) async throws {
        try await withTemporaryDirectory { folder in
            let collection = try await Self.make(folder + "/a.belfry", 20)
            try await collection.markSeen(["p-0", "p-1", "p-20"], by: "ann")
            if isCompacted { try await collection.compact() }
            #expect(try Self.names(collection) == ["p-2", "p-3", "p-4"])
            try await collection.delete(["p-0"])
            if isCompacted { try await collection.compact() }
            #expect(try Self.names(collection) == ["p-2", "p-3", "p-4"])
            try await collection.upsert([Self.point(0), Self.point(20)])
            for _ in 0..<2 {
                #expect(try Self.names(collection) == ["p-2", "p-3", "p-4"])
                #expect(try Self.names(collection, Self.request(30)).contains("p-20") == false)
                #expect(try Self.names(collection, Self.request(30)).count == 18)
                if isCompacted { try await collection.compact() }
            }
            try await collection.close()
        }
    }

    /// Filters, quotas, groups, diversity, and rankings that are not by a vector.
    @Test func everyFormLeavesItOut() async throws {
        try await withTemporaryDirectory { folder in
            let collection = try await Self.make(folder + "/a.belfry", 40)
            let seen = Set((0..<40).filter { $0 % 3 == 0 }.map { "p-\($0)" })
            try await collection.markSeen(Array(seen), by: "ann")
            for isSealed in [false, true] {
                if isSealed { try await collection.compact() }
                var requests: [(String, SearchRequest)] = []
                func add(
                    _ name: String, _ query: SearchQuery = .vector([0, 1]),
                    _ change: (inout SearchRequest) -> Void = { _ in }
                ) {
                    var request = SearchRequest(query, k: 30)
                    request.seenBy = "ann"
                    change(&request)
                    requests.append((name, request))
                }
                add("nearest")
                add("exact") { $0.exact = true }
                add("filter") { $0.filter = try? Filter(parsing: "parity = 'even'") }
                add("groups") { $0.groups = .init(by: JSONPath(member: "parity"), size: 20) }
                add("quotas") { $0.quotas = [.init(PayloadCondition(field: "parity", value: "odd"), count: 30)] }
                add("diversity") { $0.diversity = try? Diversity(0.5) }
                add("point", .point("p-3"))
                add("examples", .examples(like: ["p-1"], unlike: []))
                add("best", .recommend(like: [.point("p-1")]))
                add("discover", .discover(.point("p-1"), context: [(like: .point("p-2"), unlike: .point("p-9"))]))
                add("fused", .fused([Self.request(30, seenBy: nil), Self.request(30, seenBy: nil)], .reciprocalRank()))
                add("ordered", .ordered(OrderBy(JSONPath(member: "n"))))
                add("sample", .sample(seed: 7))
                for (name, request) in requests {
                    let found = try Self.names(collection, request)
                    #expect(!found.isEmpty && seen.isDisjoint(with: found), "\(name): \(found)")
                    var all = request
                    all.includesSeen = true
                    #expect(try !seen.isDisjoint(with: Self.names(collection, all)), "\(name) has some to leave out")
                }
            }
            try await collection.close()
        }
    }

    /// What was seen lies near the query, as what was recommended does: the answers are still the nearest of the rest.
    @Test func recallHoldsWhereTheNearestWereSeen() async throws {
        var random = SeededGenerator()
        try await withTemporaryDirectory { folder in
            var description = VectorCollection.Description(dimension: 16)
            description.index = .hnsw
            let collection = try VectorCollection.create(folder + "/a.belfry", description)
            func vector() -> [Float] { (0..<16).map { _ in Float.random(in: -1...1, using: &random) } }
            for batch in 0..<5 {
                try await collection.upsert(
                    (0..<4_000).map { WrittenPoint(id: "\(batch * 4_000 + $0)", vector: vector()) })
            }
            try await collection.compact()
            var (found, wanted) = (0, 0)
            for query in 0..<40 {
                let user = "user \(query)"
                var request = SearchRequest(.vector(vector()), k: 500)
                request.exact = true
                try await collection.markSeen(try collection.search(request).hits.map(\.name), by: user)
                if query % 10 == 9 { try await collection.compact() }
                (request.k, request.seenBy) = (10, user)
                let truth = try collection.search(request).hits
                #expect(truth.count == 10)
                request.exact = false
                let answers = try collection.search(request).hits
                #expect(answers.count == 10)
                found += answers.count { $0.score >= truth[9].score }
                wanted += 10
            }
            #expect(Double(found) / Double(wanted) >= 0.94, "\(found) of \(wanted), \(random)")
            try await collection.close()
        }
    }

    @Test func whatCannotBeNotedIsRefused() async throws {
        try await withTemporaryDirectory { folder in
            let collection = try await Self.make(folder + "/a.belfry", 3)
            let wrong: [WriteOperation] = [
                .markSeen([" "], by: "ann"), .markSeen(["p-1"], by: ""), .markSeen(["p-1"], by: "a\0b"),
                .markSeen(["p-1"], by: String(repeating: "a", count: 1_025)),
                .markSeen(["p-1"], by: "ann", at: .distantPast), .markSeen(["p-1"], by: "ann", at: .distantFuture),
                .forgetSeen([""], by: "ann"), .forgetAllSeen(by: " "),
            ]
            for operation in wrong {
                let error = await #expect(throws: BelfryError.self, "\(operation)") {
                    try await collection.write([operation])
                }
                #expect(error?.code == .invalidInput)
            }
            #expect(try collection.seen(by: "nobody").isEmpty)
            // Two texts that look the same are two users.
            try await collection.markSeen(["p-0"], by: "jos\u{e9}")
            for isSealed in [false, true] {
                if isSealed { try await collection.compact() }
                #expect(try Self.names(collection, Self.request(seenBy: "jos\u{e9}")) == ["p-1", "p-2"])
                #expect(try Self.names(collection, Self.request(seenBy: "jose\u{301}")) == ["p-0", "p-1", "p-2"])
            }
            // A number is the same user, however a program writes it.
            try await collection.markSeen(["p-0"], by: "7.0")
            #expect(try Self.names(collection, Self.request(seenBy: "7")) == ["p-1", "p-2"])
            try await collection.close()
        }
    }

    @Test func aListKeepsTheLatest() {
        let limit = SeenList.limit
        var changes = SeenChanges()
        for number in 0..<limit + 10 { changes.note(.seen([.number(UInt64(number))], seconds: UInt32(number))) }
        var list = SeenList()
        list.apply(changes)
        #expect(list.marks.count == limit && list.mark(.number(9)) == nil && list.mark(.number(10)) != nil)
    }

    @Test func bytesAreReadBackAndOthersRefused() {
        var random = SeededGenerator()
        for count in [0, 1, 2, 50] {
            let list = SeenList(
                (0..<count).map { number in
                    let id: PointID = number % 2 == 0 ? .number(random.next()) : .uuid(UUID())
                    let slot = number % 5 == 0 ? nil : Slot.random(in: 0..<Slot.max, using: &random)
                    return .init(id: id, slot: slot, seconds: UInt32.random(in: 0 ... .max, using: &random))
                })
            #expect(SeenList(bytes: list.bytes) == list)
            for length in 0..<list.bytes.count { #expect(SeenList(bytes: list.bytes.prefix(length)) != list) }
        }
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 0...80, using: &random)).map { _ in UInt8.random(in: 0...3, using: &random)
            }
            _ = SeenList(bytes: Data(bytes))
        }
    }

    /// A damaged row is found, and names the user.
    @Test func damageIsFoundAndRepaired() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/a.belfry"
            let collection = try await Self.make(path, 10)
            try await collection.markSeen(["p-0"], by: "ann")
            try await collection.markSeen(["p-0"], by: "bob")
            try await collection.compact()
            try await collection.close()
            let queue = try DatabaseQueue(path: path + "/catalog.sqlite")
            try await queue.write { try $0.execute(sql: "UPDATE seen SET points = x'00000000' WHERE key = 'ann'") }
            try queue.close()
            let reader = try VectorCollection(path)
            let error = #expect(throws: BelfryError.self) { try Self.names(reader) }
            #expect(error?.code == .corruptData && "\(error!)".contains("ann"), "\(error!)")
            #expect(try Self.names(reader, Self.request(seenBy: "bob")) == ["p-1", "p-2", "p-3"])
            let problems = try VectorCollection.check(path).flatMap(\.problems)
            #expect(problems.contains { "\($0)".contains("seen") }, "\(problems)")
            let report = try CollectionRepair.make(path)
            #expect(report.lostSeen == ["ann"] && report.lostUsers.isEmpty && report.hasLoss)
            #expect(try Self.names(VectorCollection(path), Self.request(seenBy: "bob")) == ["p-1", "p-2", "p-3"])
        }
    }
}
