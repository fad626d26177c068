import Belfry
import Files
import Foundation
import Shards
import TestSupport
import Testing

@testable import Belfry

/// A filter finds in a collection what it matches point by point, wherever a point is: in the memtable, in a sealed or a
/// merged segment, in a catalogue with indexes of its fields or without, in the log that a reader reads.
@Suite struct FilteredCollectionTests {
    private static let spaces = ["image", "text"]

    private static func compare(
        _ collection: VectorCollection, _ known: [Int: FilteredPoint], _ filters: inout RandomFilters, _ what: String
    ) throws {
        for round in 0..<6 {
            let filter = filters.filter(depth: round % 3)
            let wanted = known.filter { filter.matches($0.value) }
            let view = collection.view
            let place = "\(what): \(filter), \(filters.random)"
            #expect(try view.slots(where: filter).count == wanted.count, "\(place)")
            let scrolled = try view.scroll(after: nil, limit: 1_000, where: filter)
            #expect(scrolled.map(\.id) == wanted.keys.sorted().map { PointID.number(UInt64($0)) }, "\(place)")
            for space in spaces {
                var request = SearchRequest(.vector([0.3, 0.7]), k: 1_000)
                (request.space, request.filter, request.exact) = (space, filter, filters.chance(0.5))
                let found = try collection.search(request).hits.compactMap { Int($0.id.description) }
                let near = wanted.filter { $0.value.vectors.contains(space) }
                #expect(Set(found) == Set(near.keys), "\(space), \(place)")
            }
        }
    }

    private static func upsert(_ id: Int, _ point: FilteredPoint, _ random: inout SeededGenerator) -> WriteOperation {
        var vectors: [String: PointVector] = [:]
        for name in point.vectors { vectors[name] = .dense([.random(in: 0...1, using: &random), 1]) }
        return .upsert(WrittenPoint(id: "\(id)", vectors: vectors, payload: point.payload))
    }

    private static func point(_ id: Int, _ filters: inout RandomFilters) -> FilteredPoint {
        let vectors = spaces.filter { _ in filters.chance(0.7) }
        return FilteredPoint(id: .number(UInt64(id)), payload: filters.payload(), vectors: vectors)
    }

    /// Carries a batch out on what is known, as the collection must.
    private static func batch(
        _ known: inout [Int: FilteredPoint], _ filters: inout RandomFilters
    ) -> [WriteOperation] {
        var batch: [WriteOperation] = []
        for _ in 0..<Int.random(in: 1...30, using: &filters.random) {
            let id = Int.random(in: 0..<200, using: &filters.random)
            switch Int.random(in: 0..<20, using: &filters.random) {
            case 0:
                let filter = filters.filter(depth: 1)
                // Now and then nearly all match: those stay.
                guard !filter.isEmpty, known.count(where: { filter.matches($0.value) }) < 20 else { continue }
                batch.append(.delete(.matching(filter)))
                known = known.filter { !filter.matches($0.value) }
            case 1:
                let filter = filters.filter(depth: 0)
                guard !filter.isEmpty else { continue }
                batch.append(.setPayload(.matching(filter), ["brand": "Bolt"]))
                for (id, point) in known where filter.matches(point) {
                    guard case .object(var members) = point.payload else { continue }
                    members["brand"] = "Bolt"
                    known[id]?.payload = .object(members)
                }
            case 2...4:
                batch.append(.delete(["\(id)"]))
                known[id] = nil
            default:
                let point = point(id, &filters)
                batch.append(upsert(id, point, &filters.random))
                known[id] = point
            }
        }
        return batch
    }

