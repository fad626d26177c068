import Files

/// The table of positions that a transformer has learned, as its `config.json` tells.
struct PositionTable {
    /// Positions that tokens may have; nil if nothing tells how many.
    private(set) var count: Int?
    /// The number of the first token's.
    private(set) var firstPosition = 0

    /// The members that say it; of a model of several parts, those of its text part.
    private static let names = ["max_position_embeddings", "n_positions", "max_sequence_length"]
    /// Families that count from behind the padding's id.
    private static let shifted = ["roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "longformer"]

    init(folder: String, padding: Int?) throws(BelfryError) {
        let file = folder + "/config.json"
        guard System.exists(file) else { return }
        let json = try StrictObject(file: file)
        for part in [try json.object("text_config"), json] {
            for name in Self.names where count == nil {
                guard let number = try part?.number(name), (1...65_536).contains(number) else { continue }
                count = Int(number)
            }
        }
        guard try Self.shifted.contains(json.string("model_type") ?? "") else { return }
        firstPosition = try (json.integer("pad_token_id") ?? padding ?? 1) + 1
        guard let all = count else { return }
        guard firstPosition > 0, firstPosition < all else {
            throw .corrupt("The table of \(all) positions has none for a token.", at: .init(file: file))
        }
        count = all - firstPosition
    }
}
