import Belfry
import Files
import Foundation
import Shards
import TestSupport
import Testing
import Vectors

@testable import Belfry

/// Searches in every form, beside what one finds by going through all points; some are sealed, some are not.
@Suite struct QueryFormTests {
    private struct Item {
        let id: Int
        let vector: [Float]
        let brand: Int
        let price: Double
    }

    private static func withItems(_ body: (VectorCollection, [Item]) throws -> Void) async throws {
        var random = SeededGenerator()
        try await withTemporaryDirectory { folder in
            let collection = try VectorCollection.create(folder + "/forms.belfry", .init(dimension: 4, metric: .ip))
            let items = (0..<300).map { id in
                Item(
                    id: id, vector: (0..<4).map { _ in .random(in: -1...1, using: &random) },
                    brand: Int.random(in: 0..<12, using: &random),
                    price: Double(Int.random(in: 0..<1_000, using: &random)) / 8)
            }
            for part in [items[..<200], items[200...]] {
                try await collection.upsert(
                    part.map { item in
                        WrittenPoint(
                            id: "\(item.id)", vector: item.vector,
                            payload: ["brand": .integer(Int64(item.brand)), "price": .number(item.price)])
                    })
                if part.count == 200 { try await collection.compact() }
            }
            try body(collection, items)
            try body(VectorCollection(collection.path), items)
            try await collection.close()
        }
    }

