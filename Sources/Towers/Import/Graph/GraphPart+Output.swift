import Files

extension GraphPart {
    /// Decides which value of the graph is the vector, or the tokens' vectors.
    ///
    /// It is the one that somebody has named, or the only one that can be it. Where the folder says how tokens are
    /// pooled, it is theirs. Among several nothing is taken in silence.
    mutating func chooseOutput(_ packer: OnnxPacker) throws(BelfryError) {
        guard settings.output == nil else { return }
        let outputs = packer.vectorOutputs
        func named(_ names: [String], _ rank: Int) -> String? {
            names.first { name in outputs.contains { $0.name == name && $0.rank ?? rank == rank } }
        }
        let tokens = outputs.filter { $0.rank == 3 }
        if outputs.count == 1 {
            settings.output = outputs[0].name
        } else if settings.pools {
            settings.output = tokens.count == 1 ? tokens[0].name : named(["last_hidden_state", "token_embeddings"], 3)
        } else {
            // What exporters call the vector of the whole model, of a text or of an image.
            let whole = ["sentence_embedding", "text_embeds", "image_embeds"].compactMap { named([$0], 2) }
            if whole.count == 1 { settings.output = whole[0] }
        }
        if settings.pools, options.pooling.isEmpty, tokens.isEmpty, let name = named(["sentence_embedding"], 2) {
            // All modules of the model are in the graph already.
            (settings.output, settings.modules) = (name, [])
        }
        guard settings.output == nil else { return }
        let names = outputs.map { "\($0.name) (\($0.rank.map { "\($0)-D" } ?? "unknown"))" }.joined(separator: ", ")
        throw BelfryError(
            .invalidInput,
            outputs.isEmpty
                ? "None of the model's outputs can be a vector: \(packer.outputs.map(\.name).joined(separator: ", "))."
                : "The model has several outputs, and nothing says which is the vector: \(names).",
            at: .init(file: model),
            remedy: "Name it with \(.setting(.output)), or as “output” in the configuration"
                + (tokens.isEmpty ? "." : ", and with \(.setting(.pooling)) how tokens' vectors (3-D) become a text's.")
        )
    }
}
