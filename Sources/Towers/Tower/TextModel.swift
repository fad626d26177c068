import Files
import Vectors

/// The model of a tower of texts: a tokenizer, an encoder that knows its ids, and the head that makes a text's vector.
final class TextModel: TowerModel {
    let tokenizer: any Tokenizer
    let encoder: any TowerEncoder
    let head: TowerHead
    /// How it reads a query and a text together; nil unless it is a cross-encoder.
    let pairs: PairFrame?
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
        pairs = try manifest.isReranker ? Self.pairFrame(parts, manifest, paths) : nil
        weights = [parts.weights] + head.files
        maximumTokens = manifest.maximumTokens
        self.path = path
    }

    private static func pairFrame(
        _ parts: EncoderParts, _ manifest: TowerManifest, _ paths: TowerFiles
    ) throws(BelfryError) -> PairFrame {
        guard let bert = parts.encoder as? BertEncoder, manifest.dimension == 1 else {
            throw .corrupt("A reranker is a transformer that gives one number.", at: .init(file: paths.folder))
        }
        let frame = try PairFrame(
            parts.tokenizer, separators: bert.configuration.family.separators, folder: paths.folder)
        guard manifest.maximumTokens >= frame.count + 2 else {
            throw .corrupt(
                "\(manifest.maximumTokens) tokens leave no room for a query and a text.", at: .init(file: paths.folder))
        }
        return frame
    }

    var dimension: Int { head.dimension }
    var fields: [TowerField] {
        pairs == nil ? [TowerField(name: Self.field, type: .text, isRequired: true)] : Self.pairFields
    }
    var textField: String? { pairs == nil ? Self.field : nil }
    var features: FeatureSet? { nil }
    var summary: ModelSummary {
        ModelSummary(words: encoder.summary, transformer: (encoder as? BertEncoder)?.configuration)
    }

    /// The only field that is read of a row.
    private static let field = "text"

    func embed(_ rows: [JSON], _ job: EmbeddingJob) throws(BelfryError) -> Matrix {
        func text(_ field: String, _ index: Int) throws(BelfryError) -> String {
            let found = rows[index][field]
            if let text = found?.string { return text }
            throw FeatureProblem(found.map { "The field must be a text, not \($0.kind)." } ?? "The field is missing.")
                .error(source: job.source, row: job.firstRow + index, field: field)
        }
        guard pairs == nil else {
            var pairs: [(query: String, text: String)] = []
            for index in rows.indices {
                pairs.append((try text(Self.pairFields[0].name, index), try text(Self.pairFields[1].name, index)))
            }
            return try embed(pairs: pairs, job)
        }
        var texts: [String] = []
        for index in rows.indices { texts.append(try text(Self.field, index)) }
        return try embed(texts, job)
    }

    /// A cross-encoder reads each canary with the next one.
    func embed(canaries: [String], source: String) throws(BelfryError) -> Matrix {
        guard pairs != nil else { return try embed(canaries, EmbeddingJob()) }
        return try embed(pairs: Array(zip(canaries, canaries.dropFirst() + canaries.prefix(1))), EmbeddingJob())
    }
}
