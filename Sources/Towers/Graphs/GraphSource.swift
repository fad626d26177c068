import Files
import Foundation

extension TowerSource {
    /// Whether `path` is an ONNX model, and no other kind of folder that may hold one beside its own weights.
    static func isGraph(_ path: String, _ options: Tower.ImportOptions) -> Bool {
        if !System.isDirectory(path) { return path.hasSuffix(".onnx") }
        return !System.exists(path + "/modules.json")
            && (options.graph != nil || System.exists(path + "/model.onnx") || System.exists(path + "/onnx/model.onnx"))
    }

    /// An ONNX model with its feature columns: the `.onnx` file, or a folder with a `model.onnx` (or `onnx/model.onnx`).
    ///
    /// Its configuration is the `features.json` that the options name, or the one beside the model, or one that follows
    /// from the graph's inputs and the other files of the folder.
    static func graph(_ path: String, _ options: Tower.ImportOptions) throws(BelfryError) -> TowerSource {
        let part = try GraphPart(path, options)
        guard part.settings.items == nil else {
            throw BelfryError(
                .invalidInput, "The configuration describes a session model: it becomes a pair of towers.",
                at: .init(file: part.featuresFile ?? path, place: "items"),
                remedy: "Import it alone with --session, without --pair: both towers of the pair are made of it.")
        }
        return try part.source()
    }

    /// The encoder of a sentence-transformers folder as a graph.
    /// - Parameters:
    ///   - file: The `.onnx` file.
    ///   - folder: Where the tokenizer lies and the encoder's settings.
    ///   - settings: What the folder's modules say.
    ///   - dense: Files of weights that the modules have.
    static func graph(
        _ file: String, folder: String, _ settings: GraphSettings, _ dense: [String: String],
        _ options: Tower.ImportOptions
    ) throws(BelfryError) -> TowerSource {
        try GraphPart(file, folder: folder, settings, dense, options).source()
    }

    /// A session model: its query tower, and the item tower that is the rows of its output layer.
    static func session(_ path: String, features: String?) throws(BelfryError) -> (
        query: TowerSource, item: TowerSource
    ) {
        var options = Tower.ImportOptions()
        options.features = features
        let part = try GraphPart(path, options)
        guard let items = part.settings.items else {
            throw BelfryError(
                .invalidInput, "Nothing says where the item tower is.", at: .init(file: part.featuresFile ?? path),
                remedy: "Name the other model with --pair, or for a session model its output layer as “items” in the "
                    + "configuration.")
        }
        return (try part.source(), try part.itemSource(items))
    }
}

/// A model's file, its configuration and where the files are that it names.
private struct GraphPart {
    let model: String
    /// Nil if the configuration is to follow from the graph.
    let featuresFile: String?
    /// Where vocabularies and the tokenizer lie.
    let folder: String
    private(set) var settings: GraphSettings
    private let options: Tower.ImportOptions
    /// Files of the modules.
    private var dense: [String: String] = [:]

    init(_ path: String, _ options: Tower.ImportOptions) throws(BelfryError) {
        var model = path
        if System.isDirectory(path) {
            let names = options.graph.map { [$0] } ?? ["model.onnx", "onnx/model.onnx"]
            model = path + "/" + (names.first { System.exists(path + "/" + $0) } ?? names[0])
        }
        guard System.exists(model) else {
            throw BelfryError(.notFound, "There is no such model.", at: .init(file: model))
        }
        self.model = model
        self.options = options
        let beside = System.parent(of: model) + "/" + FeatureSet.file
        featuresFile = options.features ?? (System.exists(beside) ? beside : nil)
        if let featuresFile {
            folder = System.isDirectory(path) ? path : System.parent(of: featuresFile)
            guard options.pooling.isEmpty, !options.normalizes, options.output == nil, options.maximumTokens == nil
            else {
                throw BelfryError(
                    .invalidInput, "The model has a configuration of its own, which says how its vectors are made.",
                    at: .init(file: featuresFile),
                    remedy: "Write output, pooling, normalize and length into it, and leave the options out.")
            }
            settings = try GraphSettings(file: featuresFile)
        } else {
            folder = System.isDirectory(path) ? path : try Self.folder(of: model)
            settings = try GraphSettings(folder: folder, options)
        }
    }

