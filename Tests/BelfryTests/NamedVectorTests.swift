import Belfry
import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Belfry

/// Collections with several kinds of vector, each with its own dimension, metric and element.
@Suite struct NamedVectorTests {
    private static let spaces: [VectorCollection.Description.Space] = [
        .init(VectorSpace(name: "title", dimension: 3, metric: .cosine)),
        .init(VectorSpace(name: "image", dimension: 2, metric: .l2, element: .f16)),
    ]

    private static func fill(_ collection: VectorCollection) async throws {
        try await collection.upsert([
            WrittenPoint(id: "both", vectors: ["title": .dense([1, 0, 0]), "image": .dense([5, 5])]),
            WrittenPoint(id: "title only", vectors: ["title": .dense([0, 1, 0])]),
            WrittenPoint(id: "image only", vectors: ["image": .dense([0, 1])], payload: ["color": "red"]),
            WrittenPoint(id: "neither", vectors: [:], payload: ["color": "red"]),
        ])
    }

    private static func names(
        _ collection: VectorCollection, _ query: SearchQuery, _ space: String, filter: Filter? = nil
    ) throws -> [String] {
        var request = SearchRequest(query, k: 10)
        (request.space, request.filter) = (space, filter)
        return try collection.search(request).hits.map(\.name)
    }

    private static func expect(_ collection: VectorCollection, _ place: String) throws {
        #expect(collection.count == 4, "\(place)")
        #expect(try names(collection, .vector([0.9, 0.1, 0]), "title") == ["both", "title only"], "\(place)")
        #expect(try names(collection, .vector([0, 0]), "image") == ["image only", "both"], "\(place)")
        let red = Filter(PayloadCondition(field: "color", value: "red"))
        #expect(try names(collection, .vector([0, 0]), "image", filter: red) == ["image only"], "\(place)")
        #expect(try names(collection, .vector([0, 0, 1]), "title", filter: red) == [], "\(place)")
        #expect(try names(collection, .point("both"), "title") == ["title only"], "\(place)")
        let point = try collection.point("both")
        #expect(point.vectors == ["title": .dense([1, 0, 0]), "image": .dense([5, 5])] && point.vector == nil)
        #expect(try collection.point("neither").vectors.isEmpty)
    }

