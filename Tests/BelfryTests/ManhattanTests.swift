import Belfry
import Files
import Foundation
import TestSupport
import Testing
import Vectors

/// The metric that nothing indexes: the same answers from the table in memory, from segments, after a merge and when the
/// collection is opened again.
@Suite struct ManhattanTests {
    private static func distance(_ first: [Float], _ second: [Float]) -> Float {
        zip(first, second).reduce(0) { $0 + abs($1.0 - $1.1) }
    }

    @Test func answersAreThoseOfAScanAllLifeLong() async throws {
        var random = SeededGenerator()
        let folder = FileManager.default.temporaryDirectory.path + "/belfry-manhattan-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let path = folder + "/c.belfry"
        var collection = try VectorCollection.create(path, .init(dimension: 12, metric: .l1))
        var points: [Int: [Float]] = [:]
        func write(_ ids: Range<Int>) async throws {
            for id in ids { points[id] = random.vector(12) }
            try await collection.upsert(
                ids.map { WrittenPoint(id: "\($0)", vector: points[$0]!, payload: ["odd": .bool($0 % 2 == 1)]) })
        }
        func check(_ place: String) throws {
            for _ in 0..<10 {
                let query = random.vector(12)
                for filter in [nil, try Filter(parsing: "odd = true")] {
                    let kept = points.filter { filter == nil || $0.key % 2 == 1 }
                    let expected = kept.sorted { Self.distance($0.value, query) < Self.distance($1.value, query) }
                        .prefix(7)
                    for isExact in [false, true] {
                        var request = SearchRequest(.vector(query), k: 7)
                        (request.filter, request.exact) = (filter, isExact)
                        let response = try collection.search(request)
                        #expect(response.hits.map(\.name) == expected.map { "\($0.key)" }, "\(place), \(random)")
                        #expect(response.recall == 1)
                        for (hit, point) in zip(response.hits, expected) {
                            #expect(abs(hit.score - Self.distance(point.value, query)) < 1e-4)
                        }
                    }
                    // Of distances the small ones are the good ones.
                    var request = SearchRequest(.vector(query), k: 7)
                    request.filter = filter
                    let middle = Array(expected)[3]
                    request.scoreThreshold = Self.distance(middle.value, query) + 1e-5
                    #expect(try collection.search(request).hits.count == 4, "\(place), \(random)")
                }
            }
        }
        try await write(0..<3_000)
        try check("in memory")
        try await collection.compact()
        try await write(2_000..<4_000)
        try check("in a segment, and changed and added in memory")
        try await collection.compact()
        try check("merged")
        #expect(try collection.statistics().index == "exact")
        try await collection.close()
        #expect(try VectorCollection.check(path).allSatisfy { $0.problems.isEmpty })
        collection = try VectorCollection(path, for: .writing)
        try check("opened again")
        let near = try collection.search(SearchRequest(.point("5"), k: 3)).hits
        #expect(near.count == 3 && near[0].name != "5")
        try await collection.close()
    }

    @Test func nothingIndexesIt() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/belfry-manhattan-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var description = VectorCollection.Description(dimension: 3, metric: .l1)
        description.index = .hnsw
        let error = #expect(throws: BelfryError.self) { try VectorCollection.create(folder, description) }
        #expect(error?.message.contains("l1") == true)
        let several = VectorCollection.Description([.init(.multi("tokens", dimension: 3, metric: .l1, element: .f32))])
        #expect(throws: BelfryError.self) { try VectorCollection.create(folder, several) }
    }
}
