import Belfry
import Files
import Recipes
import Shards
import Vectors

/// A query, what is relevant to it, and what may be ranked for it. Points are numbers of a ``PointTable``.
struct JudgedQuery: Sendable {
    /// Where the query stands in its file; nil for a query that is a point of the collection.
    var line: Int?
    var query: SearchQuery
    /// The point that the query is: it is neither found nor relevant.
    var own: Int32?
    /// What is relevant and the collection holds, with its grade above 0.
    var relevant: [Int32: Double] = [:]
    /// What is relevant and the collection does not hold.
    var missing: [PointID: Double] = [:]
    /// The only points that are ranked; nil for all.
    var candidates: Set<Int32>?
    /// Candidates that the collection does not hold, which cannot be ranked.
    var missingCandidates = 0
    /// Points that are left out of the answers.
    var excluded: Set<Int32> = []
    /// Which of the evaluation's filters holds for it.
    var filter: Int?

    /// Whether the point may be among the answers, but for candidates and filter.
    func admits(_ point: Int32) -> Bool { point != own && !excluded.contains(point) }

    /// The grades of all that is relevant, greatest first.
    var ideal: [Double] {
        (relevant.filter { $0.key != own }.map(\.value) + missing.values).sorted(by: >)
    }

    /// How a ranking of points looks to the judgments.
    func judged(_ ranking: [Int32], ideal: [Double]) -> JudgedRanking {
        JudgedRanking(grades: ranking.map { relevant[$0] ?? 0 }, ideal: ideal)
    }

    /// The figures of rankings of points, one ranking after the other.
    func values(of rankings: [[Int32]], _ figures: [RankingFigure]) -> [Double] {
        let ideal = ideal
        return rankings.flatMap { ranking in
            let judged = judged(ranking, ideal: ideal)
            return figures.map { $0.metric.value(judged, k: $0.k) }
        }
    }
}

/// All queries of an evaluation, and what had to be counted when they were read.
struct JudgedQueries: Sendable {
    /// Those with something relevant.
    var queries: [JudgedQuery] = []
    /// Sets of points that queries are confined to.
    var filters: [PointSet] = []
    /// Queries without anything relevant, which have no recall.
    var withoutRelevant = 0
    /// Rows that could not be used.
    var badRows = 0

    /// How many queries there were before some of them were drawn.
    private(set) var beforeSampling = 0

    /// Which queries are asked where there are more.
    struct Sample {
        var count: Int
        var seed: UInt64

        /// The places of those that are drawn of `all`, in their order.
        func places(of all: Int) -> [Int] {
            var generator = SplitMix64(seed: seed)
            return generator.sample(count, of: all)
        }
    }

    /// Keeps the sample of the queries that were read.
    mutating func keep(_ sample: Sample?) {
        beforeSampling = queries.count
        if let sample { queries = sample.places(of: queries.count).map { queries[$0] } }
    }
}

extension JudgedQueries {
    /// Every point as a query, to which what shares the value of `field` is relevant: of a list, one of its elements. A
    /// point without the value is none.
    ///
    /// What is relevant is gathered for the sample alone: elements that many points have would fill the memory.
    init(pointsSharing field: String, _ points: PointTable, _ sample: Sample?) {
        var groups: [JSON: [Int32: Double]] = [:]
        let values = (points.payload[UTF8Key(field)] ?? []).map { $0?.shared ?? [] }
        for (point, shared) in values.enumerated() {
            for value in shared { groups[value, default: [:]][Int32(point)] = 1 }
        }
        let asked = values.indices.filter { values[$0].contains { groups[$0]!.count > 1 } }
        (beforeSampling, withoutRelevant) = (asked.count, values.count - asked.count)
        for place in sample?.places(of: asked.count) ?? Array(asked.indices) {
            let point = asked[place]
            var group = groups[values[point][0]]!
            for value in values[point].dropFirst() { group.merge(groups[value]!) { first, _ in first } }
            queries.append(
                JudgedQuery(query: .point(points.ids[point].description), own: Int32(point), relevant: group))
        }
    }
}

extension JSON {
    /// What a payload's value can share with another's: the elements of a list, or itself.
    fileprivate var shared: [JSON] { array ?? [self] }
}
