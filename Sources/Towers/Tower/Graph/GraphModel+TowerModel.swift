import Files
import Foundation
import Vectors

extension GraphModel {
    var dimension: Int { head.dimension }
    var features: FeatureSet? { columns }
    var fields: [TowerField] { columns.fields }
    var textField: String? { columns.textField }
    var weights: [Safetensors] { head.files }

    /// That of the first text column.
    var tokenizer: any Tokenizer {
        for column in columns.columns { if case .text(let tokenizer, _) = column.kind { return tokenizer } }
        return NoTokens()
    }

    var summary: ModelSummary {
        let inputs = inspection.inputs.map { "\($0.name) \($0.type)" }.joined(separator: ", ")
        return ModelSummary(
            words: "ONNX graph (\(inputs))", graph: inspection, grouping: groupingSummary, unit: "elements")
    }

    private var groupingSummary: String? {
        let ranges = rangesPerRow ? "dynamic quantization takes the range of each row" : nil
        let grouping: String? =
            switch rows {
            case .together: nil
            case .lengths: "only rows of equal length run together, since the graph sees their padding"
            case .alone: "each runs by itself, since its vector would depend on the rows beside it"
            }
        let parts = [grouping, ranges].compactMap { $0 }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    func embed(_ texts: [String], _ job: EmbeddingJob) throws(BelfryError) -> Matrix {
        guard let field = columns.textField else { preconditionFailure("the tower asks whether texts are enough") }
        return try embed(texts.map { .object([field: .string($0)]) }, job)
    }

    func embed(canaries: [String], source: String) throws(BelfryError) -> Matrix {
        var rows: [JSON] = []
        for text in canaries { rows.append(try JSON(parsing: Data(text.utf8), source: source)) }
        return try embed(rows, EmbeddingJob())
    }
}

/// Of a tower that reads no text.
private struct NoTokens: Tokenizer {
    var largestID: Int { 0 }
    var templateCount: Int { 0 }
    var lowercases: Bool { false }
    func encode(_ text: String, limit: Int, into ids: inout [Int32]) -> Bool { true }
}