    init(
        _ model: String, folder: String, _ settings: GraphSettings, _ dense: [String: String],
        _ options: Tower.ImportOptions
    ) {
        (self.model, self.folder, self.settings, self.dense, self.options) = (model, folder, settings, dense, options)
        featuresFile = nil
    }

    /// Where the tokenizer of a model's file lies: beside it, or outside of the folder `onnx`.
    private static func folder(of model: String) throws(BelfryError) -> String {
        let own = System.parent(of: model)
        let outer = System.parent(of: own)
        let isInside = own.hasSuffix("/onnx") && outer != own
        if isInside, try Tokenizers.files(folder: own).isEmpty, try !Tokenizers.files(folder: outer).isEmpty {
            return outer
        }
        return own
    }

    /// The tower of the graph itself.
    func source() throws(BelfryError) -> TowerSource {
        var part = self
        try part.chooseOutput(OnnxPacker(model))
        let chosen = part
        var files = dense
        var elsewhere = dense
        if let featuresFile {
            elsewhere[FeatureSet.file] = featuresFile
            files[FeatureSet.file] = featuresFile
            for name in try FeatureSet(file: featuresFile, folder: folder).files { files[name] = folder + "/" + name }
        } else {
            for name in try Tokenizers.files(folder: folder) { files[name] = folder + "/" + name }
        }
        var source = TowerSource(
            manifest: chosen.manifest(chosen.settings.modules), files: files,
            towerFiles: TowerFiles(folder: folder, elsewhere: elsewhere))
        source.matryoshka = try Matryoshka(folder: folder)
        source.origin = model
        source.convert = { (target, manifest) throws(BelfryError) in
            try chosen.naming(insteadOf: target) { () throws(BelfryError) in
                try chosen.write(to: target, &manifest)
            }
        }
        return source
    }

    /// Writes the graph, its weights and, if it follows from the graph, the configuration. The names of the files.
    private func write(to target: String, _ manifest: inout TowerManifest) throws(BelfryError) -> [String] {
        var packer = try OnnxPacker(model)
        try packer.keep(output: settings.output!)
        var names = try packer.write(to: target)
        var features = featuresFile
        if features == nil {
            features = target + "/" + FeatureSet.file
            let graph = try OnnxModel(target + "/" + OnnxPacker.modelFile)
            let text = try FeatureSet.derived(graph, text: textPlan(graph)).text(pretty: true) + "\n"
            try System.write(Data(text.utf8), to: features!)
            names.append(FeatureSet.file)
        }
        let columns = try FeatureSet(file: features!, folder: folder)
        let probed = try GraphProbe(model: model, featuresFile: featuresFile, pools: settings.pools)
            .run(&packer, columns, target)
        var size = probed.size
        if settings.items?.bias != nil {
            SessionItems.appendOne(to: &packer, size: size)
            size += 1
        }
        try packer.writeGraph(to: target)
        try finish(&manifest, size: size, columns)
        // A graph that normalises its vectors itself does so before they are cut.
        if probed.isUnit, case .cut? = manifest.modules.last { manifest.modules.append(.normalize) }
        var files = TowerFiles(folder: folder, elsewhere: dense)
        for name in [OnnxPacker.modelFile, OnnxPacker.weightsFile] { files.elsewhere[name] = target + "/" + name }
        files.elsewhere[FeatureSet.file] = features!
        let decided = try RowTrial(manifest, files, columns).decided()
        (manifest.rows, manifest.rangesPerRow) = (decided.rows, decided.rangesPerRow)
        return names
    }

