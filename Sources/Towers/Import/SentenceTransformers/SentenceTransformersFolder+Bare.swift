import Files
import Foundation

/// A transformer's folder without `modules.json`: as it is downloaded file by file, or was saved by the transformers library.
///
/// How its tokens' vectors become a text's is, in this order,
/// 1. what the import is told,
/// 2. what `1_Pooling/config.json` says,
/// 3. what the code in the model's README.md does, where that is one thing and no other,
/// 4. the mean over all tokens, which is what sentence-transformers does with such a folder.
///
/// What no file says for certain is told as an assumption.
extension SentenceTransformersFolder {
    mutating func readBareTransformer() throws(BelfryError) {
        guard System.exists(path + "/config.json") else { throw try notAModel() }
        var (pooling, normalizes) = (options.pooling, options.normalizes)
        var assumption: String?
        if pooling.isEmpty {
            try requireEncoder()
            let file = path + "/1_Pooling/config.json"
            if System.exists(file) {
                try refuseOtherModules()
                let (modes, includesPrompt) = try Self.pooling(file)
                (pooling, manifest.includesPrompt) = (modes, includesPrompt)
                normalizes = normalizes || System.exists(path + "/2_Normalize")
            } else {
                let card = Self.card(path)
                (pooling, normalizes) = ([card.pooling ?? .mean], normalizes || card.normalizes)
                assumption = Self.assumption(card, normalizes)
            }
        }
        try readTransformer(path)
        if graph == nil { manifest.dimension *= pooling.count }
        manifest.modules = [.pooling(pooling)] + (normalizes ? [.normalize] : [])
        source.towerFiles = TowerFiles(folder: path)
        source.assumption = assumption
    }

    private static func assumption(_ card: (pooling: Pooling?, normalizes: Bool), _ normalizes: Bool) -> String {
        let ending =
            "if the model's page says otherwise, import it again and say the pooling, and whether to normalize."
        return if let pooling = card.pooling {
            "The folder has no modules.json: vectors are the \(words(pooling))\(normalizes ? ", of unit length" : ""), as the code "
                + "in its README.md has it; \(ending)"
        } else {
            "The folder has no modules.json: vectors are the mean of all tokens'\(normalizes ? ", of unit length" : ""), as "
                + "sentence-transformers takes it where nothing is said; \(ending)"
        }
    }

    private static func words(_ pooling: Pooling) -> String {
        switch pooling {
        case .cls: "first token's"
        case .lastToken: "last token's"
        default: "mean of all tokens'"
        }
    }

    /// What the code in the model's card does.
    private static func card(_ path: String) -> (pooling: Pooling?, normalizes: Bool) {
        let file = path + "/README.md"
        guard System.exists(file), let data = try? System.read(file, limit: 4 << 20) else { return (nil, false) }
        let text = String(decoding: data, as: UTF8.self).lowercased().filter { $0 != " " }
        let signs: [(Pooling, [String])] = [
            (.mean, ["mean_pooling(", "average_pool("]),
            (.cls, ["cls_pooling(", "model_output[0][:,0]", "last_hidden_state[:,0]"]),
            (.lastToken, ["last_token_pool("]),
        ]
        let found = signs.filter { $0.1.contains { text.contains($0) } }.map(\.0)
        return (
            found.count == 1 ? found[0] : nil,
            text.contains("f.normalize(") || text.contains("functional.normalize(")
        )
    }

    /// Refuses a model that was trained to do something else than to give vectors.
    private func requireEncoder() throws(BelfryError) {
        let config = try StrictObject(file: path + "/config.json")
        for name in try config.array("architectures") ?? [] {
            guard let name = name.string,
                let task = ["SequenceClassification", "TokenClassification", "QuestionAnswering", "MultipleChoice"]
                    .first(
                        where: { name.hasSuffix("For" + $0) })
            else { continue }
            throw BelfryError(
                .unsupported, "The model is a \(name): it was trained for \(task), and not to give vectors of texts.",
                at: config.location("architectures"),
                remedy:
                    "Take a sentence encoder. To take this one's vectors all the same, say how: \(.setting(.pooling)) mean."
            )
        }
    }

    /// Refuses folders of modules that nothing puts into an order.
    private func refuseOtherModules() throws(BelfryError) {
        let others = try System.list(path).filter { name in
            guard let first = name.first, first.isNumber, System.isDirectory(path + "/" + name) else { return false }
            return !name.hasSuffix("_Pooling") && !name.hasSuffix("_Normalize")
        }
        guard let other = others.sorted().first else { return }
        throw BelfryError(
            .unsupported, "The folder has a module \(other), but no modules.json that says what it is.",
            at: .init(file: path),
            remedy: "Download modules.json, too, or say it: \(.setting(.pooling)) mean leaves the module out.")
    }

    /// What a folder lacks that is none of a transformer.
    private func notAModel() throws(BelfryError) -> BelfryError {
        let graphs = try Self.graphs(in: path)
        if let first = graphs.first {
            return BelfryError(
                .invalidInput, "The folder holds ONNX files of other names than model.onnx.", at: .init(file: path),
                remedy: "Name one: \(path)/\(first)\(graphs.count > 1 ? ", or another" : "").")
        }
        let has = ["model.safetensors", "tokenizer.json"].filter { System.exists(path + "/" + $0) }
        return BelfryError(
            .unsupported,
            has.isEmpty
                ? "The folder holds no model: config.json, model.safetensors and tokenizer.json are looked for."
                : "The folder has \(has.joined(separator: " and ")), but no config.json, which says what the model is.",
            at: .init(file: path),
            remedy:
                "Download the whole model: config.json, tokenizer.json, model.safetensors, and for a sentence encoder "
                + "modules.json and 1_Pooling.")
    }
}
