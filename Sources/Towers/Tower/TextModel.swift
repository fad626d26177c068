import Files
import Vectors

/// The model of a tower of texts: a tokenizer, an encoder that knows its ids, and the head that makes a text's vector.
final class TextModel: TowerModel {
    let tokenizer: any Tokenizer
    let encoder: any TowerEncoder
    let head: TowerHead
    let weights: [Safetensors]
    /// Tokens that are read of a text; the rest is cut off.
    let maximumTokens: Int
    /// The tower's directory, for errors.
    let path: String
    let workspaces = Pool { Workspace() }

    /// Reads what the tower that `manifest` describes has at `paths`.
    /// - Parameter path: The tower's directory, which may not be there yet.
    init(
        _ kind: EncoderKind, _ manifest: TowerManifest, _ path: String, _ paths: TowerFiles,
        _ instructionSet: InstructionSet, _ precision: Precision, preparing: PreparedWeights?
    ) throws(BelfryError) {
        var products = Products(instructionSet, precision)
        products.prepared = preparing
        if preparing == nil, !products.usesBLAS, !products.rounds,
            let digest = manifest.files[PreparedWeights.weights]?.sha256,
            manifest.files[PreparedWeights.name] != nil
        {
            products.prepared = PreparedWeights(paths.path(PreparedWeights.name), madeOf: digest)
        }
        let tables = manifest.files[PreparedTokenizer.name].map { _ in manifest.files["tokenizer.json"]?.sha256 ?? "" }
        let parts = try EncoderParts(kind, paths, products, precision, tokenizerDigest: tables)
        guard products.prepared?.isUsedUp ?? true else {
            throw BelfryError(
                .corruptData, "The weights that are laid out are not those of the model.",
                at: .init(file: paths.path(PreparedWeights.name)),
                remedy: "Import the model again with \(.setting(.replacing)).")
        }
        guard manifest.maximumTokens <= parts.maximumTokens, manifest.maximumTokens > parts.tokenizer.templateCount
        else {
            throw .corrupt(
                "A text may have \(manifest.maximumTokens) tokens, but the model takes \(parts.maximumTokens) and the "
                    + "tokenizer adds \(parts.tokenizer.templateCount).", at: .init(file: path))
        }
        head = try TowerHead(
            manifest.modules, hidden: parts.encoder.size, isPooled: parts.encoder.isPooled, paths, products)
        guard head.dimension == manifest.dimension else {
            throw .corrupt(
                "The modules give \(head.dimension) components, not \(manifest.dimension).", at: .init(file: path))
        }
        (tokenizer, encoder) = (parts.tokenizer, parts.encoder)
        weights = [parts.weights] + head.files
        maximumTokens = manifest.maximumTokens
        self.path = path
    }

    var dimension: Int { head.dimension }
    var fields: [TowerField] { [TowerField(name: Self.field, type: .text, isRequired: true)] }
    var textField: String? { Self.field }
    var features: FeatureSet? { nil }
    var summary: ModelSummary {
        ModelSummary(words: encoder.summary, transformer: (encoder as? BertEncoder)?.configuration)
    }

    /// The only field that is read of a row.
    private static let field = "text"

    func embed(_ rows: [JSON], _ job: EmbeddingJob) throws(BelfryError) -> Matrix {
        var texts: [String] = []
        for (index, row) in rows.enumerated() {
            guard let text = row[Self.field]?.string else {
                let found = row[Self.field]
                throw FeatureProblem(
                    found.map { "The field must be a text, not \($0.kind)." } ?? "The field is missing."
                )
                .error(source: job.source, row: job.firstRow + index, field: Self.field)
            }
            texts.append(text)
        }
        return try embed(texts, job)
    }

    func embed(canaries: [String], source: String) throws(BelfryError) -> Matrix { try embed(canaries, EmbeddingJob()) }
}
