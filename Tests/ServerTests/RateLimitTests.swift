import Belfry
import Files
import Testing

@testable import BelfryServer

/// How much a collection in strict mode does per minute.
@Suite(.serialized) struct RateLimitTests {
    private typealias Asked = StrictCollection.Asked

    @Test func aBucketIsEmptiedAndFilled() throws {
        let clock = StandingClock()
        let limit = RateLimit(.write, capacity: 10) { clock.now }
        func refusal(_ cost: Int) -> Refusal? {
            do throws(Refusal) {
                try limit.take(cost)
                return nil
            } catch {
                return error
            }
        }
        let tooLarge = refusal(11)
        #expect(
            tooLarge?.message
                == "Rate limiting exceeded: Write rate limit exceeded, request larger than rate limiter capacity, please try to split your request"
        )
        #expect(tooLarge?.status == 429 && tooLarge?.retryAfter == nil)
        #expect(refusal(10) == nil)
        let empty = refusal(10)
        #expect(
            empty?.message
                == "Rate limiting exceeded: Write rate limit exceeded: Operation requires 10 tokens but only 0.0 were available. Retry after 60s"
        )
        #expect(empty?.status == 429 && empty?.retryAfter == 60)
        // A refusal costs nothing: after so many seconds there are enough.
        #expect(refusal(1)?.retryAfter == 6)
        clock.pass(seconds: 5)
        #expect(refusal(1)?.retryAfter == 1)
        clock.pass(seconds: 1)
        #expect(refusal(1) == nil && refusal(1) != nil)
        for _ in 0..<60 { clock.pass(seconds: 1) }
        #expect(refusal(10) == nil)
        // It is never more than full.
        clock.pass(seconds: 1_000)
        #expect(refusal(10) == nil && refusal(1)?.retryAfter == 6)
    }

    /// Waiting as long as one is told is enough, for every limit.
    @Test func theSecondsToldAreEnough() throws {
        for capacity in 1...130 {
            let clock = StandingClock()
            let limit = RateLimit(.read, capacity: capacity) { clock.now }
            for cost in [capacity, (capacity + 1) / 2, 1, capacity] {
                do throws(Refusal) {
                    try limit.take(cost)
                } catch {
                    let seconds = try #require(error.retryAfter)
                    #expect((1...60).contains(seconds))
                    clock.pass(seconds: Double(seconds))
                    try limit.take(cost)
                }
            }
        }
    }

    /// A request, and what it costs.
    private static let reads: [(Asked, Int)] = [
        (.query(#""limit": 1"#), 1), (.query(#""filter": {"must": [\#(condition), \#(condition)]}"#), 3),
        (.query(#""prefetch": [{"query": [1, 0], "using": "dense"}, {"query": [0, 1], "using": "dense"}]"#), 3),
        // A point is fetched, searched with, and left out.
        (Asked("/points/query", #"{"query": 1, "using": "dense"}"#), 3),
        (Asked("/points/query", #"{"query": 1, "using": "multi"}"#), 5),
        (Asked("/points/query", #"{"query": [[1, 0], [0, 1], [1, 1], [2, 1]], "using": "multi"}"#), 4),
        (
            Asked(
                "/points/query",
                #"{"query": {"recommend": {"positive": [1, 2], "negative": [3], "strategy": "best_score"}}, "using": "dense"}"#
            ), 7
        ),
        // The mean of three is one.
        (Asked("/points/query", #"{"query": {"recommend": {"positive": [1, 2, 3]}}, "using": "dense"}"#), 5),
        (Asked("/points/recommend", #"{"positive": [1, 2, 3], "using": "dense"}"#), 5),
        (Asked("/points/query", #"{"query": {"order_by": "n"}}"#), 1), (Asked("/points/query"), 1),
        (Asked("/points/query/batch", #"{"searches": [{"query": [1, 0], "using": "dense"}, {"limit": 1}]}"#), 2),
        (Asked("/points/query/groups", #"{"query": [1, 0], "using": "dense", "group_by": "n"}"#), 1),
        (Asked("/points/search/matrix/pairs", #"{"using": "dense", "sample": 4}"#), 4),
        (Asked("/points/scroll", #"{"filter": {"must": [\#(condition)]}}"#), 2), (Asked("/points/count"), 1),
        (Asked("/facet", #"{"key": "n"}"#), 1), (Asked("/points", #"{"ids": [1, 2, 3, 99]}"#), 4),
        (Asked("/recommend", #"{"like": [1, 2], "unlike": [3], "popular": "n", "using": "dense"}"#), 4),
    ]

    private static let condition = #"{"key": "n", "range": {"gt": 0}}"#

    private static let writes: [(Asked, Int)] = [
        (.upsert(1...4), 4), (Asked("/points/delete", #"{"points": [31, 32]}"#), 2),
        (Asked("/points/payload", #"{"payload": {"a": 1}, "points": [1, 2, 3]}"#), 3),
        // Nobody looks for this how many points pass a filter without an index: half of the ten.
        (Asked("/points/payload", #"{"payload": {"a": 1}, "filter": {"must": [\#(condition)]}}"#), 5),
        (
            Asked(
                "/points/batch",
                #"{"operations": [{"delete": {"points": [31]}}, {"clear_payload": {"points": [1, 2]}}]}"#), 3
        ),
        (Asked("/seen", #"{"user": "a", "ids": [1, 2]}"#), 2),
        (Asked("/index", #"{"field_name": "other", "field_schema": "keyword"}"#, "PUT"), 1),
    ]

    @Test func requestsCostWhatTheyLookAt() async throws {
        let clock = StandingClock()
        try await TestServer.run({ settings in settings.now = { clock.now } }) {
            (server: TestServer) async throws -> Void in
            let collection = try await StrictCollection(server)
            for (kind, asked) in [("read", Self.reads), ("write", Self.writes)] {
                try await collection.set(#""enabled": false"#)
                for (one, cost) in asked {
                    // Just enough; then nothing is left. Setting it fills it again.
                    try await collection.set(#""enabled": true, "\#(kind)_rate_limit": \#(cost)"#)
                    try await collection.expect(one, 200)
                    let refused = try await collection.ask(one)
                    let name = kind == "read" ? "Read" : "Write"
                    #expect(refused.status == 429, "\(one.path) \(one.body): \(refused.text)")
                    #expect(
                        refused.error.hasPrefix(
                            "Rate limiting exceeded: \(name) rate limit exceeded: Operation requires \(cost) tokens but only 0.0 were available. Retry after 60s"
                        ), "\(one.path) \(one.body): \(refused.text)")
                    #expect(refused.headers["retry-after"] == "60")
                    if cost > 1 {
                        try await collection.set(#""\#(kind)_rate_limit": \#(cost - 1)"#)
                        try await collection.expect(one, 429, "request larger than rate limiter capacity")
                    }
                }
            }
        }
    }

    @Test func ratesHoldUntilTimeHasPassed() async throws {
        let clock = StandingClock()
        try await TestServer.run({ settings in settings.now = { clock.now } }) {
            (server: TestServer) async throws -> Void in
            let collection = try await StrictCollection(server)
            try await collection.set(#""enabled": true, "read_rate_limit": 60"#)
            let one = Asked.query(#""limit": 1"#)
            for _ in 0..<60 { try await collection.expect(one, 200) }
            #expect(try await collection.ask(one).headers["retry-after"] == "1")
            // Whatever is set of strict mode fills it; other changes of the collection do not.
            try await collection.set(#""later": 1"#)
            for _ in 0..<60 { try await collection.expect(one, 200) }
            clock.pass(seconds: 1)
            try await collection.index("city", #""keyword""#)
            try await collection.expect(Asked("", #"{"metadata": {"a": 1}}"#, "PATCH"), 200)
            try await collection.expect(one, 200)
            try await collection.expect(one, 429)
            // A batch is taken as a whole, or not at all.
            clock.pass(seconds: 2)
            let batch = Asked(
                "/points/query/batch", #"{"searches": [{"limit": 1}, {"limit": 1}, {"limit": 1}]}"#)
            try await collection.expect(batch, 429, "requires 3 tokens but only 2.0 were available. Retry after 1s")
            for _ in 0..<2 { try await collection.expect(one, 200) }
            try await collection.expect(one, 429)
            try await collection.set(#""enabled": false"#)
            for _ in 0..<3 { try await collection.expect(one, 200) }
        }
    }
}
