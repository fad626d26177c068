import Files
import Foundation

/// A model's file, its configuration and where the files are that it names.
struct GraphPart {
    let model: String
    /// Nil if the configuration is to follow from the graph.
    let featuresFile: String?
    /// Where vocabularies and the tokenizer lie.
    let folder: String
    var settings: GraphSettings
    let options: Tower.ImportOptions
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
            let graph = try OnnxModel(target + "/" + TowerFiles.graph)
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
        // A graph that normalizes its vectors itself does so before they are cut.
        if probed.isUnit, case .cut? = manifest.modules.last { manifest.modules.append(.normalize) }
        var files = TowerFiles(folder: folder, elsewhere: dense)
        for name in [TowerFiles.graph, TowerFiles.graphWeights] { files.elsewhere[name] = target + "/" + name }
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
            options.maximumTokens, maximum: table.count ?? 1 << 16, fallback: file.truncation ?? table.count ?? 512)
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
                var names = [TowerFiles.graph, TowerFiles.graphWeights, FeatureSet.file]
                for name in columns.files {
                    try System.write(
                        System.read(folder + "/" + name, limit: FeatureVocabulary.maxBytes), to: target + "/" + name)
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
            error.remedy = error.remedy?.replacing(folder + "/" + TowerFiles.graph, with: model)
            throw error
        }
    }

    /// What is known before the graph was run: the rest is `finish`'s.
    private func manifest(_ modules: [TowerModule]) -> TowerManifest {
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
}
