import Files
import Vectors

/// What computes a tower's vectors: an encoder of texts (`TextModel`), or a graph with feature columns (`GraphModel`).
///
/// `Tower` is the directory and its settings, and does not ask which of the two is behind it. A model is called for
/// many texts or rows at once, never for one of a batch.
protocol TowerModel: Sendable {
    /// Components of a vector.
    var dimension: Int { get }
    /// The fields that a row has.
    var fields: [TowerField] { get }
    /// The field that is filled where only a text is given; nil if the model wants more than that.
    var textField: String? { get }
    /// The columns that read the fields; nil for a model of text alone.
    var features: FeatureSet? { get }
    /// What cuts texts into tokens.
    var tokenizer: any Tokenizer { get }
    /// The files of its weights.
    var weights: [Safetensors] { get }
    /// What its parts are.
    var summary: ModelSummary { get }

    /// Writes the vectors of `texts`, one row each.
    func embed(_ texts: [String], _ job: EmbeddingJob) throws(BelfryError) -> Matrix
    /// Writes the vectors of `rows`, objects with the model's fields.
    func embed(_ rows: [JSON], _ job: EmbeddingJob) throws(BelfryError) -> Matrix
    /// The vectors of the canaries that the tower's manifest keeps. `source` is its file, for errors.
    func embed(canaries: [String], source: String) throws(BelfryError) -> Matrix
}

/// How one call's texts or rows are embedded.
struct EmbeddingJob: Sendable {
    /// What is put before a text.
    var prompt = ""
    /// How many tokens at a text's start, those of the prompt, take no part in the pooling.
    var skippedTokens = 0
    /// What the rows are called in an error, and the number of the first one.
    var source = "objects"
    var firstRow = 0
    /// How many batches are worked on at the same time, or how many threads at the only one.
    var threads = 2
    /// Called with the number of rows done so far, one call at a time.
    var progress: (@Sendable (Int) -> Void)?
}

/// What a model knows of itself, for people.
struct ModelSummary {
    /// A few words about what it is.
    var words: String
    /// The settings of a transformer encoder.
    var transformer: BertConfiguration?
    /// What an ONNX model takes, gives and is made of.
    var graph: GraphInspection?
    /// Which rows run together, in words, if not any.
    var grouping: String?
    /// What a text or a list is counted in.
    var unit = "tokens"
}