    private static func dot(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

    private static func ids(_ response: SearchResponse) -> [Int] { response.hits.compactMap { Int($0.id.description) } }

    private static let query: [Float] = [0.5, -0.25, 1, 0.125]

    private static func nearest(_ items: [Item]) -> [Item] {
        items.sorted { (-dot($0.vector, query), $0.id) < (-dot($1.vector, query), $1.id) }
    }

    @Test func pagesContinueAndAThresholdEnds() async throws {
        try await Self.withItems { collection, items in
            let all = Self.nearest(items)
            var request = SearchRequest(.vector(Self.query), k: 7)
            request.exact = true
            for offset in [0, 7, 14, 296, 400] {
                request.offset = offset
                let found = Self.ids(try collection.search(request))
                #expect(found == all.dropFirst(offset).prefix(7).map(\.id))
            }
            (request.offset, request.k, request.scoreThreshold) = (0, 300, 0.75)
            let good = all.filter { Self.dot($0.vector, Self.query) >= 0.75 }
            let found = Self.ids(try collection.search(request))
            #expect(!good.isEmpty && found == good.map(\.id))
        }
    }

    @Test func groupsHaveTheBestOfEachValue() async throws {
        try await Self.withItems { collection, items in
            for (limit, size) in [(3, 1), (5, 4), (12, 2), (20, 100)] {
                var request = SearchRequest(.vector(Self.query), k: limit)
                request.groups = .init(by: try JSONPath("brand"), size: size)
                request.exact = true
                let response = try collection.search(request)
                var wanted: [(brand: Int, ids: [Int])] = []
                for item in Self.nearest(items) {
                    if let place = wanted.firstIndex(where: { $0.brand == item.brand }) {
                        if wanted[place].ids.count < size { wanted[place].ids.append(item.id) }
                    } else if wanted.count < limit {
                        wanted.append((item.brand, [item.id]))
                    }
                }
                #expect(response.groups.compactMap(\.value.integer) == wanted.map(\.brand))
                let found = response.groups.map { $0.hits.compactMap { Int($0.id.description) } }
                #expect(found == wanted.map(\.ids) && Self.ids(response) == wanted.flatMap(\.ids))
            }
        }
    }

    @Test func groupsOfFractionsEnd() async throws {
        try await Self.withItems { collection, items in
            var request = SearchRequest(.vector(Self.query), k: 500)
            request.groups = .init(by: try JSONPath("price"))
            let whole = Set(items.map(\.price).filter { $0 == $0.rounded() })
            let groups = try collection.search(request).groups
            #expect(Set(groups.compactMap(\.value.number)) == whole && groups.count == whole.count)
        }
    }

    @Test func whatCannotBeAskedIsRefusedOrEmpty() async throws {
        try await Self.withItems { collection, _ in
            var request = SearchRequest(.vector(Self.query), k: 10)
            for offset in [300, 1 << 40, Int.max] {
                request.offset = offset
                let found = try collection.search(request)
                #expect(found.hits.isEmpty)
            }
            (request.offset, request.scoreThreshold) = (0, .nan)
            #expect(throws: BelfryError.self) { try collection.search(request) }
            (request.offset, request.scoreThreshold) = (-1, nil)
            #expect(throws: BelfryError.self) { try collection.search(request) }
            request.offset = 3
            request.quotas = [.init(PayloadCondition(field: "brand", value: "3"), count: 2)]
            #expect(throws: BelfryError.self) { try collection.search(request) }
            let few = SearchRequest(.scored(.bestScore(positives: 2, negatives: 0), ["3"]), k: 1)
            #expect(throws: BelfryError.self) { try collection.search(few) }
        }
    }

    @Test func diverseAnswersAreThoseOfTheFormula() async throws {
        try await Self.withItems { collection, items in
            var request = SearchRequest(.vector(Self.query), k: 12)
            request.exact = true
            request.diversity = try Diversity(0.4, candidatesLimit: 60)
            var left = Array(Self.nearest(items).prefix(60))
            var chosen: [Item] = []
            while chosen.count < 12 {
                func worth(_ item: Item) -> Float {
                    let own = Self.dot(item.vector, Self.query)
                    guard let like = chosen.map({ Self.dot($0.vector, item.vector) }).max() else { return own }
                    return 0.6 * own - 0.4 * like
                }
                let best = left.indices.max { (worth(left[$0]), -$0) < (worth(left[$1]), -$1) }!
                chosen.append(left.remove(at: best))
            }
            #expect(try Self.ids(collection.search(request)) == chosen.map(\.id))
            (request.offset, request.k) = (5, 7)
            #expect(try Self.ids(collection.search(request)) == chosen.dropFirst(5).map(\.id))
        }
    }

    @Test func examplesScoreEveryPoint() async throws {
        try await Self.withItems { collection, items in
            func sigmoid(_ x: Float) -> Float { x / (1 + abs(x)) }
            func half(_ x: Float) -> Float { 0.5 * (sigmoid(x) + 1) }
            let (like, unlike) = ([items[3], items[210]], [items[5]])
            func most(_ examples: [Item], _ item: Item) -> Float {
                examples.map { Self.dot($0.vector, item.vector) }.max() ?? -.infinity
            }
            func sum(_ examples: [Item], _ item: Item) -> Float {
                examples.reduce(0) { $0 + Self.dot($1.vector, item.vector) }
            }
            let names = { (items: [Item]) in items.map { Example.point("\($0.id)") } }
            let scores: [(SearchQuery, (Item) -> Float)] = [
                (
                    .recommend(like: names(like), unlike: names(unlike)),
                    { item in
                        let (a, b) = (most(like, item), most(unlike, item))
                        return a > b ? half(a) : -half(b)
                    }
                ),
                (
                    .recommend(like: names(like), unlike: names(unlike), bySum: true),
                    { sum(like, $0) - sum(unlike, $0) }
                ),
                (
                    .discover(
                        .vector(Self.query), context: [(.point("3"), .point("5")), (.point("210"), .point("5"))]),
                    { item in
                        like.reduce(half(Self.dot(item.vector, Self.query))) {
                            $0 + (Self.dot($1.vector, item.vector) > most(unlike, item) ? 1 : -1)
                        }
                    }
                ),
                (
                    .context([(.point("3"), .point("5")), (.point("210"), .point("5"))]),
                    { item in
                        like.reduce(0) {
                            $0 + sigmoid(min(Self.dot($1.vector, item.vector) - most(unlike, item) - .ulpOfOne, 0))
                        }
                    }
                ),
            ]
            let others = items.filter { ![3, 5, 210].contains($0.id) }
            for (query, score) in scores {
                var request = SearchRequest(query, k: 40)
                request.filter = try Filter(parsing: "price < 100")
                let response = try collection.search(request)
                let wanted = others.filter { $0.price < 100 }.map { ($0.id, score($0)) }
                    .sorted { (-$0.1, $0.0) < (-$1.1, $1.0) }.prefix(40)
                #expect(response.hits.count == 40)
                // Sums in another order: scores agree, and so do ids where scores differ.
                for (hit, (id, score)) in zip(response.hits, wanted) {
                    #expect(abs(hit.score - score) < 1e-4)
                    #expect(hit.id.description == "\(id)" || wanted.contains { $0.0 != id && abs($0.1 - score) < 1e-4 })
                }
            }
        }
    }

    @Test func severalSearchesBecomeOne() async throws {
        try await Self.withItems { collection, items in
            func part(_ vector: [Float], _ k: Int) -> SearchRequest {
                var request = SearchRequest(.vector(vector), k: k)
                request.exact = true
                return request
            }
            let lists = [part(Self.query, 20), part([1, 0, 0, 0], 30)]
            let found = try lists.map { try collection.search($0).hits.map { RankedPoint($0.id, $0.score) } }
            for fusion in [Fusion.reciprocalRank(k: 2, weights: [3, 1]), .scoreDistribution] {
                var request = SearchRequest(.fused(lists, fusion), k: 10)
                let fused = try fusion.fused(found)
                let response = try collection.search(request)
                #expect(response.hits.map(\.id) == fused.prefix(10).map(\.id))
                #expect(response.hits.map(\.score) == fused.prefix(10).map(\.score))
                request.filter = try Filter(parsing: "brand = 3")
                let few = try collection.search(request).hits
                #expect(!few.isEmpty && few.allSatisfy { $0.payload["brand"] == 3 })
            }
            let formula = try ScoreFormula(json: ["formula": ["sum": ["$score", ["mult": [-0.01, "price"]]]]])
            let response = try collection.search(SearchRequest(.formula([part(Self.query, 50)], formula), k: 5))
            let wanted = Self.nearest(items).prefix(50)
                .map { ($0.id, Double(Self.dot($0.vector, Self.query)) - 0.01 * $0.price) }
                .sorted { (-$0.1, $0.0) < (-$1.1, $1.0) }.prefix(5)
            #expect(Self.ids(response) == wanted.map(\.0))
        }
    }

    @Test func orderSampleAndFacet() async throws {
        try await Self.withItems { collection, items in
            var request = SearchRequest(.ordered(OrderBy(try JSONPath("price"), isDescending: true)), k: 9)
            request.filter = try Filter(parsing: "brand in (1, 2, 3)")
            let some = items.filter { (1...3).contains($0.brand) }
            #expect(
                try Self.ids(collection.search(request))
                    == some.sorted { (-$0.price, $0.id) < (-$1.price, $1.id) }.prefix(9).map(\.id))
            request.query = .sample(seed: 7)
            let sample = try Self.ids(collection.search(request))
            #expect(Set(sample).count == 9 && Set(sample).isSubset(of: some.map(\.id)))
            #expect(try Self.ids(collection.search(request)) == sample)
            request.k = 500
            #expect(try Set(Self.ids(collection.search(request))) == Set(some.map(\.id)))
            request.query = .sample(seed: 8)
            #expect(try Self.ids(collection.search(request)).prefix(9) != sample.prefix(9))
            let facet = try collection.facet(JSONPath("brand"), where: Filter(parsing: "price >= 50"), limit: 4)
            let counts = Dictionary(grouping: items.filter { $0.price >= 50 }, by: \.brand).mapValues(\.count)
                .sorted { (-$0.value, $0.key) < (-$1.value, $1.key) }.prefix(4)
            #expect(facet == counts.map { .init(value: .integer(Int64($0.key)), count: $0.value) })
        }
    }
}
