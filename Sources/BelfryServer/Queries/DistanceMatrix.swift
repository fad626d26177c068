import Belfry
import Files
import Shards

/// Some points of a collection, and for each the nearest of the others among them.
struct DistanceMatrix {
    /// A point and another one.
    struct Pair {
        var a: Int
        var b: Int
        var score: Float
    }

    /// The points, in the order of their ids.
    private(set) var points: [SearchResponse.Hit] = []
    /// Of each point the nearest others, point by point.
    private(set) var pairs: [Pair] = []

    static let most = 10_000

    init(_ body: Body, _ target: Target) throws {
        let sample = try body.whole("sample", from: 2, to: Self.most) ?? 10
        let limit = try body.whole("limit", from: 1, to: Self.most) ?? 3
        let space = target.configuration.spaces[try target.place(ofSpace: body.text("using") ?? "")]
        let filter = Filter.both(try PointNames.filter(body), Filter(must: [.hasVector(space.name)]))
        var request = SearchRequest(.sample(seed: .random(in: 0...UInt64.max)), k: sample)
        (request.filter, request.space) = (filter, space.name)
        points = try target.collection.search(request).hits.sorted { $0.id < $1.id }
        let places = Dictionary(points.enumerated().map { ($1.id, $0) }) { first, _ in first }
        let among = Filter(must: [.hasID(Set(places.keys))])
        for (place, point) in points.enumerated() {
            var near = SearchRequest(.point(point.name), k: limit)
            (near.space, near.filter, near.exact) = (space.name, among, true)
            for hit in try target.collection.search(near).hits {
                if let other = places[hit.id] { pairs.append(Pair(a: place, b: other, score: hit.score)) }
            }
        }
    }

    func writePairs(to writer: inout WireWriter) {
        writer.raw("{\"pairs\":")
        writer.list(pairs) { writer, pair in
            writer.raw("{\"a\":")
            writer.id(points[pair.a].id, points[pair.a].key)
            writer.raw(",\"b\":")
            writer.id(points[pair.b].id, points[pair.b].key)
            writer.raw(",\"score\":")
            writer.float(pair.score)
            writer.raw("}")
        }
        writer.raw("}")
    }

    func writeOffsets(to writer: inout WireWriter) {
        writer.raw("{\"offsets_row\":")
        writer.list(pairs) { $0.number($1.a) }
        writer.raw(",\"offsets_col\":")
        writer.list(pairs) { $0.number($1.b) }
        writer.raw(",\"scores\":")
        writer.list(pairs) { $0.float($1.score) }
        writer.raw(",\"ids\":")
        writer.list(points) { $0.id($1.id, $1.key) }
        writer.raw("}")
    }
}
