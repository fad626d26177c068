import Files

/// One operator of a standard's domain: its name, the versions that are read, and how a node of it becomes code.
///
///     Operator("Relu", inputs: 1...1) { node in
///         let type = try node.type(0, in: [.float32])
///         return Kernel(type) { call in
///             let x = call.input(0)
///             let y = try call.output(0, x.shape)
///             for index in 0..<x.count { y.floats[index] = max(x.floats[index], 0) }
///         }
///     }
///
/// `compile` runs once, at import. It reads every attribute that it understands (one that nobody has read is refused
/// as unsupported), checks types, and says which types the outputs have: shapes are not known before the call.
package struct Operator: Sendable {
    /// The standard's own domain, written "" in files.
    static let standard = "ai.onnx"

    let name: String
    let domain: String
    /// The versions of the domain's operator set for which `compile` is right.
    let versions: ClosedRange<Int>
    /// How many inputs and outputs a node may have.
    let inputs: ClosedRange<Int>
    let outputs: ClosedRange<Int>
    let compile: @Sendable (NodeContext) throws(BelfryError) -> Kernel

    init(
        _ name: String, domain: String = Operator.standard, versions: ClosedRange<Int> = 1...Operator.newest,
        inputs: ClosedRange<Int>, outputs: ClosedRange<Int> = 1...1,
        _ compile: @escaping @Sendable (NodeContext) throws(BelfryError) -> Kernel
    ) {
        self.name = name
        self.domain = domain
        self.versions = versions
        self.inputs = inputs
        self.outputs = outputs
        self.compile = compile
    }

    /// The newest version of the standard's operator set that was looked through.
    static let newest = 27
    /// For operators that take any number of inputs, or give any number of outputs.
    static let any = Int.max
}

/// What a node became: the types of its outputs and the code that computes them.
package struct Kernel: Sendable {
    typealias Body = @Sendable (Call) throws(BelfryError) -> Void

    /// One for each output that the operator can have.
    let types: [TensorType]
    /// Whether output 0 is input 0's memory under another shape, given by `call.share`.
    let sharesInput: Bool
    let body: Body

    init(_ types: TensorType..., sharesInput: Bool = false, body: @escaping Body) {
        self.init(types: types, sharesInput: sharesInput, body: body)
    }

    init(types: [TensorType], sharesInput: Bool = false, body: @escaping Body) {
        self.types = types
        self.sharesInput = sharesInput
        self.body = body
    }
}
