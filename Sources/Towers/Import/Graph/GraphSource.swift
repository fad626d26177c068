import Files
import Foundation

extension TowerSource {
    /// Whether `path` is an ONNX model, and no other kind of folder that may hold one beside its own weights.
    static func isGraph(_ path: String, _ options: Tower.ImportOptions) -> Bool {
        if !System.isDirectory(path) { return path.hasSuffix(".onnx") }
        return !System.exists(path + "/modules.json") && !isBareTransformer(path, options)
            && (options.graph != nil || System.exists(path + "/model.onnx") || System.exists(path + "/onnx/model.onnx"))
    }

    /// Whether a folder has the weights of a family that is done here, and nobody asks for the graph beside them.
    private static func isBareTransformer(_ path: String, _ options: Tower.ImportOptions) -> Bool {
        options.graph == nil && options.output == nil && !System.exists(path + "/" + FeatureSet.file)
            && System.exists(path + "/model.safetensors") && System.exists(path + "/config.json")
            && (try? BertConfiguration(path + "/config.json")) != nil
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
                remedy:
                    "Import it alone with \(.setting(.session)), without \(.setting(.pair)): both towers of the pair are made of it."
            )
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
                remedy:
                    "Name the other model with \(.setting(.pair)), or for a session model its output layer as “items” in the "
                    + "configuration.")
        }
        return (try part.source(), try part.itemSource(items))
    }
}
