import Files

/// The vectors and points that a query ranks by. What is wrong with it, its reader says.
struct QueryExamples {
    let all: [JSON]
    /// Whether they become one vector, which is searched with.
    let isMean: Bool

    /// Reads `query` of a body; nil where it ranks by no vector.
    init?(_ query: JSON?) {
        guard let query else { return nil }
        // A sparse vector, and what a tower embeds, are objects as well.
        let isInput = query["indices"] != nil || (try? InferenceInput(query, "")) != nil
        guard case .object = query, !isInput else {
            (all, isMean) = ([query], false)
            return
        }
        func member(_ name: String) -> JSON? { query[name].flatMap { $0 == .null ? nil : $0 } }
        if let nearest = member("nearest") {
            (all, isMean) = ([nearest], false)
        } else if let hybrid = member("hybrid") {
            // By meaning, and by words.
            (all, isMean) = ([hybrid, hybrid], false)
        } else if let rerank = member("rerank") {
            (all, isMean) = ([rerank], false)
        } else if let recommend = member("recommend") {
            all = (recommend["positive"]?.array ?? []) + (recommend["negative"]?.array ?? [])
            isMean = ["average_vector", nil].contains(recommend["strategy"]?.string)
        } else if let discover = member("discover") {
            (all, isMean) = ([discover["target"]].compactMap(\.self) + Self.pairs(discover["context"]), false)
        } else if let context = member("context") {
            (all, isMean) = (Self.pairs(context), false)
        } else {
            return nil
        }
    }

    /// The examples of one pair, or of a list of them.
    private static func pairs(_ json: JSON?) -> [JSON] {
        guard let json else { return [] }
        return (json.array ?? [json]).flatMap { [$0["positive"], $0["negative"]].compactMap(\.self) }
    }

    /// Those that are points of a collection.
    var points: [JSON] {
        all.filter { example in
            switch example {
            case .integer, .unsigned, .string: true
            default: false
            }
        }
    }
}
