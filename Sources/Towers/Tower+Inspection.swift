extension Tower {
    /// What `belfry tower inspect` shows.
    public struct Inspection: Sendable {
        /// The settings of a transformer encoder; nil for other kinds.
        public let configuration: BertConfiguration?
        /// What follows the encoder, in words.
        public let modules: [String]
        /// Components of a vector.
        public let dimension: Int
        /// Tokens that are read of a text.
        public let maximumTokens: Int
        /// Numbers in all tensors of floats.
        public let parameters: Int
        /// The tensors of all weight files.
        public let tensors: [Safetensors.Tensor]
        /// The identity of the vector space.
        public let fingerprint: String
        /// Which rows run together, in words, where a row's vector would else depend on those beside it; nil where it does
        /// not.
        public let rows: String?
        /// For an ONNX model: what it takes, gives and is made of.
        public let graph: GraphInspection?
    }

    /// The tower's settings and tensors.
    public var inspection: Inspection {
        let tensors = weights.flatMap(\.tensors)
        return Inspection(
            configuration: (encoder as? BertEncoder)?.configuration, modules: manifest.modules.map(\.summary),
            dimension: dimension,
            maximumTokens: maximumTokens,
            parameters: tensors.filter { $0.type.contains("F") }.reduce(graph?.inspection.parameters ?? 0) {
                $0 + $1.count
            },
            tensors: tensors, fingerprint: fingerprint, rows: graph?.groupingSummary, graph: graph?.inspection)
    }
}

extension Tower: CustomStringConvertible {
    /// One line about the tower.
    public var description: String {
        let parts = inspection
        let steps = parts.modules.map { "\($0) → " }.joined()
        let limit = maximumTokens > 1 ? ", at most \(maximumTokens) \(graph == nil ? "tokens" : "elements")" : ""
        return "\(path): \(encoder.summary), \(parts.parameters) parameters → \(steps)\(dimension) components\(limit)"
    }
}
