import Belfry
import Files
import Foundation
import Synchronization
import TestSupport
import Testing
import Vectors

@testable import Belfry

/// A collection that is written to is compared with a dictionary and brute force, reopened at random.
@Suite struct LivingCollectionTests {
    private static let dimension = 8

    private static func vector(_ random: inout SeededGenerator) -> [Float] {
        (0..<dimension).map { _ in Float.random(in: -1...1, using: &random) }
    }

    private static func terms(_ random: inout SeededGenerator) -> SparseVector {
        var values: [UInt32: Float] = [:]
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            values[UInt32.random(in: 0..<30, using: &random)] = Float.random(in: -1...1, using: &random)
        }
        return (try? SparseVector(indices: Array(values.keys), values: Array(values.values))) ?? SparseVector()
    }

    private static func vector(of space: VectorSpace, _ random: inout SeededGenerator) -> PointVector {
        switch space.kind {
        case .dense: .dense(vector(&random))
        case .sparse: .sparse(terms(&random))
        case .multi: .multi((0..<Int.random(in: 1...4, using: &random)).map { _ in vector(&random) })
        }
    }

    /// The squared distance, or the sum of the nearest, or the negative dot product; nil where a sparse vector shares no term with the query.
    private static func distance(_ query: PointVector, _ vector: PointVector) -> Double? {
        switch (query, vector) {
        case (.dense(let query), .dense(let vector)):
            squares(query, vector)
        case (.multi(let query), .multi(let vectors)):
            query.reduce(0) { sum, one in sum + (vectors.map { squares(one, $0) }.min() ?? .infinity) }
        case (.sparse(let query), .sparse(let vector)):
            Set(query.indices).isDisjoint(with: vector.indices) ? nil : -Double(query.dot(vector))
        default: nil
        }
    }

    private static func squares(_ one: [Float], _ other: [Float]) -> Double {
        zip(one, other).reduce(0) { sum, pair in
            sum + (Double(pair.0) - Double(pair.1)) * (Double(pair.0) - Double(pair.1))
        }
    }

    private struct Known: Equatable {
        var vectors: [String: PointVector]
        var payload: JSON
    }

    /// What users have seen: ids, with the seconds.
    private typealias Seen = [String: [String: Int]]

    /// What the collection must say: all points, and the ten nearest to some queries in each space that a user has not seen.
    private static func compare(
        _ collection: VectorCollection, _ known: [String: Known], _ seen: Seen, _ random: inout SeededGenerator,
        _ place: String
    ) throws {
        #expect(collection.count == known.count, "\(place)")
        let user = "user \(Int.random(in: 0..<4, using: &random))"
        let marked = try collection.seen(by: user)
        #expect(
            Dictionary(uniqueKeysWithValues: marked.map { ($0.id, Int($0.time!.timeIntervalSince1970)) })
                == seen[user] ?? [:], "\(place)")
        for space in collection.configuration.spaces {
            let query = vector(of: space, &random)
            let asked: SearchQuery =
                switch query {
                case .dense(let components): .vector(components)
                case .sparse(let terms): .sparse(terms)
                case .multi(let vectors): .multi(vectors)
                }
            var request = SearchRequest(asked, k: 10)
            (request.exact, request.space, request.seenBy) = (true, space.name, user)
            let found = try collection.search(request).hits
            var distances: [String: Double] = [:]
            for (name, point) in known where seen[user]?[name] == nil {
                distances[name] = point.vectors[space.name].flatMap { distance(query, $0) }
            }
            // Of two that f32 cannot tell apart either may come first.
            let names = found.map(\.id.description)
            #expect(Set(names).count == min(10, distances.count), "\(place)")
            for (name, distance) in zip(names, distances.values.sorted()) {
                #expect(abs((distances[name] ?? .infinity) - distance) < 1e-4, "\(place), \(name)")
            }
            for hit in found { #expect(hit.payload == known[hit.id.description]?.payload, "\(place), \(hit.id)") }
        }
        if let name = known.keys.min() {
            let point = try collection.point(name)
            #expect(point.vectors == known[name]?.vectors, "\(place)")
            #expect(point.payload == known[name]?.payload, "\(place)")
        }
        #expect(throws: BelfryError.self) { try collection.point("999999") }
    }

    /// A batch of random operations, which are carried out on `known` as well.
    private static func batch(
        _ known: inout [String: Known], _ seen: inout Seen, _ spaces: [VectorSpace], _ round: Int,
        _ random: inout SeededGenerator
    ) -> [WriteOperation] {
        var batch: [WriteOperation] = []
        // Where there are several kinds of vector, a point may lack some, or all.
        func vectors() -> [String: PointVector] {
            var vectors: [String: PointVector] = [:]
            for space in spaces where spaces.count == 1 || Int.random(in: 0..<4, using: &random) > 0 {
                vectors[space.name] = vector(of: space, &random)
            }
            return vectors
        }
        for _ in 0..<Int.random(in: 1...500, using: &random) {
            let name = "\(Int.random(in: 0..<3_000, using: &random))"
            switch Int.random(in: 0..<12, using: &random) {
            case 0..<6:
                let point = Known(vectors: vectors(), payload: ["n": .integer(Int64(round)), "x": "a"])
                batch.append(
                    .upsert(
                        WrittenPoint(id: name, vectors: point.vectors, payload: point.payload))
                )
                known[name] = point
            case 6..<8:
                batch.append(.delete([name]))
                known[name] = nil
            case 8:
                batch.append(.setPayload([name], ["x": .integer(Int64(round))]))
                if case .object(var members)? = known[name]?.payload {
                    members["x"] = .integer(Int64(round))
                    known[name]?.payload = .object(members)
                }
            case 9:
                let changed = vectors()
                if changed.isEmpty { continue }
                batch.append(.setVectors(name, changed))
                known[name]?.vectors.merge(changed) { $1 }
            case 10: batch.append(note(&seen, &random))
            default:
                guard spaces.count > 1, let space = spaces.randomElement(using: &random)?.name else { continue }
                batch.append(.deleteVectors([name], names: [space]))
                known[name]?.vectors[space] = nil
            }
        }
        return batch.isEmpty ? [.delete(["nobody"])] : batch
    }

    /// What a user has seen, or is to forget. Points may not be there.
    private static func note(_ seen: inout Seen, _ random: inout SeededGenerator) -> WriteOperation {
        let user = "user \(Int.random(in: 0..<4, using: &random))"
        let names = (0..<Int.random(in: 1...20, using: &random)).map { _ in
            "\(Int.random(in: 0..<3_200, using: &random))"
        }
        let time = Int.random(in: 1...1_000, using: &random)
        switch Int.random(in: 0..<20, using: &random) {
        case 0:
            seen[user] = seen[user]?.filter { $0.value >= time }
            return .forgetAllSeen(by: user, before: Date(timeIntervalSince1970: TimeInterval(time)))
        case 1..<4:
            for name in names { seen[user]?[name] = nil }
            return .forgetSeen(names, by: user)
        default:
            for name in names { seen[user, default: [:]][name] = time }
            return .markSeen(names, by: user, at: Date(timeIntervalSince1970: TimeInterval(time)))
        }
    }

    @Test(arguments: [[""], ["title", "image", "words", "tokens"]])
    func equalsADictionaryWhateverIsWritten(_ names: [String]) async throws {
        let spaces = names.map {
            switch $0 {
            case "words": VectorSpace.sparse($0)
            case "tokens": VectorSpace.multi($0, dimension: Self.dimension, metric: .l2)
            default: VectorSpace(name: $0, dimension: Self.dimension, metric: .l2)
            }
        }
        var random = SeededGenerator()
        try await withTemporaryDirectory { folder in
            let path = folder + "/live.belfry"
            var collection = try VectorCollection.create(
                path, .init(spaces.map { .init($0) }))
            var (known, seen) = ([String: Known](), Seen())
            // So small a table is sealed many times, and its segments are merged.
            CollectionBase.tableRows.store(1_000, ordering: .relaxed)
            defer { CollectionBase.tableRows.store(20_000, ordering: .relaxed) }
            var (round, operations) = (0, 0)
            while operations < LongRun.choose(25_000, long: 1_000_000) {
                round += 1
                let batch = Self.batch(&known, &seen, spaces, round, &random)
                try await collection.write(batch)
                operations += batch.count
                if round % 30 == 0 { try await collection.compact() }
                if Int.random(in: 0..<10, using: &random) == 0 {
                    let reader = try VectorCollection(path)
                    try Self.compare(reader, known, seen, &random, "reader, round \(round), \(random)")
                    try await collection.close()
                    collection = try VectorCollection(path, for: .writing)
                }
                try Self.compare(collection, known, seen, &random, "round \(round), \(random)")
            }
            try await collection.close()
            for finding in try VectorCollection.check(path) {
                #expect(finding.problems.isEmpty, "\(finding.name): \(finding.problems)")
            }
        }
    }

    /// Points that share ids with other kinds of ids, and their conditions.
    @Test func conditionsDecideAgainstWhatIsThere() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/live.belfry"
            let collection = try VectorCollection.create(path, .init(dimension: 2, metric: .l2))
            func point(_ id: String, _ x: Float) -> WrittenPoint {
                WrittenPoint(id: id, vector: [x, 0], payload: ["x": 1])
            }
            let first = try await collection.upsert([point("a", 1), point("b", 2)], condition: .insertOnly)
            #expect(first == WriteResult(lsn: 1, changed: 2))
            #expect(try await collection.upsert([point("a", 9), point("c", 3)], condition: .insertOnly).skipped == 1)
            #expect(try await collection.upsert([point("d", 9)], condition: .updateOnly).skipped == 1)
            #expect(
                try collection.point("a").version == 1 && collection.point("a").vector == [1, 0]
                    && collection.count == 3)
            #expect(try await collection.upsert([point("a", 4)], condition: .version(7)).skipped == 1)
            #expect(try await collection.upsert([point("a", 4)], condition: .version(1)).changed == 1)
            #expect(try collection.point("a").version == 3 && collection.point("a").vector == [4, 0])
            // Nothing changes, though the log has it.
            #expect(try await collection.delete(["nobody"]) == WriteResult(lsn: 4, changed: 0))
            #expect(try await collection.write([.setPayload(["nobody", "a"], ["y": 2])]).missing == 1)
            #expect(try collection.point("a").payload == ["x": 1, "y": 2])
            try await collection.write([.deletePayload(["a"], keys: ["x"]), .clearPayload(["b"])])
            #expect(try collection.point("a").payload == ["y": 2] && collection.point("b").payload == [:])
            let nested: JSON = ["z": "é", "at": ["city": "Lima", "zip": 1], "stock": [["n": 1], ["n": 2]], "a.b": 1]
            try await collection.write([.overwritePayload(["b"], nested)])
            try await collection.write([
                .setPayload(["b"], ["zip": 2, "x": true], at: JSONPath("at")),
                .setPayload(["b"], ["m": 0], at: JSONPath("stock[]")),
                .deletePayload(["b"], keys: ["at.city", "stock[0].n", "a.b", "not.there"]),
            ])
            let changed: JSON = ["z": "é", "at": ["zip": 2, "x": true], "stock": [["m": 0], ["n": 2, "m": 0]]]
            #expect(
                try collection.point("b").payload == changed && VectorCollection(path).point("b").payload == changed)
            await #expect(throws: BelfryError.self) {
                try await collection.write([.deletePayload(["b"], keys: ["a["])])
            }
            try await collection.write([.deletePayload(["b"], keys: ["at", "stock"])])
            try await collection.compact()
            #expect(try VectorCollection(path).point("b").payload == ["z": "é"])
            try await collection.close()
            await #expect(throws: BelfryError.self) { try await collection.delete(["a"]) }
        }
    }

    @Test func whatCannotBeWrittenIsRefusedWholly() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/live.belfry"
            let collection = try VectorCollection.create(path, .init(dimension: 2, metric: .cosine))
            let good = WriteOperation.upsert(WrittenPoint(id: "good", vector: [1, 1]))
            let bad: [WriteOperation] = [
                .upsert(WrittenPoint(id: "x", vector: [1])), .upsert(WrittenPoint(id: "x", vector: [.nan, 1])),
                .upsert(WrittenPoint(id: "x", vector: [0, 0])), .upsert(WrittenPoint(id: " ", vector: [1, 1])),
                .upsert(WrittenPoint(id: "x", vector: [1, 1], payload: [1])), .setPayload(["good"], "text"),
                .setVectors("good", ["": .dense([1, .infinity])]),
                .delete(.ids([String](repeating: "x", count: WriteLimits.batch + 1))),
            ]
            for operation in bad {
                let error = await #expect(throws: BelfryError.self) { try await collection.write([good, operation]) }
                #expect(error?.code == .invalidInput, "\(operation)")
                #expect(collection.count == 0)
            }
            let reader = try VectorCollection(path)
            let error = await #expect(throws: BelfryError.self) { try await reader.write([good]) }
            #expect(error?.code == .conflict)
            let second = #expect(throws: BelfryError.self) { try VectorCollection(path, for: .writing) }
            #expect(second?.code == .conflict)
            #expect(throws: BelfryError.self) { try VectorCollection.create(path, .init(dimension: 2)) }
            try await collection.close()
            let again = try VectorCollection(path, for: .writing)
            try await again.write([good])
            #expect(again.count == 1)
            try await again.close()
        }
    }

    /// Eight writers and eight readers at once: no answer is of two moments, and nothing is lost.
    @Test func readersNeverSeeHalfAWrite() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/live.belfry"
            let collection = try VectorCollection.create(path, .init(dimension: 4, metric: .l2))
            let rounds = LongRun.choose(60, long: 4_000)
            // Each writer has points of its own, all of which it writes in every batch: payload and vector say which.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<8 {
                    group.addTask {
                        for round in 1...rounds {
                            let batch = (0..<20).map { number in
                                WrittenPoint(
                                    id: "\(writer * 100 + number)",
                                    vector: [Float(writer), Float(number), Float(round), 1],
                                    payload: ["round": .integer(Int64(round))])
                            }
                            try await collection.upsert(batch)
                            if round % 20 == 0, writer == 0 { try await collection.compact() }
                        }
                    }
                }
                for reader in 0..<8 {
                    group.addTask {
                        var last = 0
                        for _ in 0..<rounds {
                            let view = collection.view
                            var request = SearchRequest(.vector([Float(reader), 0, 0, 1]), k: 5)
                            request.exact = true
                            for hit in try collection.search(request).hits {
                                let vector = try #require(collection.point(hit.id.description).vector)
                                #expect(vector[0] == Float((Int(hit.id.description) ?? 0) / 100))
                            }
                            // All points of a writer are of one round.
                            var seen: Set<Int> = []
                            do {
                                try view.forEachPoint { point in
                                    guard let id = Int(point.id.description), id / 100 == reader else { return }
                                    let round = try point.payload()["round"]?.integer ?? -1
                                    #expect(try view.vectors(of: point)[""]?.dense?[2] == Float(round))
                                    seen.insert(round)
                                }
                            } catch let error as BelfryError {
                                // A view that the catalogue has overtaken says so, and gives nothing of two moments.
                                #expect(error.isOvertaken, "\(error)")
                                continue
                            }
                            #expect(seen.count <= 1 && (seen.first ?? 0) >= last, "\(seen)")
                            last = seen.first ?? last
                            await Task.yield()
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(collection.count == 160)
            try await collection.close()
            #expect(try VectorCollection.check(path).allSatisfy(\.problems.isEmpty))
        }
    }

    private static func collection(
        _ description: VectorCollection.Description, _ body: (VectorCollection) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { folder in
            try await body(VectorCollection.create(folder + "/live.belfry", description))
        }
    }

    /// What is written is what will be read, before a seal and after it.
    @Test(arguments: [ElementType.f32, .f16, .bf16]) func aVectorIsTheSameInTheTableAndInASegment(
        element: ElementType
    ) async throws {
        var random = SeededGenerator()
        try await Self.collection(.init(dimension: Self.dimension, metric: .l2, element: element)) { collection in
            let vectors = (0..<50).map { _ in Self.vector(&random) }
            try await collection.upsert(vectors.enumerated().map { WrittenPoint(id: "\($0)", vector: $1) })
            let before = try (0..<50).map { try #require(collection.point("\($0)").vector) }
            try await collection.compact()
            #expect(try (0..<50).map { try collection.point("\($0)").vector } == before)
            #expect(zip(before, vectors).allSatisfy { zip($0, $1).allSatisfy { abs($0 - $1) < 0.01 } })
            if element == .f16 {
                let error = await #expect(throws: BelfryError.self) {
                    try await collection.upsert([WrittenPoint(id: "x", vector: [70_000, 0, 0, 0, 0, 0, 0, 0])])
                }
                #expect(error?.code == .invalidInput)
            }
            try await collection.close()
        }
    }

    /// A batch that is too large for a record of the log is written beside those that would share its sync.
    @Test func aBatchTooLargeForTheLogIsWrittenBesideOthers() async throws {
        try await Self.collection(.init(dimension: 2_048)) { collection in
            let vector = [Float](repeating: 1, count: 2_048)
            let large = (0..<5_000).map { WrittenPoint(id: "\($0)", vector: vector) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<8 {
                    group.addTask { try await collection.upsert([WrittenPoint(id: "good \(number)", vector: vector)]) }
                }
                group.addTask {
                    let result = try await collection.upsert(large)
                    #expect(result.changed == 5_000)
                }
                try await group.waitForAll()
            }
            #expect(collection.count == 5_008)
            try await collection.close()
            await #expect(throws: BelfryError.self) { try await collection.compact() }
            await #expect(throws: BelfryError.self) { try await collection.upsert([]) }
        }
    }

    /// A collection that was opened before others wrote shows what it showed, or what is there now; and changes its settings
    /// without taking what they wrote for leftovers.
    @Test func onlyWhatIsListedNowIsKeptFromTheSweep() async throws {
        try await Self.collection(.init(dimension: 2, metric: .l2)) { writer in
            let old = try VectorCollection(writer.path)
            try await writer.upsert(
                (0..<10).map { WrittenPoint(id: "\($0)", vector: [Float($0), 1], payload: ["n": 1]) })
            try await writer.compact()
            #expect(old.count == 0)
            // Its catalogue has been brought up to date by another: the next question takes the newer view.
            #expect(try old.point("3").vector == [3, 1] && old.count == 10)
            try await writer.upsert([WrittenPoint(id: "3", vector: [30, 1], payload: ["n": 2])])
            try await writer.compact()
            var request = SearchRequest(.vector([3, 1]), k: 1)
            request.filter = Filter(PayloadCondition(field: "n", value: "2"))
            #expect(try old.search(request).hits.map(\.id.description) == ["3"])
            try await writer.close()
            try old.change(show: ["n"], recall: 0.9, texts: .byMeaning, reranker: nil)
            #expect(try VectorCollection(writer.path).count == 10)
            #expect(try VectorCollection.check(writer.path).allSatisfy(\.problems.isEmpty))
        }
    }
}