    /// How the graph's text is filled; nil if there is no tokenizer.
    private func textPlan(_ graph: OnnxModel) throws(BelfryError) -> TextPlan? {
        guard try !Tokenizers.files(folder: folder).isEmpty else { return nil }
        let tokenizer = try Tokenizers.load(folder: folder)
        let file = try TokenizerFileSettings(folder: folder)
        let table = try PositionTable(folder: folder, padding: file.padding)
        // Beyond the table there are no positions; without one a text may be as long as the model was meant to take.
        let length = try TransformerSettings(folder: folder, tokenizer).maximumTokens(
            options.maximumTokens, most: table.count ?? 1 << 16, usual: file.truncation ?? table.count ?? 512)
        return TextPlan(
            length: length, padding: file.padding, padsLeft: file.padsLeft, firstPosition: table.firstPosition)
    }

    /// The tower of the output layer's rows.
    func itemSource(_ items: SessionItems) throws(BelfryError) -> TowerSource {
        var source = TowerSource(
            manifest: manifest(settings.modules.filter { if case .pooling = $0 { false } else { true } }), files: [:],
            towerFiles: TowerFiles(folder: folder))
        source.origin = model
        source.convert = { (target, manifest) throws(BelfryError) in
            try naming(insteadOf: target) { () throws(BelfryError) in
                var packer = try OnnxPacker(model)
                let size = try items.write(from: &packer, to: target)
                let file = target + "/" + FeatureSet.file
                try System.write(Data((items.features.text(pretty: true) + "\n").utf8), to: file)
                let columns = try FeatureSet(file: file, folder: folder)
                var names = [OnnxPacker.modelFile, OnnxPacker.weightsFile, FeatureSet.file]
                for name in columns.files {
                    try System.write(
                        System.read(folder + "/" + name, limit: FeatureVocabulary.mostBytes), to: target + "/" + name)
                    names.append(name)
                }
                try finish(&manifest, size: size, columns)
                return names
            }
        }
        return source
    }

    /// Errors about a file that is being made name the one that the user has.
    private func naming<Result>(
        insteadOf folder: String, _ body: () throws(BelfryError) -> Result
    ) throws(BelfryError) -> Result {
        do throws(BelfryError) { return try body() } catch {
            var error = error
            if error.location?.file.hasPrefix(folder) == true { error.location?.file = model }
            error.remedy = error.remedy?.replacing(folder + "/" + OnnxPacker.modelFile, with: model)
            throw error
        }
    }

    /// What is known before the graph was run: the rest is `finish`'s.
    private func manifest(_ modules: [TowerManifest.Module]) -> TowerManifest {
        var manifest = TowerManifest(dimension: 1 << 18, maximumTokens: 1, modules: modules)
        manifest.kind = EncoderKind.onnx.rawValue
        manifest.prompts = settings.prompts
        manifest.defaultPrompt = settings.defaultPrompt
        manifest.includesPrompt = settings.includesPrompt
        return manifest
    }

    private func finish(_ manifest: inout TowerManifest, size: Int, _ columns: FeatureSet) throws(BelfryError) {
        manifest.dimension = size
        for module in manifest.modules {
            switch module {
            case .pooling(let modes): manifest.dimension *= modes.count
            case .dense(_, _, let outputs, _, _): manifest.dimension = outputs
            case .normalize, .layerNorm: break
            case .cut(let count):
                guard count <= manifest.dimension else {
                    throw BelfryError(
                        .invalidInput,
                        "The model gives \(manifest.dimension) components: they cannot be cut to \(count).",
                        at: .init(file: featuresFile ?? model))
                }
                manifest.dimension = count
            }
        }
        manifest.maximumTokens = max(columns.longestList, 1)
        manifest.canaries = columns.samples().map { $0.text() }
        guard !manifest.canaries.isEmpty else {
            throw BelfryError(
                .unsupported, "No row could be made up that the columns take, to try the model with.",
                at: .init(file: columns.path))
        }
    }

    /// Decides which value of the graph is the vector, or the tokens' vectors.
    ///
    /// It is the one that somebody has named, or the only one that can be it. Where the folder says how tokens are
    /// pooled, it is theirs. Among several nothing is taken in silence.
    private mutating func chooseOutput(_ packer: OnnxPacker) throws(BelfryError) {
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
            remedy: "Name it with --output, or as “output” in the configuration"
                + (tokens.isEmpty ? "." : ", and with --pooling how tokens' vectors (3-D) become a text's."))
    }
}
