extension Tower {
    /// What `belfry tower inspect` shows.
    package struct Inspection: Sendable {
        /// The settings of a transformer encoder; nil for other kinds.
        package let configuration: BertConfiguration?
        /// What follows the encoder, in words.
        package let modules: [String]
        /// Components of a vector.
        package let dimension: Int
        /// Tokens that are read of a text.
        package let maximumTokens: Int
        /// Numbers in all tensors of floats.
        package let parameters: Int
        /// The tensors of all weight files.
        package let tensors: [StoredTensor]
        /// The identity of the vector space.
        package let fingerprint: String
        /// Which rows run together, in words, where a row's vector would else depend on those beside it; nil where it does
        /// not.
        package let rows: String?
        /// For an ONNX model: what it takes, gives and is made of.
        package let graph: GraphInspection?
    }

    /// The tower's settings and tensors.
    package var inspection: Inspection {
        let (tensors, summary) = (model.weights.flatMap(\.tensors), model.summary)
        return Inspection(
            configuration: summary.transformer, modules: manifest.modules.map(\.summary), dimension: dimension,
            maximumTokens: maximumTokens,
            parameters: tensors.filter { $0.type.contains("F") }.reduce(summary.graph?.parameters ?? 0) {
                $0 + $1.count
            },
            tensors: tensors, fingerprint: fingerprint, rows: summary.grouping, graph: summary.graph)
    }
}

extension Tower: CustomStringConvertible {
    /// One line about the tower.
    public var description: String {
        let (parts, summary) = (inspection, model.summary)
        let steps = parts.modules.map { "\($0) → " }.joined()
        let limit = maximumTokens > 1 ? ", at most \(maximumTokens) \(summary.unit)" : ""
        return "\(path): \(summary.words), \(parts.parameters) parameters → \(steps)\(dimension) components\(limit)"
    }
}
