public import Files
import Shards
import Vectors

/// Answers that differ from one another: maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998).
///
/// 1. The candidates are what a search has found, best first.
/// 2. The first answer is the most relevant one.
/// 3. Each next one is the candidate with the largest `(1 - diversity) r - diversity s`, where `r` is its similarity to the
///    query and `s` that to the most similar answer so far; of equal ones the candidate that came first.
///
/// Similarities are the negatives of the metric's distances, in f32. An answer never depends on how many are asked for, so
/// pages continue one another.
public struct Diversity: Hashable, Sendable {
    /// How much an answer's distance from the others counts, 0...1: 0 keeps the order of the search.
    public let diversity: Float
    /// So many candidates are considered, and no more answers given. Without a limit any number is given: 100 candidates
    /// are all answered before the next 100 are considered.
    public let candidatesLimit: Int?

    /// The most candidates that may be asked for.
    public static let mostCandidates = 16_384

    /// - Throws: `invalidInput` where `diversity` is not in 0...1, or the limit not in 0...16,384.
    public init(_ diversity: Float = 0.5, candidatesLimit: Int? = nil) throws(BelfryError) {
        guard (0...1).contains(diversity) else {
            throw BelfryError(.invalidInput, "The diversity \(diversity) is not in 0...1.")
        }
        if let candidatesLimit, !(0...Self.mostCandidates).contains(candidatesLimit) {
            throw BelfryError(
                .invalidInput, "A limit of \(candidatesLimit) candidates is not in 0...\(Self.mostCandidates).")
        }
        (self.diversity, self.candidatesLimit) = (diversity, candidatesLimit)
    }

    /// Reads Qdrant's `{"diversity": 0.5, "candidates_limit": 100}`.
    /// - Throws: `invalidInput` that says where it is none.
    public init(json: JSON) throws(BelfryError) {
        let reader = FilterReader(whole: "mmr")
        let place = FilterPlace("mmr")
        let members = try reader.members(json, ["diversity", "candidates_limit"], place)
        var (diversity, limit): (Float, Int?) = (0.5, nil)
        if let json = members["diversity"] { diversity = Float(try reader.number(json, place.member("diversity"))) }
        if let json = members["candidates_limit"] {
            guard let number = json.integer else {
                throw reader.mistake(
                    place.member("candidates_limit"), "is \(reader.shown(json)), and not a whole number")
            }
            limit = number
        }
        try self.init(diversity, candidatesLimit: limit)
    }

    fileprivate static let pool = 100

    /// How many candidates a search has to find for `answers` answers.
    func candidates(for answers: Int) -> Int {
        if let candidatesLimit { return candidatesLimit }
        let pools = answers / Self.pool + (answers % Self.pool > 0 ? 1 : 0)
        let candidates = pools.multipliedReportingOverflow(by: Self.pool)
        return candidates.overflow ? .max : candidates.partialValue
    }

    /// Which candidates are answered, in their order: `count` of them, or fewer where there are no more.
    /// - Parameters:
    ///   - relevance: each candidate's similarity to the query, best first.
    ///   - vectors: their vectors, row by row.
    func order(_ count: Int, relevance: [Float], vectors: Matrix, metric: Metric) -> [Int] {
        var order = DiverseOrder(self, relevance: relevance)
        var answers: [Int] = []
        let kernel = DistanceKernel(metric: metric)
        var similarities = [Float](repeating: 0, count: relevance.count)
        while answers.count < count, let next = order.next() {
            answers.append(next)
            let query = kernel.prepare(vectors.pointer + next * vectors.columns, dimension: vectors.columns)
            kernel.distances(to: query, rows: vectors.pointer, count: relevance.count, into: &similarities)
            for index in similarities.indices { similarities[index] = -similarities[index] }
            order.add(similarities)
        }
        return answers
    }
}

/// The order of answers, one by one, whatever their vectors are: after each the caller says how similar it is to all.
struct DiverseOrder {
    /// How much relevance counts: one less the diversity.
    private let share: Float
    private let relevance: [Float]
    private let pool: Int
    private let isLimited: Bool
    /// The candidates that have not been answered, of those that are considered, in their order.
    private var waiting: [Int] = []
    private var considered = 0
    /// Each candidate's similarity to the most similar answer.
    private var most: [Float]
    private var isFirst = true

    init(_ diversity: Diversity, relevance: [Float]) {
        (share, self.relevance) = (1 - diversity.diversity, relevance)
        (pool, isLimited) = (diversity.candidatesLimit ?? Diversity.pool, diversity.candidatesLimit != nil)
        most = [Float](repeating: -.infinity, count: relevance.count)
    }

    /// The next answer's place among the candidates; nil if there is none.
    mutating func next() -> Int? {
        if waiting.isEmpty, considered < relevance.count, !isLimited || considered == 0 {
            waiting = Array(considered..<min(considered + pool, relevance.count))
            considered += waiting.count
        }
        var (best, place): (Float, Int?) = (-.infinity, nil)
        for (index, candidate) in waiting.enumerated() {
            let likeness = isFirst ? 0 : (1 - share) * most[candidate]
            let value = isFirst ? relevance[candidate] : share * relevance[candidate] - likeness
            if place == nil || value > best { (best, place) = (value, index) }
        }
        guard let place else { return nil }
        isFirst = false
        return waiting.remove(at: place)
    }

    /// How similar the last answer is to each candidate.
    mutating func add(_ similarities: [Float]) {
        for index in most.indices where similarities[index] > most[index] { most[index] = similarities[index] }
    }
}
