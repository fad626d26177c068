import Files

/// A node at import: what an operator's `compile` may ask about it.
package final class NodeContext {
    /// The node's name, or what stands in for it if it has none.
    let name: String
    let operatorName: String
    let domain: String
    /// The version of the domain's operator set that the model asks for.
    let version: Int
    /// The types of the inputs; nil for one that is left out.
    let inputTypes: [TensorType?]
    /// How many outputs the node names (left out ones in between included).
    let outputCount: Int
    private let constants: [Tensor?]
    private let attributes: [String: Attribute]
    private let compiler: GraphCompiler
    private let location: BelfryError.Location
    /// Attributes that `compile` has asked for.
    private(set) var read: Set<String> = []
    /// Whether the node carries graphs.
    private(set) var hasBodies = false

    init(_ node: GraphNode, version: Int, types: [TensorType?], constants: [Tensor?], _ compiler: GraphCompiler) {
        name = node.name
        operatorName = node.operatorName
        domain = node.domain
        self.version = version
        inputTypes = types
        outputCount = node.outputs.count
        self.constants = constants
        attributes = node.attributes
        self.compiler = compiler
        location = BelfryError.Location(file: compiler.path, place: "node \(node.name)")
    }

    // MARK: inputs

    /// Whether input `index` is there.
    func has(_ index: Int) -> Bool { index < inputTypes.count && inputTypes[index] != nil }

    /// The type of input `index`, which must be there.
    func type(_ index: Int) throws(BelfryError) -> TensorType {
        guard has(index), let type = inputTypes[index] else { throw invalid("input \(index) is missing") }
        return type
    }

    /// The type of input `index`, which must be there and one of `allowed`.
    func type(_ index: Int, in allowed: Set<TensorType>) throws(BelfryError) -> TensorType {
        let type = try type(index)
        guard allowed.contains(type) else { throw unsupported("input \(index) of type \(type)") }
        return type
    }

    /// The common type of all inputs, none of which may be left out; one of `allowed`.
    func commonType(in allowed: Set<TensorType>) throws(BelfryError) -> TensorType {
        let type = try type(0, in: allowed)
        for other in inputTypes.indices {
            let found = try self.type(other)
            if found == type { continue }
            throw invalid("inputs 0 and \(other) have the types \(type) and \(found)")
        }
        return type
    }

    /// The value of input `index` if it is known at import.
    func constant(_ index: Int) -> Tensor? { index < constants.count ? constants[index] : nil }

    /// What the C kernels run on.
    var products: Products { compiler.products }

    /// The texts of constants; an operator may add its own at import.
    var strings: StringTable { compiler.strings }

    // MARK: attributes

    /// The attribute, marked as understood.
    func attribute(_ name: String) -> Attribute? {
        read.insert(name)
        return attributes[name]
    }

    /// Marks attributes that do not matter here as understood.
    func ignore(_ names: String...) { read.formUnion(names) }

    func int(_ name: String) throws(BelfryError) -> Int? {
        guard let attribute = attribute(name) else { return nil }
        guard case .int(let value) = attribute else { throw invalid("attribute \(name) is not an integer") }
        return value
    }

    func int(_ name: String, default value: Int) throws(BelfryError) -> Int { try int(name) ?? value }

    /// What no number of heads, groups or components reaches, so that products with extents are numbers.
    static let maxParts = 1 << 24

    /// An integer that extents are multiplied with or divided by.
    func int(_ name: String, in range: ClosedRange<Int>) throws(BelfryError) -> Int? {
        guard let value = try int(name) else { return nil }
        guard range.contains(value) else { throw invalid("attribute \(name) is \(value)") }
        return value
    }

    func int(_ name: String, default value: Int, in range: ClosedRange<Int>) throws(BelfryError) -> Int {
        try int(name, in: range) ?? value
    }

    func flag(_ name: String, default value: Bool = false) throws(BelfryError) -> Bool {
        try int(name, default: value ? 1 : 0) != 0
    }

    func ints(_ name: String) throws(BelfryError) -> [Int]? {
        guard let attribute = attribute(name) else { return nil }
        guard case .ints(let values) = attribute else { throw invalid("attribute \(name) is not a list of integers") }
        return values
    }

    func float(_ name: String) throws(BelfryError) -> Float? {
        guard let attribute = attribute(name) else { return nil }
        guard case .float(let value) = attribute else { throw invalid("attribute \(name) is not a number") }
        return value
    }

    func float(_ name: String, default value: Float) throws(BelfryError) -> Float { try float(name) ?? value }

    func floats(_ name: String) throws(BelfryError) -> [Float]? {
        guard let attribute = attribute(name) else { return nil }
        guard case .floats(let values) = attribute else { throw invalid("attribute \(name) is not a list of numbers") }
        return values
    }

    func string(_ name: String) throws(BelfryError) -> String? {
        guard let attribute = attribute(name) else { return nil }
        guard case .string(let value) = attribute else { throw invalid("attribute \(name) is not a text") }
        return value
    }

    func strings(_ name: String) throws(BelfryError) -> [String]? {
        guard let attribute = attribute(name) else { return nil }
        guard case .strings(let values) = attribute else { throw invalid("attribute \(name) is not a list of texts") }
        return values
    }

    func tensor(_ name: String) throws(BelfryError) -> Tensor? {
        guard let attribute = attribute(name) else { return nil }
        guard case .tensor(let value) = attribute else { throw invalid("attribute \(name) is not a tensor") }
        return value
    }

    /// The attributes that the node has and nobody has asked for.
    var unread: [String] { attributes.keys.filter { !read.contains($0) }.sorted() }

    // MARK: subgraphs

    /// The graph in attribute `name`, compiled; its inputs have these types.
    func body(_ name: String, inputs types: [TensorType]) throws(BelfryError) -> SubgraphBody {
        guard case .graph(let graph)? = attribute(name) else { throw invalid("attribute \(name) is not a graph") }
        hasBodies = true
        return try compiler.compile(body: graph, inputs: types)
    }

    /// The number of a buffer that belongs to this node, for `call.buffer`.
    func reserveBuffer() -> Int { compiler.reserveBuffer() }

    // MARK: errors

    /// How errors name the node.
    var label: String { Self.label(name, operatorName, domain, version) }

    static func label(_ name: String, _ operatorName: String, _ domain: String, _ version: Int) -> String {
        "The node “\(name)” (\(domain == Operator.standard ? "" : domain + ".")\(operatorName), opset \(version))"
    }

    /// For what the standard allows and Belfry does not do: "attribute x".
    func unsupported(_ what: String) -> BelfryError {
        BelfryError(.unsupported, "\(label) has \(what), which is not supported.", at: location)
    }

    /// For what the standard forbids.
    func invalid(_ what: String) -> BelfryError {
        BelfryError(.corruptData, "\(label) is not valid: \(what).", at: location)
    }
}