    @Test(arguments: 0..<4) func findsWhatMatchesWhateverIsWritten(_ turn: Int) async throws {
        var filters = RandomFilters(SeededGenerator(seed: SeededGenerator().seed &+ UInt64(turn)))
        try await withTemporaryDirectory { folder in
            let path = folder + "/live.belfry"
            let spaces = Self.spaces.map {
                VectorCollection.Description.Space(VectorSpace(name: $0, dimension: 2, metric: .l2))
            }
            var collection = try VectorCollection.create(path, .init(spaces))
            var known: [Int: FilteredPoint] = [:]
            for step in 0..<LongRun.choose(24, long: 1_000) {
                let batch = Self.batch(&known, &filters)
                if !batch.isEmpty { try await collection.write(batch) }
                switch Int.random(in: 0..<8, using: &filters.random) {
                case 0: try await collection.compact()
                case 1:
                    try await collection.close()
                    collection = try VectorCollection(path, for: .writing)
                case 2 where turn > 0: try await collection.index(FieldIndexTests.fields(&filters, 0.1))
                case 3 where turn > 0: try await collection.dropIndex(of: Array(collection.indexedFields.prefix(3)))
                case 4: try Self.compare(VectorCollection(path), known, &filters, "reader, step \(step)")
                default: break
                }
                #expect(collection.count == known.count, "step \(step), \(filters.random)")
                try Self.compare(collection, known, &filters, "step \(step)")
            }
            let fields = collection.indexedFields
            try await collection.close()
            #expect(try VectorCollection(path).indexedFields == fields)
            for finding in try VectorCollection.check(path) { #expect(finding.problems.isEmpty, "\(finding)") }
            try CollectionCopy.make(of: path, at: folder + "/copy.belfry")
            #expect(try VectorCollection(folder + "/copy.belfry").indexedFields == fields)
            try Self.compare(VectorCollection(folder + "/copy.belfry"), known, &filters, "copy")
        }
    }

    /// What a batch that is not carried out would have changed is not remembered.
    @Test func aRefusedBatchLeavesNothingInFilters() async throws {
        try await withTemporaryDirectory { folder in
            let collection = try VectorCollection.create(folder + "/live.belfry", .init(dimension: 2, metric: .l2))
            try await collection.upsert((0..<20).map { WrittenPoint(id: "\($0)", vector: [0, 1], payload: ["n": 1]) })
            try await collection.compact()
            let (hasVector, ones) = (Filter(must: [.hasVector("")]), try Filter(parsing: "n = 1"))
            // The last operation is too large.
            let tooMany = [String](repeating: "x", count: WriteLimits.batch + 1)
            await #expect(throws: BelfryError.self) {
                try await collection.write([
                    .deleteVectors(["1", "2"], names: [""]), .setPayload(.matching(hasVector), ["n": 2]),
                    .delete(.ids(tooMany)),
                ])
            }
            #expect(try collection.view.slots(where: hasVector).count == 20)
            #expect(try collection.view.slots(where: ones).count == 20)
            try await collection.write([
                .deleteVectors(["1", "2"], names: [""]), .setPayload(.matching(hasVector), ["n": 2]),
            ])
            #expect(try collection.view.slots(where: hasVector).count == 18)
            #expect(try collection.view.slots(where: ones).count == 2)
            // Without a condition it would be about all points.
            for operation in [WriteOperation.delete(.matching(Filter())), .clearPayload(.matching(Filter()))] {
                let error = await #expect(throws: BelfryError.self) { try await collection.write([operation]) }
                #expect(error?.code == .invalidInput)
            }
            #expect(collection.count == 20)
            try await collection.close()
        }
    }

    /// Of vectors of which nobody can say whose they are, a repair says that they are lost.
    @Test func aRepairSaysThatAllVectorsAreLost() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/live.belfry"
            let collection = try VectorCollection.create(path, .init(dimension: 2, metric: .l2))
            try await collection.upsert((0..<20).map { WrittenPoint(id: "\($0)", vector: [0, 1], payload: ["n": 1]) })
            try await collection.compact()
            try await collection.close()
            let segment = try #require(System.list(path + "/segments").first)
            for file in ["ids", "slots"] {
                try FileManager.default.removeItem(atPath: "\(path)/segments/\(segment)/\(file)")
            }
            let report = try CollectionRepair.make(path)
            #expect(report.lostVectors == 20 && report.rewritten.isEmpty && report.hasLoss)
            let after = try VectorCollection(path)
            let found = try after.view.slots(where: Filter(parsing: "n = 1")).count
            #expect(after.count == 20 && found == 20)
        }
    }

    /// A damaged index is found by `check`, does no harm, and is made anew by a repair.
    @Test func aDamagedIndexIsOnlySlower() async throws {
        var filters = RandomFilters(SeededGenerator())
        try await withTemporaryDirectory { folder in
            let path = folder + "/live.belfry"
            let collection = try VectorCollection.create(path, .init(dimension: 2, metric: .l2))
            try await collection.upsert(
                (0..<300).map {
                    WrittenPoint(id: "\($0)", vector: [0, 1], payload: ["n": .integer(Int64($0 % 10))])
                })
            try await collection.compact()
            try await collection.index([IndexedField(JSONPath("n"), .integer)])
            try await collection.close()
            let file = "\(path)/fields/000001"
            let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
            for _ in 0..<60 {
                var damaged = bytes
                damaged[Int.random(in: 0..<bytes.count, using: &filters.random)] ^= 0x10
                try damaged.write(to: URL(fileURLWithPath: file))
                let filter = try Filter(parsing: "n = 3 or n > 8")
                #expect(try VectorCollection(path).view.slots(where: filter).count == 60, "\(filters.random)")
                let findings = try VectorCollection.check(path)
                #expect(findings.contains { $0.name == "fields/000001" && !$0.problems.isEmpty }, "\(filters.random)")
            }
            let report = try CollectionRepair.make(path)
            #expect(!report.hasLoss && report.kept != nil)
            for finding in try VectorCollection.check(path) { #expect(finding.problems.isEmpty, "\(finding)") }
            #expect(try VectorCollection(path).indexedFields == [IndexedField(JSONPath("n"), .integer)])
        }
    }
}
