import Files

extension GraphTower: TowerEncoder {
    var vocabularySize: Int { Int(Int32.max) }

    var summary: String {
        let inputs = inspection.inputs.map { "\($0.name) \($0.type)" }.joined(separator: ", ")
        return "ONNX graph (\(inputs))"
    }

    /// Which rows run together, if not any.
    var groupingSummary: String? {
        let ranges = rangesPerRow ? "dynamic quantisation takes the range of each row" : nil
        let grouping: String? =
            switch rows {
            case .together: nil
            case .lengths: "only rows of equal length run together, since the graph sees their padding"
            case .alone: "each runs by itself, since its vector would depend on the rows beside it"
            }
        let parts = [grouping, ranges].compactMap { $0 }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    /// A graph is given rows by `Tower.embed`, which does not call this.
    func encode(_ ids: [Int32], texts: [Range<Int>], _ workspace: Workspace) -> UnsafeMutablePointer<Float> {
        preconditionFailure("a graph takes rows, not token ids")
    }

    /// That of the first text column.
    var tokenizer: any Tokenizer {
        for column in features.columns { if case .text(let tokenizer, _) = column.kind { return tokenizer } }
        return NoTokens()
    }
}

/// Of a tower that reads no text.
private struct NoTokens: Tokenizer {
    var largestID: Int { 0 }
    var templateCount: Int { 0 }
    var lowercases: Bool { false }
    func encode(_ text: String, limit: Int, into ids: inout [Int32]) -> Bool { true }
}
