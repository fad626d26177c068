import Belfry
import Files
import Vectors

/// The form of a query, as `query` of a body has it.
enum QueryForm {
    /// The points in the order of their ids.
    case page
    /// What the engine ranks by, the points that are no answers, and how far answers are to differ.
    case ranking(SearchQuery, excluding: [String] = [], Diversity? = nil)
    /// Made of the prefetches.
    case fused(Fusion)
    case formula(ScoreFormula)
    /// Made of one prefetch, or of what the text finds.
    case reranked(Reranking)
}

extension QueryForm {
    private static let names = [
        "nearest", "hybrid", "recommend", "discover", "context", "order_by", "fusion", "rrf", "formula", "rerank",
        "sample",
    ]

    /// Reads `query`: a vector, a point, or an object that names the form.
    init(
        _ json: JSON?, _ inputs: () throws -> QueryInputs, _ reranking: (Body) throws -> Reranking, _ place: String
    ) throws {
        guard let json else {
            self = .page
            return
        }
        guard case .object(let members) = json, members["indices"] == nil,
            try InferenceInput(json, place) == nil
        else {
            let inputs = try inputs()
            self = .ranking(try inputs.query(inputs.input(json, place)))
            return
        }
        let body = try Body(json, place)
        guard let name = Self.names.first(where: { body.has($0) }) else {
            if body.has("relevance_feedback") { throw Refusal.notOffered("relevance_feedback") }
            throw Refusal.format(place, "one of \(Self.names.joined(separator: ", ")) is expected")
        }
        switch name {
        case "nearest":
            let inputs = try inputs()
            let query = try inputs.query(inputs.input(body.required(name), body.path(name)))
            let diversity = try body.object("mmr").map { try Self.diversity($0) }
            self = .ranking(query, excluding: [], diversity)
        case "hybrid":
            let share = try body.number("words")
            guard share.map({ (0...1).contains($0) }) ?? true else {
                throw Refusal.invalid(body.path("words"), share ?? 0, "must be from 0.0 to 1.0")
            }
            let inputs = try inputs()
            self = .ranking(
                .hybrid(try inputs.query(inputs.input(body.required(name), body.path(name))), words: share),
                excluding: [], try body.object("mmr").map { try Self.diversity($0) })
        case "recommend": self = try Self.recommend(Body(body.required(name), body.path(name)), inputs())
        case "discover":
            let discover = try Body(body.required(name), body.path(name))
            let inputs = try inputs()
            let target = try inputs.input(discover.required("target"), discover.path("target"))
            let pairs = try Self.pairs(discover["context"], discover.path("context"), inputs)
            self = .ranking(
                .discover(try inputs.example(target), context: try pairs.map { try Self.pair($0, inputs) }),
                excluding: inputs.own([target] + pairs.flatMap { [$0.like, $0.unlike] }))
        case "context":
            let inputs = try inputs()
            let pairs = try Self.pairs(body[name], body.path(name), inputs)
            guard !pairs.isEmpty else {
                throw Refusal(422, "Validation error in JSON body: [\(body.path(name)): at least one pair is expected]")
            }
            self = .ranking(
                .context(try pairs.map { try Self.pair($0, inputs) }),
                excluding: inputs.own(pairs.flatMap { [$0.like, $0.unlike] }))
        case "order_by": self = .ranking(.ordered(try OrderBy(json: body.required(name))))
        case "fusion", "rrf": self = .fused(try Fusion(json: json))
        case "formula": self = .formula(try ScoreFormula(json: json) { PointName($0).id })
        case "rerank": self = .reranked(try reranking(Body(body.required(name), body.path(name))))
        default:
            guard body[name] == "random" else { throw Refusal.format(body.path(name), "random is expected") }
            self = .ranking(.sample(seed: .random(in: 0...UInt64.max)))
        }
    }

    /// MMR with 0.5 and 100 candidates unless it says otherwise.
    private static func diversity(_ body: Body) throws -> Diversity {
        let diversity = try body.number("diversity") ?? 0.5
        guard (0...1).contains(diversity) else {
            throw Refusal.invalid(body.path("diversity"), diversity, "must be from 0.0 to 1.0")
        }
        let limit = try body.whole("candidates_limit", to: Diversity.mostCandidates)
        return try Diversity(Float(diversity), candidatesLimit: limit)
    }

    // MARK: by examples

    private static func recommend(_ body: Body, _ inputs: QueryInputs) throws -> QueryForm {
        let like = try inputs.inputs(body.list("positive") ?? [], body.path("positive"))
        let unlike = try inputs.inputs(body.list("negative") ?? [], body.path("negative"))
        let own = inputs.own(like + unlike)
        guard !like.isEmpty || !unlike.isEmpty else {
            throw Refusal(
                422,
                "Validation error in JSON body: [\(body.place): at least one positive or negative example is expected]")
        }
        switch try body.text("strategy") {
        case nil, "average_vector"?:
            guard !like.isEmpty else {
                throw Refusal(
                    422,
                    "Validation error in JSON body: [\(body.path("positive")): at least one is expected by average_vector]"
                )
            }
            let (near, far) = (try like.map { try inputs.vector($0) }, try unlike.map { try inputs.vector($0) })
            let mean = try mean(of: near, away: far, inputs.description)
            return .ranking(QueryInputs.query(mean), excluding: own)
        case "best_score"?:
            return .ranking(
                .recommend(
                    like: try like.map { try inputs.example($0) }, unlike: try unlike.map { try inputs.example($0) }))
        case "sum_scores"?:
            return .ranking(
                .recommend(
                    like: try like.map { try inputs.example($0) }, unlike: try unlike.map { try inputs.example($0) },
                    bySum: true))
        case let strategy?:
            throw Refusal.format(
                body.path("strategy"),
                "unknown variant `\(strategy)`, expected average_vector, best_score or sum_scores")
        }
    }

    private static func mean(
        of like: [PointVector], away unlike: [PointVector], _ space: VectorSpace
    ) throws(Refusal) -> PointVector {
        guard space.kind == .multi else { return PointVector.mean(of: like, away: unlike, space) }
        guard unlike.isEmpty else { throw .notOffered("the mean of points with several vectors, away from others") }
        var vectors: [[Float]] = []
        for case .multi(let own) in like { vectors += own }
        return .multi(vectors)
    }

    private typealias Pair = (like: QueryInput, unlike: QueryInput)

    /// One pair, or a list of them.
    private static func pairs(_ json: JSON?, _ place: String, _ inputs: QueryInputs) throws -> [Pair] {
        guard let json else { return [] }
        let elements = json.array ?? [json]
        return try elements.enumerated().map { index, element in
            let pair = try Body(element, "\(place)[\(index)]")
            return (
                try inputs.input(pair.required("positive"), pair.path("positive")),
                try inputs.input(pair.required("negative"), pair.path("negative"))
            )
        }
    }

    private static func pair(_ pair: Pair, _ inputs: QueryInputs) throws -> (like: Example, unlike: Example) {
        (try inputs.example(pair.like), try inputs.example(pair.unlike))
    }
}
