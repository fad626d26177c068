import Files

extension TowerSource {
    /// Whether `folder` has a table of token vectors and a tokenizer and no more: model2vec's layout, or a single file
    /// of weights with a tokenizer beside it.
    /// - Throws: What is wrong with the file of weights, if there is one.
    static func isStatic(folder: String) throws(BelfryError) -> Bool {
        let file = folder + "/model.safetensors"
        guard System.exists(file) else { return false }
        return StaticEncoder.table(of: try Safetensors(file)) != nil
    }

    /// A folder with weights, `tokenizer.json` and perhaps a `config.json` that says `normalize`.
    static func staticFolder(_ path: String, weights: String) throws(BelfryError) -> TowerSource {
        let encoder = try StaticEncoder(Safetensors(weights))
        // Without tokens around a text, the tokenizer's own limit is that of its tokens.
        let limit = try TokenizerFileSettings(folder: path).truncation ?? StaticEncoder.maximumTokens
        var manifest = TowerManifest(
            dimension: encoder.size, maximumTokens: min(limit, StaticEncoder.maximumTokens), modules: [])
        manifest.kind = EncoderKind.static.rawValue
        let config = path + "/config.json"
        if System.exists(config), try StrictObject(file: config).bool("normalize", default: false) {
            manifest.modules.append(.normalize)
        }
        var files = ["model.safetensors": weights]
        for name in try Tokenizers.files(folder: path) { files[name] = path + "/" + name }
        return TowerSource(
            manifest: manifest, files: files, towerFiles: TowerFiles(folder: path),
            matryoshka: try Matryoshka(folder: path))
    }
}
