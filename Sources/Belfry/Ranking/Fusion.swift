public import Files
import Shards

/// Several rankings of points made one.
///
/// 1. Each list gives each of its points a part of a score, by the point's place or by its score.
/// 2. The parts of a point are added up. A point that a list does not have gets nothing from it.
/// 3. The points stand in the order of their sums; of two with the same sum, the smaller id comes first.
///
/// Both ways are Qdrant's, in the same f32 arithmetic.
public enum Fusion: Hashable, Sendable {
    /// Reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009): the point at place `p`, counted from 0, of a list
    /// with weight `w` gets `1 / ((p + 1) / w + k - 1)`, which is `1 / (p + k)` at weight 1. A list of weight 3 lends
    /// its first three places the worth of another's first. Weight 0 gives nothing. Without weights, all are 1.
    case reciprocalRank(k: Int = 2, weights: [Float] = [])
    /// Distribution-based score fusion: a point gets `(s - (m - 3 d)) / 6 d`, where `m` and `d` are the mean and the
    /// standard deviation of its list's scores; `0.5` where all scores of a list are the same. Results can lie outside of 0...1.
    case scoreDistribution
}

extension Fusion {
    /// The points of all lists, best first.
    /// - Parameter lists: each best first. A larger score is better.
    /// - Throws: `invalidInput` where `k` is below 1, or weights are not one for each list, finite and not negative.
    func fused(_ lists: [[RankedPoint]]) throws(BelfryError) -> [RankedPoint] {
        var sums: [PointID: Float] = [:]
        switch self {
        case .reciprocalRank(let k, let weights):
            try check(k, weights, lists: lists.count)
            for (index, list) in lists.enumerated() {
                let weight = weights.isEmpty ? 1 : weights[index]
                for (place, point) in list.enumerated() {
                    let part = weight > 0 ? 1 / (Float(place + 1) / weight + Float(k) - 1) : 0
                    sums[point.id, default: 0] += part
                }
            }
        case .scoreDistribution:
            for list in lists {
                let scale = ScoreScale(list)
                for point in list { sums[point.id, default: 0] += scale.part(point.score) }
            }
        }
        return sums.map { RankedPoint($0.key, $0.value) }.sorted()
    }

    private func check(_ k: Int, _ weights: [Float], lists: Int) throws(BelfryError) {
        guard k >= 1 else {
            throw BelfryError(.invalidInput, "The k of a fusion is \(k), and not a whole number from 1 on.")
        }
        guard !weights.isEmpty else { return }
        guard weights.count == lists else {
            throw BelfryError(
                .invalidInput, "A fusion of \(lists) lists has \(weights.count) weights.",
                remedy: "Give one weight for each list, or none.")
        }
        if let weight = weights.first(where: { !($0 >= 0 && $0.isFinite) }) {
            throw BelfryError(.invalidInput, "The weight \(weight) of a fusion is no number from 0 on.")
        }
    }
}

/// Where a list's scores lie: from three standard deviations below their mean to three above.
private struct ScoreScale {
    private var (low, high): (Float, Float) = (0, 0)

    /// By Welford's method, score by score.
    init(_ list: [RankedPoint]) {
        guard list.count > 1 else { return }
        var (mean, squares): (Float, Float) = (0, 0)
        for (index, point) in list.enumerated() {
            let before = point.score - mean
            mean += before / Float(index + 1)
            squares += before * (point.score - mean)
        }
        let deviation = (squares / (Float(list.count) - 1)).squareRoot()
        (low, high) = (mean - 3 * deviation, mean + 3 * deviation)
    }

    func part(_ score: Float) -> Float { low == high ? 0.5 : (score - low) / (high - low) }
}

// MARK: the wire format

extension Fusion {
    /// Reads Qdrant's `{"fusion": "rrf"}`, `{"fusion": "dbsf"}` or `{"rrf": {"k": 60, "weights": [3, 1]}}`.
    /// - Throws: `invalidInput` that says where it is none of these.
    public init(json: JSON) throws(BelfryError) {
        let reader = FilterReader(whole: "fusion")
        let place = FilterPlace("the fusion")
        let members = try reader.members(json, ["fusion", "rrf"], place)
        guard members.count == 1 else { throw reader.mistake(place, "has not one of these members alone: fusion, rrf") }
        if let name = members["fusion"] {
            switch name {
            case "rrf": self = .reciprocalRank()
            case "dbsf": self = .scoreDistribution
            default: throw reader.mistake(place.member("fusion"), "is \(reader.shown(name)), and not rrf or dbsf")
            }
            return
        }
        let rrf = place.member("rrf")
        let settings = try reader.members(members["rrf"] ?? .null, ["k", "weights"], rrf)
        var (k, weights): (Int, [Float]) = (2, [])
        if let json = settings["k"] {
            guard let number = json.integer, number >= 1 else {
                throw reader.mistake(rrf.member("k"), "is \(reader.shown(json)), and not a whole number from 1 on")
            }
            k = number
        }
        if let json = settings["weights"] {
            guard let elements = json.array, !elements.isEmpty else {
                throw reader.mistake(rrf.member("weights"), "is \(reader.shown(json)), and not a list of numbers")
            }
            for (index, element) in elements.enumerated() {
                let place = rrf.member("weights").element(index)
                let weight = Float(try reader.number(element, place))
                guard weight >= 0, weight.isFinite else {
                    throw reader.mistake(place, "is \(reader.shown(element)), and no number from 0 on")
                }
                weights.append(weight)
            }
        }
        self = .reciprocalRank(k: k, weights: weights)
    }

    /// The fusion in Qdrant's wire format.
    public var json: JSON {
        switch self {
        case .reciprocalRank(let k, let weights):
            var members: JSON.Members = ["k": .integer(Int64(k))]
            if !weights.isEmpty { members["weights"] = .array(weights.map { .shortest($0) }) }
            return ["rrf": .object(members)]
        case .scoreDistribution: return ["fusion": "dbsf"]
        }
    }
}
