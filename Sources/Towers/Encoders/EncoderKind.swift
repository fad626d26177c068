/// The families of encoders, by the name that a tower's manifest has for them.
enum EncoderKind: String, CaseIterable {
    case bert, roberta, mpnet, distilbert
    /// A table of token vectors and no more.
    case `static`
    /// The Universal Sentence Encoder.
    case use
    /// A graph in ONNX format with feature columns.
    case onnx

    init(_ family: BertConfiguration.Family) { self = EncoderKind(rawValue: family.rawValue)! }

    /// Whether its text vectors need no pooling.
    var isPooled: Bool { self == .static || self == .use || self == .onnx }
}
