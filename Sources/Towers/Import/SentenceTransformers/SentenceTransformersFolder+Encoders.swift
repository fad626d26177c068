import Files

/// The first module, which makes vectors of tokens: a transformer, a table, or a graph.
extension SentenceTransformersFolder {
    mutating func readTransformer(_ folder: String) throws(BelfryError) {
        let isSharded =
            !System.exists(folder + "/model.safetensors")
            && System.exists(folder + "/" + SafetensorsShards.index)
        if let file = try graphFile(folder, hasWeights: isSharded) {
            graph = (file, folder)
            manifest.kind = EncoderKind.onnx.rawValue
            manifest.dimension = 1 << 18
            return
        }
        if isSharded {
            let shards = try SafetensorsShards(folder: folder)
            source.origin = folder + "/" + SafetensorsShards.index
            source.convert = { (target, _) throws(BelfryError) in
                try shards.write(to: target + "/model.safetensors")
                return ["model.safetensors"]
            }
        } else {
            source.files["model.safetensors"] = try Self.weights(folder)
        }
        source.files["config.json"] = folder + "/config.json"
        for name in try Tokenizers.files(folder: folder) { source.files[name] = folder + "/" + name }
        let configuration = try BertConfiguration(folder + "/config.json")
        let tokenizer = try Tokenizers.load(folder: folder)
        manifest.kind = EncoderKind(configuration.family).rawValue
        manifest.dimension = configuration.hiddenSize
        manifest.maximumTokens = try TransformerSettings(folder: folder, tokenizer).maximumTokens(
            options.maximumTokens, maximum: configuration.maximumPositions)
    }

    /// The ONNX file that is taken: the one that was named, or the usual one where there are no weights beside it.
    private func graphFile(_ folder: String, hasWeights: Bool) throws(BelfryError) -> String? {
        if let name = options.graph {
            if let file = [folder, path].map({ $0 + "/" + name }).first(where: System.exists) { return file }
            let known = try Self.graphs(in: folder).joined(separator: ", ")
            throw BelfryError(
                .notFound, "The folder has no graph “\(name)”.", at: .init(file: folder),
                remedy: known.isEmpty ? "It has no .onnx file at all." : "It has: \(known).")
        }
        guard !hasWeights, !System.exists(folder + "/model.safetensors") else { return nil }
        if let file = ["/onnx/model.onnx", "/model.onnx"].map({ folder + $0 }).first(where: System.exists) {
            return file
        }
        let known = try Self.graphs(in: folder)
        guard let first = known.first else { return nil }
        throw BelfryError(
            .invalidInput, "The folder has no weights, and no graph that is called onnx/model.onnx.",
            at: .init(file: folder),
            remedy: "Name one of its graphs: \(.setting(.graph)) \(first). It has: \(known.joined(separator: ", "))."
        )
    }

    /// The modules and settings that were read are those of a graph.
    mutating func becomeGraph(_ file: String, _ folder: String) throws(BelfryError) {
        var settings = GraphSettings()
        settings.output = options.output
        settings.modules = manifest.modules
        settings.prompts = manifest.prompts
        settings.defaultPrompt = manifest.defaultPrompt
        settings.includesPrompt = manifest.includesPrompt
        let dense = source.files.filter { $0.key.hasPrefix("dense-") }
        let (matryoshka, assumption) = (source.matryoshka, source.assumption)
        source = try .graph(file, folder: folder, settings, dense, options)
        (source.matryoshka, source.assumption) = (matryoshka, assumption)
    }

    mutating func readStatic(_ folder: String) throws(BelfryError) {
        source = try .staticFolder(folder, weights: Self.weights(folder))
        // The modules say whether vectors are normalized.
        manifest.modules = []
        if let wanted = options.maximumTokens { try source.limitTokens(to: wanted, path: path) }
    }

    /// The file of weights in `folder`.
    static func weights(_ folder: String) throws(BelfryError) -> String {
        let file = folder + "/model.safetensors"
        if System.exists(file) { return file }
        if System.exists(folder + "/pytorch_model.bin") {
            throw BelfryError(
                .unsupported, "The weights are a Python pickle (pytorch_model.bin), which can run any code.",
                at: .init(file: folder),
                remedy: "Save them as safetensors: SentenceTransformer(folder).save(other_folder, "
                    + "safe_serialization=True).")
        }
        if System.exists(folder + "/" + SafetensorsShards.index) {
            throw BelfryError(
                .unsupported, "The weights are split into several files.", at: .init(file: folder),
                remedy: "Save them as one: model.save_pretrained(folder, max_shard_size=\"100GB\").")
        }
        throw BelfryError(
            .notFound, "There are no weights: model.safetensors is missing.", at: .init(file: folder),
            remedy: "Download the whole model; if it is fetched with git, run `git lfs pull`.")
    }
}
