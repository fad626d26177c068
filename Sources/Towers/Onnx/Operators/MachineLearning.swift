import Files

extension OperatorTable {
    /// Operators of the domain ai.onnx.ml: words and their numbers.
    static let machineLearning: [Operator] = [labelEncoder, categoryMapper]

    private static let machineLearningDomain = "ai.onnx.ml"

    /// Gives each element what stands beside it in a list of keys and values, or a default.
    private static let labelEncoder = Operator(
        "LabelEncoder", domain: machineLearningDomain, versions: 1...5, inputs: 1...1
    ) { node throws(BelfryError) in
        guard node.version >= 2 else { return try classes(node) }
        guard let keys = try column(node, "keys"), let values = try column(node, "values") else {
            throw node.invalid("it has no keys or no values")
        }
        guard keys.count == values.count else {
            throw node.invalid("it has \(keys.count) keys and \(values.count) values")
        }
        _ = try node.type(0, in: [keys.type])
        // Files name defaults of the other types, too.
        let texts = try node.string("default_string") ?? "_Unused"
        let (integer, float) = (try node.int("default_int64", default: -1), try node.float("default_float", default: -0.0))
        var fallback: LabelColumn
        switch values.type {
        case .string: fallback = LabelColumn(node, [texts])
        case .float32: fallback = LabelColumn([float])
        default: fallback = LabelColumn([Int64(integer)])
        }
        if let tensor = try node.tensor("default_tensor") {
            guard tensor.type == values.type, tensor.count == 1 else {
                throw node.invalid("its default is not one \(values.type)")
            }
            fallback = LabelColumn(node, tensor)
        } else if values.type.size < 8, ![.string, .float32].contains(values.type) {
            // -1 has the same low bytes in every width of integers; other types have no default of their own.
            guard [.int8, .int16, .int32].contains(values.type) else {
                throw node.unsupported("values of type \(values.type) without a default")
            }
        }
        return LabelMap(keys, values, fallback.bits[0]).kernel
    }

    /// The first version: texts and their places in a list.
    private static func classes(_ node: NodeContext) throws(BelfryError) -> Kernel {
        guard let classes = try node.strings("classes_strings") else { throw node.invalid("it has no classes") }
        let (texts, numbers) = (LabelColumn(node, classes), LabelColumn(classes.indices.map { Int64($0) }))
        return try twoWays(node, texts, numbers)
    }

    /// Texts to integers, or integers to texts.
    private static let categoryMapper = Operator(
        "CategoryMapper", domain: machineLearningDomain, versions: 1...5, inputs: 1...1
    ) { node throws(BelfryError) in
        guard let texts = try node.strings("cats_strings"), let numbers = try node.ints("cats_int64s"),
            texts.count == numbers.count
        else { throw node.invalid("it does not have as many texts as integers") }
        return try twoWays(node, LabelColumn(node, texts), LabelColumn(numbers.map { Int64($0) }))
    }

    /// The input's type says in which direction.
    private static func twoWays(
        _ node: NodeContext, _ texts: LabelColumn, _ numbers: LabelColumn
    ) throws(BelfryError) -> Kernel {
        let number = Int64(try node.int("default_int64", default: -1))
        let text = try node.string("default_string") ?? "_Unused"
        guard try node.type(0, in: [.string, .int64]) == .string else {
            return LabelMap(numbers, texts, UInt64(node.strings.number(of: text))).kernel
        }
        return LabelMap(texts, numbers, UInt64(bitPattern: number)).kernel
    }

    /// The keys or the values, of whichever type there is.
    private static func column(_ node: NodeContext, _ name: String) throws(BelfryError) -> LabelColumn? {
        var found: [LabelColumn] = []
        if let texts = try node.strings(name + "_strings") { found.append(LabelColumn(node, texts)) }
        if let numbers = try node.ints(name + "_int64s") { found.append(LabelColumn(numbers.map { Int64($0) })) }
        if let floats = try node.floats(name + "_floats") { found.append(LabelColumn(floats)) }
        if let tensor = try node.tensor(name + "_tensor") { found.append(LabelColumn(node, tensor)) }
        guard found.count <= 1 else { throw node.invalid("it has \(name) of several types") }
        return found.first
    }
}

/// Keys or values as bits, so that one table serves all types.
private struct LabelColumn {
    let type: TensorType
    let bits: [UInt64]
    var count: Int { bits.count }

    init(_ node: NodeContext, _ texts: [String]) {
        (type, bits) = (.string, texts.map { UInt64(node.strings.number(of: $0)) })
    }

    init(_ numbers: [Int64]) { (type, bits) = (.int64, numbers.map(UInt64.init(bitPattern:))) }

    init(_ floats: [Float]) { (type, bits) = (.float32, floats.map { LabelMap.bits($0) }) }

    init(_ node: NodeContext, _ tensor: Tensor) {
        type = tensor.type
        if type == .string {
            bits = tensor.strings.map { UInt64(node.strings.number(of: $0)) }
        } else {
            let view = tensor.view
            bits = (0..<tensor.count).map { LabelMap.bits(view, $0) }
        }
    }
}

/// A table from keys to values.
private struct LabelMap: Sendable {
    private let type: TensorType
    private let table: [UInt64: UInt64]
    private let fallback: UInt64

    /// Of keys that are there twice, the last one counts.
    init(_ keys: LabelColumn, _ values: LabelColumn, _ fallback: UInt64) {
        type = values.type
        table = Dictionary(zip(keys.bits, values.bits)) { $1 }
        self.fallback = fallback
    }

    var kernel: Kernel {
        Kernel(type) { [self] call throws(BelfryError) in
            let x = call.input(0)
            let y = try call.output(0, x.shape)
            for index in 0..<x.count { Self.write(table[Self.bits(x, index)] ?? fallback, y, index) }
        }
    }

    /// Numbers that are equal have the same bits: 0 and -0, and all that are not a number.
    static func bits(_ value: Float) -> UInt64 {
        value == 0 ? 0 : UInt64(value.isNaN ? Float.nan.bitPattern : value.bitPattern)
    }

    private static func bits(_ value: Double) -> UInt64 {
        value == 0 ? 0 : value.isNaN ? Double.nan.bitPattern : value.bitPattern
    }

    static func bits(_ view: TensorView, _ index: Int) -> UInt64 {
        switch view.type {
        case .float32: bits(view.floats[index])
        case .float64: bits(view.elements(Double.self)[index])
        default:
            switch view.type.size {
            case 8: view.bits(UInt64.self)[index]
            case 4: UInt64(view.bits(UInt32.self)[index])
            case 2: UInt64(view.bits(UInt16.self)[index])
            default: UInt64(view.bits(UInt8.self)[index])
            }
        }
    }

    private static func write(_ bits: UInt64, _ view: TensorView, _ index: Int) {
        switch view.type.size {
        case 8: view.bits(UInt64.self)[index] = bits
        case 4: view.bits(UInt32.self)[index] = UInt32(truncatingIfNeeded: bits)
        case 2: view.bits(UInt16.self)[index] = UInt16(truncatingIfNeeded: bits)
        default: view.bits(UInt8.self)[index] = UInt8(truncatingIfNeeded: bits)
        }
    }
}
