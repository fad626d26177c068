import ArgumentParser
import Belfry
import Files
import Foundation

/// Searches of a collection through filters on its payload: recall, and time beside an exact search through the same filter.
@main
struct CollectionFilterBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure filtered searches of a collection.",
        discussion: """
            swift run --package-path Benchmarks -c release CollectionFilterBenchmark --points 100000

            Vectors lie around centers. Filters keep a share of the points: any ("range", "label"), those of the centers \\
            nearest to the query ("near") or farthest from it ("far"), or 10,000 ids. "first" is a filter that nobody has \\
            asked before, "again" the same once more: the difference is what finding the points took. Times are medians.
            """)

    @Option(help: "How many points.") var points = 100_000
    @Option(help: "Components of a vector.") var dimension = 384
    @Option(help: "How many queries.") var count = 100
    @Option(help: "The recall target.") var recall = 0.95
    @Option(help: "hnsw or ivf.") var index = "hnsw"
    @Option(help: "Where the collection is made.") var folder = NSTemporaryDirectory() + "belfry-filters"
    @Flag(help: "Without indexes of the payload fields.") var bare = false

    private static let centers = 500
    private static let range = 1_000_000

    func run() async throws {
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var random = SplitMix(seed: 1)
        let centers = (0..<Self.centers).map { _ in (0..<dimension).map { _ in random.gaussian() } }
        func near(_ center: Int) -> [Float] { centers[center].map { $0 + 0.8 * random.gaussian() } }

        var description = VectorCollection.Description(dimension: dimension)
        description.index = index == "ivf" ? .ivf : .hnsw
        let collection = try VectorCollection.create(folder + "/filters.belfry", description)
        try collection.mergeOnlyWhenCompacted()
        for start in stride(from: 0, to: points, by: 2_000) {
            try await collection.upsert(
                (start..<min(start + 2_000, points)).map { id in
                    let center = Int.random(in: 0..<Self.centers, using: &random)
                    return WrittenPoint(
                        id: "\(id)", vector: near(center),
                        payload: [
                            "u": .integer(Int64.random(in: 0..<Int64(Self.range), using: &random)),
                            "label": .string("l\(Int.random(in: 0..<1_000, using: &random))"),
                            "half": .bool(Bool.random(using: &random)), "center": .integer(Int64(center)),
                        ])
                })
        }
        try await collection.compact()
        if !bare {
            try await collection.index([
                IndexedField(JSONPath("u"), .integer), IndexedField(JSONPath("label"), .keyword),
                IndexedField(JSONPath("half"), .bool), IndexedField(JSONPath("center"), .integer),
            ])
        }
        print(
            "\(points) × \(dimension) cosine, \(index), recall \(recall), k 10, \(bare ? "no" : "four") field indexes")
        print("filter             keeps    recall  lowest  first ms  again ms  exact ms  again/exact")

        let queries = (0..<count).map { _ in Int.random(in: 0..<Self.centers, using: &random) }
        let asked = queries.map { (center: $0, vector: near($0)) }
        try measure("none", collection, asked) { _, _ in nil }
        for share in [0.5, 0.2, 0.1, 0.05, 0.01, 0.003, 0.001, 0.0001] {
            let width = Int(share * Double(Self.range))
            // Another range for every query: nobody has asked for it before.
            try measure("range", collection, asked) { query, _ in
                let from = query * 37 % max(1, Self.range - width)
                return "u >= \(from) and u < \(from + width)"
            }
        }
        for labels in [500, 100, 10, 1] {
            try measure("label", collection, asked) { query, _ in
                "label in (" + (0..<labels).map { "'l\((query + $0) % 1_000)'" }.joined(separator: ", ") + ")"
            }
        }
        let orders = centers.map { center in
            let distances = centers.map { other in -zip(center, other).reduce(0) { $0 + $1.0 * $1.1 } }
            return distances.indices.sorted { distances[$0] < distances[$1] }
        }
        for few in [250, 50, 5, 1] {
            for (name, isNear) in [("near", true), ("far", false)] {
                try measure(name, collection, asked) { _, center in
                    let chosen = isNear ? orders[center].prefix(few) : orders[center].suffix(few)
                    return "center in (" + chosen.map(String.init).joined(separator: ", ") + ")"
                }
            }
        }
        try measure("and of three", collection, asked) { query, _ in
            "half = true and u < \(200_000 + query) and not label = 'l\(query)'"
        }
        try measure("or", collection, asked) { query, _ in "u < \(50_000 + query) or label in ('l\(query)', 'l1')" }
        try measure("10,000 ids", collection, asked) { query, _ in
            "id in (" + (0..<10_000).map { "\(($0 * 7 + query) % points)" }.joined(separator: ", ") + ")"
        }
        try await collection.close()
        try FileManager.default.removeItem(atPath: folder)
    }

    private func measure(
        _ name: String, _ collection: VectorCollection, _ queries: [(center: Int, vector: [Float])],
        _ filter: (_ query: Int, _ center: Int) -> String?
    ) throws {
        var (recalls, kept) = ([Double](), [Double]())
        var times = [[Double]](repeating: [], count: 3)
        for (place, query) in queries.enumerated() {
            var request = SearchRequest(.vector(query.vector), k: 10)
            request.filter = try filter(place, query.center).map { try Filter(parsing: $0) }
            request.recall = recall
            var answers: [SearchResponse] = []
            for turn in 0..<3 {
                request.exact = turn == 2
                let start = ContinuousClock.now
                answers.append(try collection.search(request))
                times[turn].append((.now - start) / .milliseconds(1))
            }
            let truth = answers[2].hits
            kept.append(Double(answers[2].trace.evaluations) / Double(collection.count))
            guard let worst = truth.last?.score else { continue }
            recalls.append(Double(answers[1].hits.count { $0.score >= worst }) / Double(truth.count))
        }
        func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
        let (first, again, exact) = (median(times[0]), median(times[1]), median(times[2]))
        let mean = recalls.isEmpty ? 1 : recalls.reduce(0, +) / Double(recalls.count)
        print(
            name.padding(toLength: 14, withPad: " ", startingAt: 0),
            String(
                format: "%8.3f %%  %.4f  %.2f  %8.3f  %8.3f  %8.3f  %.2f", median(kept) * 100, mean,
                recalls.min() ?? 1, first, again, exact, again / exact))
    }
}

/// A small generator whose numbers follow from its seed.
private struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }

    mutating func gaussian() -> Float {
        let (a, b) = (Double.random(in: 1e-12..<1, using: &self), Double.random(in: 0..<1, using: &self))
        return Float((-2 * log(a)).squareRoot() * cos(2 * .pi * b))
    }
}
