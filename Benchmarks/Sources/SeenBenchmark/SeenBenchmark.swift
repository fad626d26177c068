import ArgumentParser
import Belfry
import Files
import Foundation

/// What it costs a search to leave out what a user has seen, and what a user takes on disk.
@main
struct SeenBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure searches that leave out what a user has seen.",
        discussion: """
            swift run --package-path Benchmarks -c release SeenBenchmark --points 1000000 --users 100000

            Each search is made with and without the user, one after the other; what is printed is the median of the differences. \
            "again" is a user who was just asked for, "after a write" the same after a point was written, "first" a user whom \
            nobody has asked for. "far": seen at random, so that the index finds the same points; "near": the points nearest to \
            the query, which the index has to go beyond.
            """)

    @Option(help: "How many points.") var points = 100_000
    @Option(help: "Components of a vector.") var dimension = 64
    @Option(help: "How many points each user has seen.") var seen = 10_000
    @Option(help: "How many searches of each kind.") var count = 100
    @Option(help: "How many users with 100 points each are written, to see what they take on disk.") var users = 20_000
    @Option(help: "Where the collection is made.") var folder = NSTemporaryDirectory() + "belfry-seen"

    func run() async throws {
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var random = SystemRandomNumberGenerator()
        func vector() -> [Float] { (0..<dimension).map { _ in Float.random(in: -1...1, using: &random) } }
        var description = VectorCollection.Description(dimension: dimension)
        description.index = .ivf
        let collection = try VectorCollection.create(folder + "/seen.belfry", description)
        try collection.mergeOnlyWhenCompacted()
        for start in stride(from: 0, to: points, by: 5_000) {
            try await collection.upsert(
                (start..<min(points, start + 5_000)).map { WrittenPoint(id: "\($0)", vector: vector()) })
        }
        try await collection.compact()
        print("\(points) × \(dimension), \(seen) seen, k 10: median difference in µs (middle half)")
        let queries = (0..<count).map { _ in vector() }
        for isNear in [false, true] {
            for (number, query) in queries.enumerated() {
                var request = SearchRequest(.vector(query), k: seen)
                request.exact = true
                let ids =
                    try isNear
                    ? collection.search(request).hits.map(\.name)
                    : (0..<seen).map { _ in "\(Int.random(in: 0..<points))" }
                try await collection.markSeen(ids, by: "\(isNear ? "near" : "far") \(number)")
            }
            try await collection.compact()
            try await measure(isNear ? "near" : "far", collection, queries)
        }
        // So that the end is no merge of vectors.
        try await collection.compact()
        let before = try size()
        let start = ContinuousClock.now
        for first in stride(from: 0, to: users, by: 100) {
            try await collection.write(
                (first..<min(users, first + 100)).map { user in
                    .markSeen((0..<100).map { _ in "\(Int.random(in: 0..<points))" }, by: "user \(user)")
                })
        }
        try await collection.compact()
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        print(
            String(
                format: "%d users with 100 points each: %.0f bytes a user on disk, %.0f users/s written and sealed",
                users,
                Double(try size() - before) / Double(users), Double(users) / seconds))
        try await collection.close()
        try FileManager.default.removeItem(atPath: folder)
    }

    private func size() throws -> Int {
        try FileManager.default.attributesOfItem(atPath: folder + "/seen.belfry/catalog.sqlite")[.size] as? Int ?? 0
    }

    private func measure(_ name: String, _ collection: VectorCollection, _ queries: [[Float]]) async throws {
        var (first, again, written) = ([Double](), [Double](), [Double]())
        for (number, query) in queries.enumerated() {
            let request = SearchRequest(.vector(query), k: 10)
            func difference() throws -> Double {
                var other = request
                other.seenBy = "\(name) \(number)"
                let without = try time(collection, request)
                return try time(collection, other) - without
            }
            // The pages of the index are there, and the view is the same.
            _ = try time(collection, request)
            first.append(try difference())
            for _ in 0..<5 { again.append(try difference()) }
            try await collection.upsert([WrittenPoint(id: "new", vector: query)])
            _ = try time(collection, request)
            written.append(try difference())
        }
        for (what, times) in [("again", again), ("after a write", written), ("first", first)] {
            let sorted = times.sorted()
            print(
                String(
                    format: "%@, %@: %.1f (%.1f to %.1f)", name, what, sorted[sorted.count / 2],
                    sorted[sorted.count / 4],
                    sorted[sorted.count * 3 / 4]))
        }
    }

    private func time(_ collection: VectorCollection, _ request: SearchRequest) throws -> Double {
        let start = ContinuousClock.now
        _ = try collection.search(request)
        return (ContinuousClock.now - start) / .microseconds(1)
    }
}
