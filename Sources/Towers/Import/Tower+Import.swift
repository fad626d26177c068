public import Files
import Foundation
import Vectors

extension Tower {
    /// Imports a trained model as a tower directory.
    ///
    /// | what `source` is | what it holds |
    /// |---|---|
    /// | a sentence-transformers folder | `modules.json`, the modules' folders |
    /// | a transformer's folder | `config.json`, `model.safetensors`, a tokenizer; see `SentenceTransformersFolder+Bare` for what no file says |
    /// | a cross-encoder's folder | `config.json` of a model for sequence classification with one label, its weights, a tokenizer |
    /// | a folder of static embeddings | `model.safetensors` with a table, `tokenizer.json`, perhaps model2vec's `config.json` |
    /// | an ONNX model | `model.onnx`, its external data, and beside it perhaps `features.json` and a tokenizer |
    /// | the Universal Sentence Encoder | `weights.npz` with `sp.model` beside it: the folder, or the `.npz` file |
    ///
    /// 1. Settings are resolved: the folder's `sentence_bert_config.json` rules the length, not the tokenizer's file.
    /// 2. The tower runs from the source once, on the canary texts: what is wrong shows before anything is copied.
    /// 3. Weights, tokenizer and configuration are copied into a directory beside `target`, which then takes its name.
    /// - Parameters:
    ///   - target: The tower's directory; nothing may be there, or an empty directory.
    ///   - replace: Whether a tower that is there already is replaced, in one step.
    ///   - dimension: Keeps that many components of a vector, the first ones. Refused unless the model's folder says
    ///     that it was trained for it.
    ///   - force: Cuts the vectors to `dimension` whatever the folder says.
    ///   - features: The configuration of an ONNX model's feature columns, if it is not the `features.json` beside it.
    ///   - options: What the model's own files do not say.
    ///   - note: Hears what was removed that an interrupted import had left, and what was taken for granted.
    /// - Throws: `unsupported` with the name of the part that is not done here; `conflict` if `target` exists, or holds
    ///   files that Belfry did not make and that would be lost.
    @discardableResult
    public static func importModel(
        from source: String, to target: String, replace: Bool = false, dimension: Int? = nil, force: Bool = false,
        features: String? = nil, options: ImportOptions = .init(), note: @escaping (String) -> Void = { _ in }
    ) throws(BelfryError) -> Tower {
        let path = withoutSlash(source)
        var options = options
        options.features = options.features ?? features
        var source = try TowerSource.read(path, options)
        if let dimension { try source.cut(to: dimension, force: force, path: path) }
        let tower = try install(source, at: target, replace: replace, note: note)
        if let assumption = source.assumption { note(assumption) }
        return tower
    }

    /// Makes the tower directory `target` of `source`.
    static func install(
        _ source: TowerSource, at target: String, replace: Bool, note: @escaping (String) -> Void = { _ in }
    ) throws(BelfryError) -> Tower {
        let target = withoutSlash(target)
        let place = try TowerPlace(target, .tower, replace: replace, note: note)
        let temporary = place.temporary
        var manifest = source.manifest
        manifest.canaries = SampleTexts.all
        func embedCanaries() throws(BelfryError) -> Matrix {
            var files = source.towerFiles
            for name in try source.convert?(temporary, &manifest) ?? [] {
                files.elsewhere[name] = temporary + "/" + name
                manifest.files[name] = try TowerManifest.File(of: temporary + "/" + name)
            }
            return try Tower(target, manifest, files: files).embed(canaries: manifest.canaries)
        }
        do throws(BelfryError) {
            try place.fill { () throws(BelfryError) in
                if source.convert != nil { try System.createDirectory(temporary) }
                let vectors = try embedCanaries()
                try System.createDirectory(temporary)
                try write(source.files, manifest, vectors, to: temporary)
                try prepare(temporary)
            }
        } catch {
            var error = error
            if let origin = source.origin, error.location?.file.hasPrefix(temporary) == true {
                error.location?.file = origin
            }
            throw error
        }
        return try load(target)
    }

    /// Writes what a tower would else make of its files each time that it is loaded: products' weights as they are laid
    /// out, a tokenizer's tables.
    private static func prepare(_ path: String) throws(BelfryError) {
        var manifest = try TowerManifest(folder: path)
        // A graph's weights are laid out by its operators.
        guard manifest.kind != EncoderKind.onnx.rawValue else { return }
        let kept = PreparedWeights()
        let tower = try Tower(path, manifest, preparing: kept)
        if let digest = manifest.files[PreparedWeights.weights]?.sha256,
            try kept.write(to: path + "/" + PreparedWeights.name, madeOf: digest)
        {
            manifest.files[PreparedWeights.name] = try .init(of: path + "/" + PreparedWeights.name)
        }
        if let digest = manifest.files["tokenizer.json"]?.sha256, let text = tower.model as? TextModel,
            let tokenizer = text.tokenizer as? WordPieceTokenizer
        {
            try tokenizer.writePrepared(to: path + "/" + PreparedTokenizer.name, madeOf: digest)
            manifest.files[PreparedTokenizer.name] = try .init(of: path + "/" + PreparedTokenizer.name)
        }
        try System.write(Data(manifest.text.utf8), to: path + "/" + TowerManifest.name)
    }

    static func withoutSlash(_ path: String) -> String {
        var path = path[...]
        while path.count > 1, path.last == "/" { path.removeLast() }
        return String(path)
    }

    private static func write(
        _ files: [String: String], _ manifest: TowerManifest, _ vectors: Matrix, to path: String
    ) throws(BelfryError) {
        var manifest = manifest
        for (name, source) in files.sorted(by: { $0.key < $1.key }) {
            let file = try MappedFile(source, access: .sequential)
            let copy = path + "/" + name
            try withExtendedLifetime(file) { () throws(BelfryError) in
                let writer = try FileWriter(copy)
                try writer.write(file.bytes)
                try writer.finish()
            }
            manifest.files[name] = try TowerManifest.File(of: copy)
        }
        let canaryFile = path + "/" + TowerManifest.canaryFile
        let writer = try NpyWriter(canaryFile, columns: vectors.columns)
        for row in 0..<vectors.rows { try writer.append(vectors[row]) }
        try writer.finish()
        manifest.files[TowerManifest.canaryFile] = try TowerManifest.File(of: canaryFile)
        try System.write(Data(manifest.text.utf8), to: path + "/" + TowerManifest.name)
    }
}