    @Test func eachKindIsSearchedByItself() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/named.belfry"
            let collection = try VectorCollection.create(path, .init(Self.spaces))
            try await Self.fill(collection)
            try Self.expect(collection, "in memory")
            try Self.expect(VectorCollection(path), "from the log")
            try await collection.compact()
            try Self.expect(collection, "in segments")
            try await collection.close()
            try Self.expect(VectorCollection(path), "from segments")
            for finding in try VectorCollection.check(path) { #expect(finding.problems.isEmpty, "\(finding)") }
            let statistics = try VectorCollection(path).statistics()
            #expect(statistics.spaces?.map(\.vectors) == [2, 2] && statistics.points == 4)
            try CollectionCopy.make(of: path, at: folder + "/copy.belfry")
            try Self.expect(VectorCollection(folder + "/copy.belfry"), "from a copy")
        }
    }

    @Test func vectorsComeAndGoByTheirNames() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/named.belfry"
            let collection = try VectorCollection.create(path, .init(Self.spaces))
            try await Self.fill(collection)
            for isSealed in [false, true] {
                if isSealed { try await collection.compact() }
                try await collection.write([
                    .deleteVectors(["both", "nobody"], names: ["image"]),
                    .setVectors("neither", ["title": .dense([0, 0, 1])]),
                ])
                #expect(try Self.names(collection, .vector([0, 0]), "image") == ["image only"])
                #expect(try Self.names(collection, .vector([0, 0, 1]), "title").first == "neither")
                #expect(try VectorCollection(path).point("both").vectors == ["title": .dense([1, 0, 0])])
                // A whole point is written: what it does not say, it does not have.
                try await Self.fill(collection)
                try Self.expect(collection, "written again, sealed: \(isSealed)")
            }
            try await collection.close()
            for finding in try VectorCollection.check(path) { #expect(finding.problems.isEmpty, "\(finding)") }
        }
    }

    @Test func namesThatAreNotThereAreRefused() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/named.belfry"
            let collection = try VectorCollection.create(path, .init(Self.spaces))
            try await Self.fill(collection)
            let bad: [WriteOperation] = [
                .upsert(WrittenPoint(id: "x", vector: [1, 0, 0])),
                .upsert(WrittenPoint(id: "x", vectors: ["sound": .dense([1])])),
                .upsert(WrittenPoint(id: "x", vectors: ["image": .dense([1, 2, 3])])),
                .upsert(WrittenPoint(id: "x", vectors: ["image": .dense([1, 70_000])])),
                .setVectors("both", [:]), .setVectors("both", ["sound": .dense([1])]),
                .deleteVectors(["both"], names: ["sound"]),
            ]
            for operation in bad {
                let error = await #expect(throws: BelfryError.self) { try await collection.write([operation]) }
                #expect(error?.code == .invalidInput, "\(operation)")
            }
            for space in ["", "sound"] {
                var request = SearchRequest(.vector([1, 0, 0]), k: 1)
                request.space = space
                let error = #expect(throws: BelfryError.self) { try collection.search(request) }
                #expect(error?.remedy?.contains("title") == true && error?.location?.file == path)
            }
            let error = #expect(throws: BelfryError.self) { try Self.names(collection, .point("neither"), "title") }
            #expect(error?.code == .invalidInput && error?.message.contains("neither") == true)
            try await collection.close()
            for spaces in [[], [Self.spaces[0], Self.spaces[0]], [.init(VectorSpace(name: "a\u{0}", dimension: 1))]] {
                #expect(throws: BelfryError.self) { try VectorCollection.create(folder + "/x.belfry", .init(spaces)) }
            }
        }
    }

    private static func terms(_ weights: KeyValuePairs<UInt32, Float>) throws -> SparseVector {
        try SparseVector(indices: weights.map(\.key), values: weights.map(\.value))
    }

    /// Sparse vectors are found by their dot products, among those that share a term with the query.
    @Test(arguments: [false, true])
    func sparseVectorsAreFoundByTheirTerms(_ weighsRareTerms: Bool) async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/words.belfry"
            let collection = try VectorCollection.create(
                path, .init([.init(.sparse("words", weighsRareTerms: weighsRareTerms))]))
            // Term 1 is everywhere, term 2 in one point.
            try await collection.upsert([
                WrittenPoint(id: "a", vectors: ["words": .sparse(Self.terms([1: 2, 9: 1]))]),
                WrittenPoint(id: "b", vectors: ["words": .sparse(Self.terms([2: 1, 1: 0.5]))]),
                WrittenPoint(id: "c", vectors: ["words": .sparse(Self.terms([1: 1]))]),
                WrittenPoint(id: "d", vectors: ["words": .sparse(Self.terms([4_000_000_000: 1]))]),
                WrittenPoint(id: "e", vectors: [:]),
            ])
            let query = SearchQuery.sparse(try Self.terms([1: 1, 2: 1]))
            for place in ["in memory", "in a segment", "reopened"] {
                if place == "in a segment" { try await collection.compact() }
                let now = place == "reopened" ? try VectorCollection(path) : collection
                var request = SearchRequest(query, k: 10)
                let found = try now.search(request)
                // The rare term decides where it is weighed.
                #expect(found.hits.map(\.name) == (weighsRareTerms ? ["b", "a", "c"] : ["a", "b", "c"]), "\(place)")
                #expect(found.recall == 1)
                let idf = (SparseVector.idf(documents: 4, frequency: 3), SparseVector.idf(documents: 4, frequency: 1))
                let expected = weighsRareTerms ? 0.5 * idf.0 + idf.1 : 1.5
                #expect(found.hits.first { $0.name == "b" }.map { abs($0.score - expected) < 1e-6 } == true, "\(place)")
                request.query = .point("c")
                #expect(try now.search(request).hits.map(\.name) == ["a", "b"], "\(place)")
                request.query = .examples(like: ["b", "c"], unlike: ["a"])
                #expect(try now.search(request).hits.isEmpty, "\(place): all that is near was an example")
                request.query = .vector([1])
                #expect(throws: BelfryError.self) { try now.search(request) }
            }
            await #expect(throws: BelfryError.self) {
                try await collection.upsert([WrittenPoint(id: "x", vectors: ["words": .dense([1])])])
            }
            try await collection.close()
            for finding in try VectorCollection.check(path) { #expect(finding.problems.isEmpty, "\(finding)") }
            #expect(try VectorCollection(path).point("d").vectors["words"] == .sparse(Self.terms([4_000_000_000: 1])))
        }
    }

    /// Of several vectors each of the query's goes to the nearest of the point's.
    @Test func severalVectorsAreComparedByTheirNearest() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/tokens.belfry"
            let collection = try VectorCollection.create(
                path, .init([.init(.multi("tokens", dimension: 2)), .init(VectorSpace(name: "title", dimension: 2))]))
            #expect(collection.configuration.main.name == "title")
            try await collection.upsert([
                WrittenPoint(id: "both", vectors: ["tokens": .multi([[0, 2], [5, 0]])]),
                WrittenPoint(id: "one", vectors: ["tokens": .multi([[1, 0]])]),
                WrittenPoint(id: "between", vectors: ["tokens": .dense([1, 1])]),
            ])
            for place in ["in memory", "in a segment", "reopened"] {
                if place == "in a segment" { try await collection.compact() }
                let now = place == "reopened" ? try VectorCollection(path) : collection
                var request = SearchRequest(.multi([[1, 0], [0, 1]]), k: 10)
                request.space = "tokens"
                let found = try now.search(request).hits
                #expect(found.map(\.name) == ["both", "between", "one"], "\(place)")
                // Two cosines of 1; two of √½; 1 and 0.
                let scores: [Float] = [2, 2 * Float(0.5).squareRoot(), 1]
                #expect(zip(found, scores).allSatisfy { abs($0.score - $1) < 1e-6 }, "\(place): \(found.map(\.score))")
                request.query = .vector([1, 0])
                #expect(try Set(now.search(request).hits.prefix(2).map(\.name)) == ["both", "one"], "\(place)")
                request.query = .point("one")
                #expect(try now.search(request).hits.first?.name == "both", "\(place)")
                #expect(try now.point("both").vectors == ["tokens": .multi([[0, 2], [5, 0]])], "\(place)")
                for bad in [SearchQuery.multi([]), .multi([[1]]), .multi([[0, 0]]), .sparse(SparseVector())] {
                    request.query = bad
                    #expect(throws: BelfryError.self) { try now.search(request) }
                }
            }
            for bad in [PointVector.multi([]), .multi([[1]]), .multi([[1, 0], [.nan, 1]]), .sparse(SparseVector())] {
                await #expect(throws: BelfryError.self) {
                    try await collection.upsert([WrittenPoint(id: "x", vectors: ["tokens": bad])])
                }
            }
            try await collection.close()
            for finding in try VectorCollection.check(path) { #expect(finding.problems.isEmpty, "\(finding)") }
        }
    }

    /// A collection with one kind of vector needs no name for it, and an older belfry reads it.
    @Test func oneKindNeedsNoName() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/one.belfry"
            let collection = try VectorCollection.create(
                path, .init([.init(VectorSpace(name: "image", dimension: 2, metric: .l2))]))
            try await collection.upsert([WrittenPoint(id: "a", vector: [1, 2])])
            #expect(try collection.point("a").vectors == ["image": .dense([1, 2])])
            #expect(try Self.names(collection, .vector([0, 0]), "") == ["a"])
            try await collection.close()
            for (space, format) in [("image", 5), ("", 4)] {
                let configuration = CollectionConfiguration(
                    name: "x", spaces: [VectorSpace(name: space, dimension: 2)], show: [], badRows: 0, recall: 0.9)
                let json = try JSON(parsing: JSONEncoder().encode(configuration), source: "configuration")
                #expect(json["format"] == .integer(Int64(format)))
                #expect(json["dimension"] == (space.isEmpty ? 2 : nil))
                #expect(
                    try JSONDecoder().decode(CollectionConfiguration.self, from: JSONEncoder().encode(configuration))
                        == configuration)
            }
        }
    }
}
