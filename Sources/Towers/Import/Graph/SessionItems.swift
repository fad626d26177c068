import Files

/// The item tower of a session model: the rows of the layer that scores its items.
///
///     score(session, item) = hidden · row(item) + bias(item) = [hidden, 1] · [row(item), bias(item)]
///
/// So a bias is one more component of the item's vector, and the query's gets a 1 for it. The layer's weights may be
/// the embedding table itself (“tied”) or a matrix of their own.
///
/// | member of `items` | what |
/// |---|---|
/// | `tensor` | the name of the weights among the graph's initializers, [items, size] |
/// | `transposed` | whether they are [size, items] |
/// | `bias` | the name of the biases, [items] |
/// | `field`, `lookup` | the item's field and its way to a row, as in an `index` column |
struct SessionItems {
    var tensor: String
    var isTransposed: Bool
    var bias: String?
    /// The item tower's `features.json`.
    var features: JSON

    static let input = "item"
    static let output = "vector"

    init(_ json: StrictObject) throws(BelfryError) {
        try json.allow(["tensor", "transposed", "bias", "field", "lookup"])
        tensor = try json.needed("tensor", json.string("tensor"))
        isTransposed = try json.bool("transposed", default: false)
        bias = try json.string("bias")
        guard let lookup = json["lookup"] else { throw json.failure("lookup", "“lookup” is missing.") }
        features = [
            "format": .integer(Int64(FeatureSet.format)),
            "columns": [
                [
                    "input": .string(Self.input), "type": "index", "lookup": JSON(lookup),
                    "field": .string(try json.string("field") ?? Self.input),
                ]
            ],
        ]
    }

    /// Writes the item tower's graph and weights into `folder`: one Gather over the rows. Components of a vector.
    func write(from packer: inout OnnxPacker, to folder: String) throws(BelfryError) -> Int {
        let (rows, count, size) = try rows(&packer)
        let bias = try bias.map { (name) throws(BelfryError) in try self.bias(name, count, &packer) }
        let width = size + (bias == nil ? 0 : 1)
        let writer = try FileWriter(folder + "/" + TowerFiles.graphWeights)
        var row = [Float](repeating: 0, count: width)
        for item in 0..<count {
            for column in 0..<size { row[column] = rows[isTransposed ? column * count + item : item * size + column] }
            if let bias { row[size] = bias[item] }
            try row.withBytes { bytes throws(BelfryError) in try writer.write(bytes) }
        }
        try writer.finish()
        var items = packer
        items.model = Self.gather(
            OnnxPacker.external("rows", .float32, [count, width], at: 0..<count * width * 4), like: packer.model)
        items.setOutput(.float32, rank: 2, size: width)
        try items.writeGraph(to: folder)
        return width
    }

    private func rows(
        _ packer: inout OnnxPacker
    ) throws(BelfryError) -> (rows: [Float], count: Int, size: Int) {
        guard let proto = packer.model.graph.initializer.first(where: { $0.name == tensor }) else {
            let known = packer.model.graph.initializer.filter { $0.dims.count == 2 }.prefix(20)
            throw BelfryError(
                .notFound, "The graph has no weights “\(tensor)”.", at: .init(file: packer.path, place: "items"),
                remedy: "Its matrices are: " + known.map { "\($0.name) \($0.dims)" }.joined(separator: ", ") + ".")
        }
        let weights = try packer.tensor(proto)
        guard weights.shape.rank == 2, weights.count > 0 else {
            throw BelfryError(
                .invalidInput, "“\(tensor)” has the shape \(weights.shape); it must be [items, size].",
                at: .init(file: packer.path, place: "items"))
        }
        let (first, second) = (weights.shape[0], weights.shape[1])
        return (try weights.floats(packer.path), isTransposed ? second : first, isTransposed ? first : second)
    }

    private func bias(_ name: String, _ count: Int, _ packer: inout OnnxPacker) throws(BelfryError) -> [Float] {
        guard let proto = packer.model.graph.initializer.first(where: { $0.name == name }),
            case let bias = try packer.tensor(proto), bias.count == count
        else {
            throw BelfryError(
                .invalidInput, "The graph has no biases “\(name)” [\(count)].",
                at: .init(file: packer.path, place: "items"))
        }
        return try bias.floats(packer.path)
    }

    private static func gather(_ rows: Onnx_TensorProto, like model: Onnx_ModelProto) -> Onnx_ModelProto {
        var node = Onnx_NodeProto()
        (node.name, node.opType, node.input, node.output) = ("items", "Gather", [rows.name, input], [output])
        var item = Onnx_ValueInfoProto()
        item.name = input
        item.type.tensorType.elemType = TensorType.int64.rawValue
        var dimension = Onnx_TensorShapeProto.Dimension()
        dimension.dimParam = "rows"
        item.type.tensorType.shape.dim = [dimension]
        var vector = Onnx_ValueInfoProto()
        vector.name = output
        var items = model
        items.graph = Onnx_GraphProto()
        (items.graph.name, items.graph.initializer, items.graph.node) = ("items", [rows], [node])
        (items.graph.input, items.graph.output) = ([item], [vector])
        return items
    }

    /// Appends a 1 to the query's vectors, for the biases: the product with an identity whose last column is 0, plus
    /// [0, …, 0, 1]. It is exact: each sum has one term that is not 0.
    static func appendOne(to packer: inout OnnxPacker, size: Int) {
        let name = packer.model.graph.output[0].name
        func tensor(_ name: String, _ dims: [Int64], _ values: [Float]) -> Onnx_TensorProto {
            var proto = Onnx_TensorProto()
            (proto.name, proto.dims, proto.dataType, proto.floatData) = (
                name, dims, TensorType.float32.rawValue, values
            )
            return proto
        }
        var identity = [Float](repeating: 0, count: size * (size + 1))
        for row in 0..<size { identity[row * (size + 1) + row] = 1 }
        let one = [Float](repeating: 0, count: size) + [1]
        var node = Onnx_NodeProto()
        (node.name, node.opType) = ("belfry append one", "Gemm")
        node.input = [name, "belfry identity", "belfry one"]
        node.output = ["belfry query"]
        packer.model.graph.initializer += [
            tensor("belfry identity", [Int64(size), Int64(size + 1)], identity),
            tensor("belfry one", [Int64(size + 1)], one),
        ]
        packer.model.graph.node.append(node)
        packer.model.graph.output[0].name = "belfry query"
        packer.setOutput(.float32, rank: 2, size: size + 1)
    }
}
