import Files
import Foundation

extension TowerSource {
    /// Whether `path` is an ONNX model, and no other kind of folder that may hold one beside its own weights.
    static func isGraph(_ path: String) -> Bool {
        if !System.isDirectory(path) { return path.hasSuffix(".onnx") }
        return !System.exists(path + "/modules.json")
            && (System.exists(path + "/model.onnx") || System.exists(path + "/onnx/model.onnx"))
    }

    /// An ONNX model with its feature columns.
    ///
    /// - Parameters:
    ///   - path: The `.onnx` file, or a folder with a `model.onnx` (or `onnx/model.onnx`).
    ///   - features: Its configuration; without it the `features.json` beside the model, or one that follows from the
    ///     graph's inputs.
    static func graph(_ path: String, features: String?) throws(BelfryError) -> TowerSource {
        let part = try GraphPart(path, features: features)
        guard part.settings.items == nil else {
            throw BelfryError(
                .invalidInput, "The configuration describes a session model: it becomes a pair of towers.",
                at: .init(file: part.featuresFile ?? path, place: "items"),
                remedy: "Import it alone with --session, without --pair: both towers of the pair are made of it.")
        }
        return try part.source()
    }

    /// A session model: its query tower, and the item tower that is the rows of its output layer.
    static func session(_ path: String, features: String?) throws(BelfryError) -> (
        query: TowerSource, item: TowerSource
    ) {
        let part = try GraphPart(path, features: features)
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

    init(_ path: String, features: String?) throws(BelfryError) {
        var model = path
        if System.isDirectory(path) {
            model =
                [path + "/model.onnx", path + "/onnx/model.onnx"].first(where: System.exists) ?? path + "/model.onnx"
        }
        guard System.exists(model) else {
            throw BelfryError(.notFound, "There is no such model.", at: .init(file: model))
        }
        self.model = model
        let beside = System.parent(of: model) + "/" + FeatureSet.file
        featuresFile = features ?? (System.exists(beside) ? beside : nil)
        folder = System.isDirectory(path) ? path : System.parent(of: featuresFile ?? model)
        settings = GraphSettings()
        if let featuresFile { settings = try GraphSettings(file: featuresFile) }
    }

    /// The tower of the graph itself.
    func source() throws(BelfryError) -> TowerSource {
        var files: [String: String] = [:]
        var elsewhere: [String: String] = [:]
        if let featuresFile {
            elsewhere[FeatureSet.file] = featuresFile
            files[FeatureSet.file] = featuresFile
            for name in try FeatureSet(file: featuresFile, folder: folder).files { files[name] = folder + "/" + name }
        } else {
            for name in try Tokenizers.files(folder: folder) { files[name] = folder + "/" + name }
        }
        var source = TowerSource(
            manifest: manifest(settings.modules), files: files,
            towerFiles: TowerFiles(folder: folder, elsewhere: elsewhere))
        source.matryoshka = try Matryoshka(folder: folder)
        source.origin = model
        source.convert = { (target, manifest) throws(BelfryError) in
            try naming(model, insteadOf: target) { () throws(BelfryError) in try write(to: target, &manifest) }
        }
        return source
    }

    /// Writes the graph, its weights and, if it follows from the graph, the configuration. The names of the files.
    private func write(to target: String, _ manifest: inout TowerManifest) throws(BelfryError) -> [String] {
        var packer = try OnnxPacker(model)
        try packer.keep(output: output(of: packer))
        var names = try packer.write(to: target)
        var features = featuresFile
        if features == nil {
            features = target + "/" + FeatureSet.file
            let graph = try OnnxModel(target + "/" + OnnxPacker.modelFile)
            let text = try FeatureSet.derived(graph, folder: folder).text(pretty: true) + "\n"
            try System.write(Data(text.utf8), to: features!)
            names.append(FeatureSet.file)
        }
        let columns = try FeatureSet(file: features!, folder: folder)
        let probed = try probe(&packer, columns, target)
        var size = probed.size
        if settings.items?.bias != nil {
            SessionItems.appendOne(to: &packer, size: size)
            size += 1
        }
        try packer.writeGraph(to: target)
        try finish(&manifest, size: size, columns)
        // A graph that normalises its vectors itself does so before they are cut.
        if probed.isUnit, case .cut? = manifest.modules.last { manifest.modules.append(.normalize) }
        return names
    }

    /// The tower of the output layer's rows.
    func itemSource(_ items: SessionItems) throws(BelfryError) -> TowerSource {
        var source = TowerSource(
            manifest: manifest(settings.modules.filter { if case .pooling = $0 { false } else { true } }), files: [:],
            towerFiles: TowerFiles(folder: folder))
        source.origin = model
        source.convert = { (target, manifest) throws(BelfryError) in
            try naming(model, insteadOf: target) { () throws(BelfryError) in
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
        _ file: String, insteadOf folder: String, _ body: () throws(BelfryError) -> Result
    ) throws(BelfryError) -> Result {
        do throws(BelfryError) { return try body() } catch {
            var error = error
            if error.location?.file.hasPrefix(folder) == true { error.location?.file = file }
            throw error
        }
    }

    /// What is known before the graph was run: the rest is `finish`'s.
    private func manifest(_ modules: [TowerManifest.Module]) -> TowerManifest {
        var manifest = TowerManifest(dimension: 1 << 18, maximumTokens: 1, modules: modules)
        manifest.kind = EncoderKind.onnx.rawValue
        manifest.prompts = settings.prompts
        return manifest
    }

    private func finish(_ manifest: inout TowerManifest, size: Int, _ columns: FeatureSet) throws(BelfryError) {
        manifest.dimension = manifest.pooledSize(hidden: size)
        for case .cut(let count) in manifest.modules {
            guard count <= manifest.dimension else {
                throw BelfryError(
                    .invalidInput, "The model gives \(manifest.dimension) components: they cannot be cut to \(count).",
                    at: .init(file: featuresFile ?? model))
            }
            manifest.dimension = count
        }
        manifest.maximumTokens = max(columns.longestList, 1)
        manifest.canaries = columns.samples().map { $0.text() }
        guard !manifest.canaries.isEmpty else {
            throw BelfryError(
                .unsupported, "No row could be made up that the columns take, to try the model with.",
                at: .init(file: columns.path))
        }
    }

    /// The value of the graph that is the vector.
    private func output(of packer: OnnxPacker) throws(BelfryError) -> String {
        if let name = settings.output { return name }
        let outputs = packer.outputs
        if outputs.count == 1 { return outputs[0].name }
        // What is pooled by the graph itself comes before what still has to be.
        for rank in [2, 3] {
            let candidates = outputs.filter { $0.rank == rank }
            if candidates.count == 1 { return candidates[0].name }
            guard candidates.isEmpty else { break }
        }
        let names = outputs.map { "\($0.name) (\($0.rank.map { "\($0)-D" } ?? "unknown"))" }.joined(separator: ", ")
        throw BelfryError(
            .invalidInput, "The model has several outputs, and nothing says which is the vector: \(names).",
            at: .init(file: model), remedy: "Name it as “output” in the configuration.")
    }

    /// Runs the graph on made-up rows, and writes down what its output is. Components of a vector, and whether all
    /// vectors but those of zeros are of unit length.
    private func probe(
        _ packer: inout OnnxPacker, _ columns: FeatureSet, _ target: String
    ) throws(BelfryError) -> (size: Int, isUnit: Bool) {
        let graph = try OnnxModel(target + "/" + OnnxPacker.modelFile)
        let binding = try GraphBinding(columns, graph)
        var rows = Array(columns.samples().prefix(binding.fixedRows ?? 2))
        guard let last = rows.last else {
            throw BelfryError(
                .unsupported, "No row could be made up that the columns take, to try the model with.",
                at: .init(file: columns.path))
        }
        while rows.count < binding.fixedRows ?? 2 { rows.append(last) }
        let batch = FeatureBatch()
        try columns.encode(rows, into: batch)
        let name = graph.outputs[0].name
        guard let found = try graph.run(binding.tensors(batch))[0] else { return (0, false) }
        let shape = found.shape
        guard (2...3).contains(shape.rank), shape[0] == rows.count, found.type.isFloat else {
            throw BelfryError(
                .unsupported,
                "The output “\(name)” is \(found.type) \(shape) for \(rows.count) rows: not a vector for "
                    + "each row.", at: .init(file: model),
                remedy: "Name another value as “output” in the configuration.")
        }
        let pools = settings.modules.contains { if case .pooling = $0 { true } else { false } }
        guard pools == (shape.rank == 3) else {
            throw BelfryError(
                .invalidInput,
                pools
                    ? "The output “\(name)” is \(shape): it is pooled already."
                    : "The output “\(name)” is \(shape): a vector for each element, which must be pooled.",
                at: .init(file: featuresFile ?? model),
                remedy: pools
                    ? "Leave “pooling” out."
                    : "Write \"pooling\": \"mean\" (or what it was trained with) into "
                        + "the configuration.")
        }
        packer.setOutput(found.type, rank: shape.rank, size: shape[shape.rank - 1])
        let size = shape[shape.rank - 1]
        let values = try found.floats(model)
        let lengths = stride(from: 0, to: values.count, by: max(size, 1)).map { start in
            values[start..<start + size].reduce(0) { $0 + $1 * $1 }.squareRoot()
        }.filter { $0 > 0 }
        let isUnit = shape.rank == 2 && !lengths.isEmpty && lengths.allSatisfy { abs($0 - 1) < 1e-3 }
        return (size, isUnit)
    }
}
