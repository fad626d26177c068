import Files

/// How a graph's text input is filled, as far as the model's folder tells.
struct TextPlan {
    /// The most tokens.
    var length: Int
    /// What shorter texts are filled up with, and on which side if the graph has a fixed length.
    var padding: Int?
    var padsLeft = false
    /// The number of the first token's position, where positions are an input.
    var firstPosition = 0
}

extension FeatureSet {
    /// The configuration for a graph that came without one: each input is filled by a field of its own name.
    ///
    /// | input | column |
    /// |---|---|
    /// | `input_ids` [rows, n], with a tokenizer (`text`) | text, from the field `text`; its mask, types and positions with it |
    /// | whole numbers [rows], [rows, 1] | index: the number as it is |
    /// | whole numbers [rows, n] | list of such numbers |
    /// | floats [rows], [rows, 1] | number |
    /// | floats [rows, n, …] | vector |
    /// | texts [rows], [rows, 1] | string |
    static func derived(_ model: OnnxModel, text plan: TextPlan?) throws(BelfryError) -> JSON {
        try refuseOffsets(model)
        var columns: [JSON] = []
        var text: Set<String> = []
        let names = Set(model.inputs.map(\.name))
        if let plan, let ids = model.inputs.first(where: { $0.name == "input_ids" }), ids.dimensions?.count ?? 2 == 2,
            ids.type == .int64 || ids.type == .int32
        {
            columns.append(.object(try column(of: ids, plan, names, model.path)))
            text = ["input_ids", "attention_mask", "token_type_ids", "position_ids"]
        }
        for port in model.inputs where !text.contains(port.name) { columns.append(try column(port, model.path)) }
        return ["format": .integer(Int64(format)), "columns": .array(columns)]
    }

    private static func column(
        of ids: OnnxModel.Port, _ plan: TextPlan, _ names: Set<String>, _ path: String
    ) throws(BelfryError) -> [String: JSON] {
        var column: [String: JSON] = ["input": "input_ids", "field": "text", "type": "text"]
        column["length"] = .integer(Int64(plan.length))
        column["padding"] = plan.padding.map { .integer(Int64($0)) }
        if case .fixed(let width)? = ids.dimensions?.last {
            guard (1...1 << 16).contains(width) else {
                throw BelfryError(
                    .unsupported, "The input “input_ids” takes texts of \(width) tokens.", at: .init(file: path))
            }
            column["length"] = .integer(Int64(min(plan.length, width)))
            column["fixed"] = .integer(Int64(width))
            if plan.padsLeft { column["pads"] = "left" }
        }
        if names.contains("attention_mask") { column["mask"] = "attention_mask" }
        if names.contains("token_type_ids") { column["token_types"] = "token_type_ids" }
        if names.contains("position_ids") {
            column["positions"] = "position_ids"
            if plan.firstPosition > 0 { column["first_position"] = .integer(Int64(plan.firstPosition)) }
        }
        return column
    }

    /// Refuses one list for all rows with the places where each row's part begins: rows cannot be told apart in it.
    private static func refuseOffsets(_ model: OnnxModel) throws(BelfryError) {
        let lists = model.inputs.filter {
            ($0.type == .int64 || $0.type == .int32) && $0.dimensions?.count == 1
        }
        guard lists.count > 1, let offsets = lists.first(where: { $0.name.lowercased().contains("offset") }),
            let list = lists.first(where: { $0.name != offsets.name })
        else { return }
        throw BelfryError(
            .unsupported,
            "The inputs “\(list.name)” and “\(offsets.name)” are one list for the whole batch and the offsets where each "
                + "row begins in it (nn.EmbeddingBag): a row has no place of its own.", at: .init(file: model.path),
            remedy: "Export the model with a padded list for each row, [rows, n], and a masked mean over it.")
    }

    private static func column(_ port: OnnxModel.Port, _ path: String) throws(BelfryError) -> JSON {
        func failure(_ what: String) -> BelfryError {
            BelfryError(
                .invalidInput, "Nothing says how the input “\(port.name)” (\(port.type)) is filled: \(what).",
                at: .init(file: path),
                remedy: "Describe the inputs in a features.json, and name it with \(.setting(.features)).")
        }
        guard let dimensions = port.dimensions, !dimensions.isEmpty else {
            throw failure("it has no dimension of rows")
        }
        let row = dimensions.dropFirst()
        let extents = row.compactMap { if case .fixed(let extent) = $0 { extent } else { nil } }
        let isOne = row.isEmpty || row.count == 1 && extents == [1]
        let rows = JSON.object(["rows": .integer(Int64(maxRows))])
        var column: [String: JSON] = ["input": .string(port.name)]
        switch port.type {
        case .int64, .int32:
            column["type"] = isOne ? "index" : "list"
            column["lookup"] = rows
            if isOne { break }
            guard row.count == 1 else { throw failure("it has \(dimensions.count) dimensions") }
            column["length"] = .integer(Int64(extents.first ?? 512))
            column["fixed"] = .bool(!extents.isEmpty)
            // Nothing says what an element is that is none: a list of a fixed length must be whole, others must not be empty.
            column["minimum"] = .integer(Int64(extents.first ?? 1))
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
}
