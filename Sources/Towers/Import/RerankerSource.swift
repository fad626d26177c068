import Files

// Cross-encoders: a transformer with a head that makes one number of a sequence.
extension TowerSource {
    private static let settings = "/config_sentence_transformers.json"

    /// Whether `path` is the folder of a transformer that classifies whole sequences, and nobody asks for its tokens' vectors.
    static func isReranker(_ path: String, _ options: Tower.ImportOptions) throws(BelfryError) -> Bool {
        guard options.pooling.isEmpty, System.exists(path + "/config.json") else { return false }
        if System.exists(path + "/modules.json") {
            guard System.exists(path + settings) else { return false }
            return try StrictObject(file: path + settings).string("model_type") == "CrossEncoder"
        }
        return try StrictObject(file: path + "/config.json").array("architectures")?
            .contains { $0.string?.hasSuffix("ForSequenceClassification") == true } ?? false
    }

    /// A folder with `config.json`, `model.safetensors` and a tokenizer, as the transformers library saves a model with one
    /// label, and sentence-transformers a CrossEncoder.
    static func reranker(_ folder: String, _ options: Tower.ImportOptions) throws(BelfryError) -> TowerSource {
        guard !options.normalizes else {
            throw BelfryError(
                .invalidInput, "The model is a reranker: it gives one number and no vector.", at: .init(file: folder),
                remedy:
                    "Leave \(.setting(.normalize)) out, or say with \(.setting(.pooling)) that its tokens' vectors are wanted."
            )
        }
        guard options.graph == nil, System.exists(folder + "/model.safetensors") || !hasGraph(folder) else {
            throw BelfryError(
                .unsupported, "A reranker is imported from its weights, not from a graph.", at: .init(file: folder),
                remedy: "Put model.safetensors, config.json and the tokenizer into one folder, and import that.")
        }
        try requireOneModule(folder)
        let file = folder + "/config.json"
        let configuration = try BertConfiguration(file)
        let weights = try Safetensors(SentenceTransformersFolder.weights(folder))
        let tokenizer = try Tokenizers.load(folder: folder)
        try PairFrame(tokenizer, separators: configuration.family.separators, folder: folder).check(folder)
        let head = try RerankerHead(configuration, weights, activation: activation(folder))

        var manifest = TowerManifest(dimension: 1, maximumTokens: 1, modules: head.modules)
        manifest.kind = EncoderKind(configuration.family).rawValue
        manifest.isReranker = true
        manifest.maximumTokens = try TransformerSettings(folder: folder, tokenizer, for: .scores).maximumTokens(
            options.maximumTokens, maximum: configuration.maximumPositions)
        var files = ["model.safetensors": weights.path, "config.json": file]
        for name in try Tokenizers.files(folder: folder) { files[name] = folder + "/" + name }
        var source = TowerSource(manifest: manifest, files: files, towerFiles: TowerFiles(folder: folder))
        source.origin = weights.path
        source.convert = { (target, _) throws(BelfryError) in try head.write(to: target) }
        return source
    }

    /// Newer versions of the library write down what a CrossEncoder is made of.
    private static func requireOneModule(_ folder: String) throws(BelfryError) {
        let list = folder + "/modules.json"
        guard System.exists(list) else { return }
        let modules = try SentenceTransformersFolder.entries(list, in: folder)
        guard modules.count == 1, modules[0].name == "Transformer", modules[0].folder == folder else {
            throw SentenceTransformersFolder.refuse(
                "chain of modules", modules.map(\.name).joined(separator: ", "), list)
        }
        let json = try StrictObject(file: folder + settings)
        guard try json.object("prompts")?.members.isEmpty ?? true else { throw json.unknown("prompts") }
    }

    /// What the library does to the number: it says so in a file of its own, in older versions in the model's settings, and is
    /// the sigmoid where nothing is said.
    private static func activation(_ folder: String) throws(BelfryError) -> String {
        let model = try StrictObject(file: folder + "/config.json")
        var name = try model.string("sbert_ce_default_activation_function")
        if let own = try model.object("sentence_transformers")?.string("activation_fn") { name = own }
        if System.exists(folder + settings),
            let own = try StrictObject(file: folder + settings).string("activation_fn")
        {
            name = own
        }
        switch name?.split(separator: ".").last {
        case "Identity": return "identity"
        case "Sigmoid", nil: return "sigmoid"
        default:
            throw BelfryError(
                .unsupported, "The activation “\(name ?? "")” of the head is not supported.", at: .init(file: folder),
                remedy: "Identity and Sigmoid are.")
        }
    }

    private static func hasGraph(_ folder: String) -> Bool {
        System.exists(folder + "/model.onnx") || System.exists(folder + "/onnx/model.onnx")
    }
}

/// What a cross-encoder makes of the first token's vector: two products, of which the second one has one output.
private struct RerankerHead {
    private struct Product {
        let file: String
        let tensor: String
        let outputs: Int
        let activation: String
    }

    private let products: [Product]
    private let hidden: Int
    private let weights: Safetensors

    init(_ configuration: BertConfiguration, _ weights: Safetensors, activation: String) throws(BelfryError) {
        (hidden, self.weights) = (configuration.hiddenSize, weights)
        let (first, inner, last) =
            switch configuration.family {
            case .bert: ("bert.pooler.dense", "tanh", "classifier")
            case .roberta, .mpnet: ("classifier.dense", "tanh", "classifier.out_proj")
            case .distilbert: ("pre_classifier", "relu", "classifier")
            }
        products = [
            Product(file: "dense-1.safetensors", tensor: first, outputs: hidden, activation: inner),
            Product(file: "dense-2.safetensors", tensor: last, outputs: 1, activation: activation),
        ]
        let labels = try weights.required(last + ".weight", "[1, \(hidden)]").shape.first ?? 0
        guard labels == 1 else {
            throw BelfryError(
                .unsupported, "The model sorts sequences into \(labels) classes: a reranker gives one number.",
                at: weights.location(last + ".weight"),
                remedy: "Take a model that was trained with one label (num_labels=1).")
        }
    }

    var modules: [TowerModule] {
        [.pooling([.cls])]
            + products.map {
                .dense(file: $0.file, inputs: hidden, outputs: $0.outputs, bias: true, activation: $0.activation)
            }
    }

    /// Writes the products into files of their own.
    func write(to folder: String) throws(BelfryError) -> [String] {
        for product in products {
            var writer = SafetensorsWriter()
            for (name, shape) in [("weight", [product.outputs, hidden]), ("bias", [product.outputs])] {
                let values = try weights.weights("\(product.tensor).\(name)", shape: shape)
                let count = shape.reduce(1, *)
                writer.add("linear.\(name)", shape, Array(UnsafeBufferPointer(start: values.pointer, count: count)))
            }
            try writer.write(to: folder + "/" + product.file)
        }
        return products.map(\.file)
    }
}
