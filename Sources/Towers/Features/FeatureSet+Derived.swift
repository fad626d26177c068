import Files

extension FeatureSet {
    /// The configuration for a graph that came without one: each input is filled by a field of its own name.
    ///
    /// | input | column |
    /// |---|---|
    /// | `input_ids` [rows, n], with a tokenizer in `folder` | text, from the field `text`; its mask and types with it |
    /// | whole numbers [rows], [rows, 1] | index: the number as it is |
    /// | whole numbers [rows, n] | list of such numbers |
    /// | floats [rows], [rows, 1] | number |
    /// | floats [rows, n, …] | vector |
    /// | texts [rows], [rows, 1] | string |
    static func derived(_ model: OnnxModel, folder: String) throws(BelfryError) -> JSON {
        var columns: [JSON] = []
        var text: Set<String> = []
        let names = Set(model.inputs.map(\.name))
        if let ids = model.inputs.first(where: { $0.name == "input_ids" }), ids.dimensions?.count ?? 2 == 2,
            ids.type == .int64 || ids.type == .int32, try !Tokenizers.files(folder: folder).isEmpty
        {
            var column: [String: JSON] = ["input": "input_ids", "field": "text", "type": "text"]
            column["length"] = .integer(Int64(try longestText(folder)))
            if case .fixed(let length)? = ids.dimensions?.last {
                (column["length"], column["fixed"]) = (.integer(Int64(length)), true)
            }
            if names.contains("attention_mask") { column["mask"] = "attention_mask" }
            if names.contains("token_type_ids") { column["token_types"] = "token_type_ids" }
            text = ["input_ids", "attention_mask", "token_type_ids"]
            columns.append(.object(column))
        }
        for port in model.inputs where !text.contains(port.name) { columns.append(try column(port, model.path)) }
        return ["format": .integer(Int64(format)), "columns": .array(columns)]
    }

    private static func column(_ port: OnnxModel.Port, _ path: String) throws(BelfryError) -> JSON {
        func failure(_ what: String) -> BelfryError {
            BelfryError(
                .invalidInput, "Nothing says how the input “\(port.name)” (\(port.type)) is filled: \(what).",
                at: .init(file: path), remedy: "Describe the inputs in a features.json, and name it with --features.")
        }
        guard let dimensions = port.dimensions, !dimensions.isEmpty else {
            throw failure("it has no dimension of rows")
        }
        let row = dimensions.dropFirst()
        let extents = row.compactMap { if case .fixed(let extent) = $0 { extent } else { nil } }
        let isOne = row.isEmpty || row.count == 1 && extents == [1]
        let rows = JSON.object(["rows": .integer(Int64(mostRows))])
        var column: [String: JSON] = ["input": .string(port.name)]
        switch port.type {
        case .int64, .int32:
            column["type"] = isOne ? "index" : "list"
            column["lookup"] = rows
            if isOne { break }
            guard row.count == 1 else { throw failure("it has \(dimensions.count) dimensions") }
            column["length"] = .integer(Int64(extents.first ?? 512))
            column["fixed"] = .bool(!extents.isEmpty)
        case .float32, .float64, .float16:
            column["type"] = isOne ? "number" : "vector"
            if isOne { break }
            guard extents.count == row.count else { throw failure("its length is free") }
            column["shape"] = .array(extents.map { .integer(Int64($0)) })
        case .string:
            column["type"] = "string"
            guard isOne else { throw failure("it takes several texts") }
        default: throw failure("such values have no column")
        }
        return .object(column)
    }

    /// The most tokens that the model's own files allow.
    private static func longestText(_ folder: String) throws(BelfryError) -> Int {
        for (file, name) in [
            ("sentence_bert_config.json", "max_seq_length"), ("tokenizer_config.json", "model_max_length"),
        ]
        where System.exists(folder + "/" + file) {
            // Some say "none" by a number that is larger than any text.
            if let length = try StrictObject(file: folder + "/" + file).number(name), (8...65_536).contains(length) {
                return Int(length)
            }
        }
        let file = folder + "/config.json"
        guard System.exists(file) else { return 512 }
        let json = try StrictObject(file: file)
        guard let positions = try json.number("max_position_embeddings"), (8...65_536).contains(positions) else {
            return 512
        }
        // RoBERTa and its kin count positions from behind the padding's id, 1.
        let family = try json.string("model_type") ?? ""
        let isShifted = ["roberta", "xlm-roberta", "camembert", "mpnet"].contains(family)
        return Int(positions) - (isShifted ? 2 : 0)
    }
}
