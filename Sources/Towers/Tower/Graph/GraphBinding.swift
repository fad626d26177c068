import Files

/// Which tensor of the feature columns goes to which input of the graph, and in which type and shape.
struct GraphBinding: Sendable {
    private struct Port: Sendable {
        var name: String
        var tensor: Int
        var type: TensorType
        /// The extents behind the rows; nil where the tensor's width is the only one, or there is none.
        var row: [Int]?
        var hasWidth: Bool
    }

    private let ports: [Port]
    /// Rows that a graph may want at a time: each run makes so many of the last one.
    private static let maxRows = 4096
    /// How many rows a graph takes that was exported for a fixed number; nil if it takes any.
    let fixedRows: Int?

    /// - Throws: `invalidInput` naming the input that no column fills, or that cannot take what a column gives.
    init(_ features: FeatureSet, _ model: OnnxModel) throws(BelfryError) {
        func failure(_ input: String, _ what: String, remedy: String? = nil) -> BelfryError {
            BelfryError(
                .invalidInput, "The input “\(input)” \(what).", at: .init(file: features.path, place: "columns"),
                remedy: remedy)
        }
        var ports: [Port] = []
        var fixed: Int?
        for port in model.inputs {
            guard let tensor = features.inputs.firstIndex(where: { $0.name == port.name }) else {
                throw failure(
                    port.name, "of the model is filled by no column",
                    remedy: "The columns fill: \(features.inputs.map(\.name).joined(separator: ", ")).")
            }
            let input = features.inputs[tensor]
            guard Self.converts(input.element, to: port.type) else {
                throw failure(port.name, "takes \(port.type), and its column gives \(input.element.rawValue)s")
            }
            if case .fixed(let rows)? = port.dimensions?.first {
                guard rows > 0, fixed == nil || fixed == rows else {
                    throw failure(port.name, "has \(rows) rows, and another one \(fixed ?? 0)")
                }
                guard rows <= Self.maxRows else {
                    throw failure(
                        port.name, "takes \(rows) rows at a time, and no fewer",
                        remedy: "Export the model with a free number of rows.")
                }
                fixed = rows
            }
            guard let shape = Self.shape(input, port) else {
                let extents = port.dimensions?.map { "\($0)" }.joined(separator: ", ") ?? ""
                throw failure(
                    port.name,
                    "has the shape [\(extents)], and its column gives [rows"
                        + (input.width.map { $0 == 1 ? "]" : ", \($0)]" } ?? ", elements]"))
            }
            ports.append(
                Port(name: port.name, tensor: tensor, type: port.type, row: shape.row, hasWidth: shape.hasWidth))
        }
        for input in features.inputs where !ports.contains(where: { $0.name == input.name }) {
            throw failure(
                input.name, "is filled by a column, but the model has no such input",
                remedy: "The model's inputs are: \(model.inputs.map(\.name).joined(separator: ", ")).")
        }
        self.ports = ports
        fixedRows = fixed
    }

    private static func converts(_ element: FeatureTensor.Element, to type: TensorType) -> Bool {
        switch element {
        case .integer: [.int64, .int32, .bool, .float32].contains(type)
        case .float: [.float32, .float64, .float16].contains(type)
        case .text: type == .string
        }
    }

    /// The extents behind the rows; nil if what the column gives does not fit the input.
    private static func shape(
        _ input: FeatureSet.Input, _ port: OnnxModel.Port
    ) -> (row: [Int]?, hasWidth: Bool)? {
        guard let dimensions = port.dimensions?.dropFirst() else {
            if port.dimensions != nil { return nil }
            return (input.shape, input.width != 1)
        }
        if port.dimensions!.isEmpty { return nil }
        guard let width = input.width else {
            guard dimensions.count == 1 else { return nil }
            return (nil, true)
        }
        if dimensions.isEmpty { return width == 1 ? (nil, false) : nil }
        // Free extents take the column's own.
        let own = input.shape.flatMap { $0.count == dimensions.count ? $0 : nil } ?? [width]
        if own.count == dimensions.count {
            for case (.fixed(let wanted), let extent) in zip(dimensions, own) where wanted != extent { return nil }
            return (own, true)
        }
        let extents = dimensions.map { if case .fixed(let extent) = $0 { extent } else { -1 } }
        guard !extents.contains(-1), Shape(extents)?.checkedElements == width else { return nil }
        return (extents, true)
    }

    /// The graph's inputs, in their order, for what is in `batch`. Where the types are the same, they are its own memory:
    /// valid until its next rows.
    func tensors(_ batch: FeatureBatch) -> [Tensor] {
        ports.map { port in
            let source = batch.tensors[port.tensor]
            var shape: Shape = [source.rows]
            if let row = port.row {
                for extent in row { shape.append(extent) }
            } else if port.hasWidth {
                shape.append(source.width)
            }
            return switch (source.element, port.type) {
            case (.integer, .int32): Tensor(source.integers.map { Int32(clamping: $0) }, shape: shape)
            case (.integer, .bool): Tensor(source.integers.map { $0 != 0 }, shape: shape)
            case (.integer, .float32): Tensor(source.integers.map { Float($0) }, shape: shape)
            case (.integer, _): Tensor(source.buffer, type: .int64, shape: shape)
            case (.float, .float64): Tensor(source.floats.map { Double($0) }, shape: shape)
            case (.float, .float16): Tensor(source.floats.map { Float16($0) }, shape: shape)
            case (.float, _): Tensor(source.buffer, type: .float32, shape: shape)
            case (.text, _): Tensor(strings: source.texts, shape: shape)
            }
        }
    }
}
