import Files

/// Makes code of a graph.
///
/// 1. Each node, in order: find its operator, resolve its inputs to slots, let the operator compile it.
/// 2. A node whose inputs are all constants runs at once, and its outputs become constants. If it cannot run, no run of
///    the model could, and that is the model's error.
/// 3. Note when each slot is first written and last read; memory that is shared counts for the slot it belongs to.
///
/// Graphs inside of nodes share the slots of the outermost one, so that a value from outside is simply a slot.
final class GraphCompiler {
    /// A value by its name.
    private struct Value {
        var slot: Int
        var type: TensorType
        var constant: Tensor?
    }

    /// The names that one graph defines.
    private struct Scope {
        var values: [String: Value] = [:]
        /// The slots of outer values that were used inside.
        var captured: Set<Int> = []
        /// The names that nodes further down define, to tell a cycle from a name that is nowhere.
        var later: Set<String> = []
    }

    let path: String
    let products: Products
    let strings = StringTable()
    /// The version of each domain's operator set.
    private let versions: [String: Int]
    private var constants: [(slot: Int, tensor: Tensor)] = []
    private var lifetimes: [MemoryPlan.Lifetime] = []
    /// Buffer 0 is the scratch of whoever is running.
    private var bufferCount = 1
    /// The slot that a slot's memory belongs to.
    private var owners: [Int] = []
    private var scopes: [Scope] = []
    private var position = 0
    private var captured: Set<Int> = []
    private var bodies: [(body: SubgraphBody, drafts: [StepDraft])] = []

    /// The largest constant that is computed at import, in bytes; a larger one is computed in every run.
    private static let largestFold = 1 << 26
    /// The same for operators that make much of little, and so cost no more in a run than they save.
    private static let largestFilling = 1 << 22
    private static let fillings: Set<String> = ["ConstantOfShape", "Expand", "Tile", "Range"]
    /// Bytes of constants that may still be computed.
    private var foldable = 1 << 28
    /// The largest constants, in elements, that are folded before patterns are looked for.
    private static let smallFold = 256

    init(path: String, versions: [String: Int], products: Products) {
        (self.path, self.products) = (path, products)
        self.versions = versions.merging([Operator.fused: 1]) { old, _ in old }
    }

    func reserveBuffer() -> Int {
        bufferCount += 1
        return bufferCount - 1
    }

    /// The whole program of a model's main graph.
    func compile(_ graph: Graph) throws(BelfryError) -> Program {
        let types = graph.inputs.map { $0.type! }
        let main = try compile(body: graph, inputs: types)
        for slot in main.outputs { use(slot, at: Int.max) }
        // What a step may free: the slots whose last use it is.
        var releases: [Int: [Int]] = [:]
        for slot in lifetimes.indices where owners[slot] == slot {
            releases[lifetimes[slot].end, default: []].append(slot)
        }
        for (body, drafts) in bodies {
            body.fill(drafts.map { GraphStep($0, releases: releases[$0.end] ?? [], path: path) })
        }
        return Program(
            main: main, slots: owners.count, buffers: bufferCount, constants: constants, lifetimes: lifetimes,
            products: products, strings: strings)
    }

    /// The steps of a graph whose inputs have these types. Used by operators that carry graphs, too.
    func compile(body graph: Graph, inputs types: [TensorType]) throws(BelfryError) -> SubgraphBody {
        guard types.count == graph.inputs.count else {
            throw .corrupt(
                "The graph “\(graph.name)” has \(graph.inputs.count) inputs where \(types.count) are needed.",
                at: .init(file: path))
        }
        scopes.append(Scope())
        for (input, type) in zip(graph.inputs, types) {
            if let declared = input.type, declared != type {
                throw .corrupt(
                    "The input “\(input.name)” of the graph “\(graph.name)” is \(declared), but gets \(type).",
                    at: .init(file: path))
            }
            try define(input.name, Value(slot: newSlot(), type: type))
        }
        let inputs = graph.inputs.map { scopes[scopes.count - 1].values[$0.name]!.slot }
        for (name, tensor) in graph.constants.sorted(by: { $0.key < $1.key }) { try define(name, constant(tensor)) }
        for node in graph.nodes { scopes[scopes.count - 1].later.formUnion(node.outputs) }
        let read = Self.namesRead(graph)
        var drafts: [StepDraft] = []
        for node in graph.nodes {
            if let draft = try compile(node, read) { drafts.append(draft) }
        }
        var outputs: [Int] = []
        var outputTypes: [TensorType] = []
        for output in graph.outputs {
            let value = try lookUp(output.name, by: "the outputs of the graph “\(graph.name)”")
            if let declared = output.type, declared != value.type {
                throw .corrupt(
                    "The output “\(output.name)” is said to be \(declared), but is computed as \(value.type).",
                    at: .init(file: path))
            }
            outputs.append(value.slot)
            outputTypes.append(value.type)
        }
        let scope = scopes.removeLast()
        // The node around this graph reads its results, and keeps what it takes from outside, until it ends.
        captured.formUnion(scope.captured)
        captured.formUnion(outputs)
        let body = SubgraphBody(inputs: inputs, outputs: outputs, types: outputTypes)
        bodies.append((body, drafts))
        return body
    }

    /// The names that a node, a graph within a node, or the graph's outputs read.
    private static func namesRead(_ graph: Graph) -> Set<String> {
        var names = Set(graph.outputs.map(\.name))
        for node in graph.nodes {
            names.formUnion(node.inputs)
            for case .graph(let inner) in node.attributes.values { names.formUnion(namesRead(inner)) }
        }
        return names
    }

    /// The graph with nodes of constants computed, as long as the results are small. What cannot be is left as it is.
    func foldSmall(_ graph: Graph) -> Graph {
        var folded = graph
        folded.nodes = []
        for node in graph.nodes {
            let names = Self.inputs(of: node)
            let inputs = names.map { graph.constants[$0] ?? folded.constants[$0] }
            let isKnown = zip(names, inputs).allSatisfy { $0.isEmpty || $1 != nil }
            let hasGraphs = node.attributes.values.contains { if case .graph = $0 { true } else { false } }
            if isKnown, !hasGraphs, inputs.allSatisfy({ ($0?.count ?? 0) <= Self.smallFold }),
                let (found, version) = try? findOperator(node), found.inputs.contains(names.count),
                found.outputs.contains(node.outputs.count)
            {
                let constants = inputs.map { $0.map { constant($0).constant! } }
                let context = NodeContext(
                    node, version: version, types: inputs.map { $0?.type }, constants: constants, self)
                if let kernel = try? found.compile(context), context.unread.isEmpty,
                    kernel.types.count >= node.outputs.count,
                    let results = try? fold(node, kernel, constants, limit: 1 << 12, label: context.label),
                    node.outputs.allSatisfy({ $0.isEmpty || folded.constants[$0] == nil })
                {
                    for (name, tensor) in zip(node.outputs, results) where !name.isEmpty {
                        folded.constants[name] = tensor
                    }
                    continue
                }
            }
            folded.nodes.append(node)
        }
        return folded
    }

    // MARK: nodes

    private func compile(_ node: GraphNode, _ read: Set<String>) throws(BelfryError) -> StepDraft? {
        let (found, version) = try findOperator(node)
        let label = NodeContext.label(node.name, node.operatorName, node.domain, version)
        var values: [Value?] = []
        for name in Self.inputs(of: node) { values.append(name.isEmpty ? nil : try lookUp(name, by: label)) }
        guard found.inputs.contains(values.count), found.outputs.contains(node.outputs.count) else {
            throw .corrupt(
                "\(label) has \(values.count) inputs and \(node.outputs.count) outputs, where \(found.inputs) and "
                    + "\(found.outputs) are allowed.", at: place(node))
        }
        let context = NodeContext(
            node, version: version, types: values.map { $0?.type }, constants: values.map { $0?.constant }, self)
        let begin = position
        position += 1
        let outer = captured
        captured = []
        let kernel = try found.compile(context)
        let inside = captured
        captured = outer
        let end = position
        position += 1
        if let attribute = context.unread.first { throw context.unsupported("the attribute “\(attribute)”") }
        guard kernel.types.count >= node.outputs.count else { throw context.invalid("it has too many outputs") }

        let isConstant = values.allSatisfy { $0 == nil || $0!.constant != nil }
        let limit = min(Self.fillings.contains(node.operatorName) ? Self.largestFilling : Self.largestFold, foldable)
        if isConstant, !context.hasBodies,
            let folded = try fold(node, kernel, values.map { $0?.constant }, limit: limit, label: label)
        {
            foldable -= folded.reduce(0) { $0 + $1.count * $1.type.size }
            for (name, tensor) in zip(node.outputs, folded) where !name.isEmpty { try define(name, constant(tensor)) }
            return nil
        }
        var outputs: [Int] = []
        for (index, name) in node.outputs.enumerated() {
            guard !name.isEmpty, read.contains(name) else {
                if !name.isEmpty { try define(name, Value(slot: -1, type: kernel.types[index])) }
                outputs.append(-1)
                continue
            }
            let sharing = kernel.sharesInput && index == 0 ? values[0]!.slot : nil
            let slot = newSlot(sharing: sharing)
            if sharing == nil { lifetimes[slot] = .init(begin: begin, end: end) }
            outputs.append(slot)
            try define(name, Value(slot: slot, type: kernel.types[index]))
        }
        for value in values { if let value { use(value.slot, at: end) } }
        for slot in inside { use(slot, at: end) }
        for slot in outputs where slot >= 0 { use(slot, at: end) }
        return StepDraft(
            kernel: kernel, inputs: values.map { $0?.slot ?? -1 }, outputs: outputs, name: node.name, label: label,
            isFused: node.domain == Operator.fused, end: end)
    }

    /// A trailing input that is left out may be written as an empty name, or not at all.
    private static func inputs(of node: GraphNode) -> ArraySlice<String> {
        var names = node.inputs[...]
        while let last = names.last, last.isEmpty { names.removeLast() }
        return names
    }

    private func findOperator(_ node: GraphNode) throws(BelfryError) -> (Operator, version: Int) {
        guard let version = node.version ?? versions[node.domain] else {
            throw .corrupt(
                "The node “\(node.name)” (\(node.domain).\(node.operatorName)) is of a domain for which the file names "
                    + "no opset.", at: place(node))
        }
        let candidates = OperatorTable.operators(node.domain, node.operatorName)
        if let found = candidates.first(where: { $0.versions.contains(version) }) { return (found, version) }
        let label = NodeContext.label(node.name, node.operatorName, node.domain, version)
        let known = candidates.map { "\($0.versions.lowerBound)…\($0.versions.upperBound)" }.joined(separator: ", ")
        throw BelfryError(
            .unsupported,
            candidates.isEmpty
                ? "\(label) is of an operator that is not supported."
                : "\(label) is of an opset that is not supported; supported are \(known).",
            at: place(node),
            remedy: Self.remedy(node, version, candidates))
    }

    /// What helps against an operator that is not there: not another opset, unless it is there in that.
    private static func remedy(_ node: GraphNode, _ version: Int, _ candidates: [Operator]) -> Remedy {
        if let known = candidates.first {
            let wanted = max(known.versions.lowerBound, min(version, known.versions.upperBound))
            return "Export the model at opset \(wanted), or convert it with onnx.version_converter."
        }
        if node.operatorName.hasPrefix("Sequence") {
            return "Export a masked mean instead of nn.EmbeddingBag with offsets, and tensors instead of lists."
        }
        switch node.domain {
        case Operator.standard:
            return
                "No opset helps. If the vector is there before this node, name that value with \(.setting(.output)); else write this "
                + "part of the model with other operators, and export it again."
        case OperatorTable.microsoftDomain:
            return "Take the graph as it was before onnxruntime optimized or quantized it: model.onnx, not one of its "
                + "variants, or export it without --optimize."
        default:
            return "“\(node.domain)” is a domain of the exporter's own: write this part of the model with standard "
                + "operators, and export it again."
        }
    }

    private func place(_ node: GraphNode) -> BelfryError.Location { .init(file: path, place: "node \(node.name)") }

    /// The node's outputs, computed now; nil if they take more than `limit` bytes.
    ///
    /// A node that cannot be computed is an error of the model, unless it is in a branch or loop, which may never run:
    /// there it is nil, too.
    private func fold(
        _ node: GraphNode, _ kernel: Kernel, _ inputs: [Tensor?], limit: Int, label: String
    ) throws(BelfryError) -> [Tensor]? {
        let slots = inputs.count + node.outputs.count
        let body = SubgraphBody(inputs: [], outputs: [], types: [])
        let outputs = node.outputs.indices.map { inputs.count + $0 }
        let draft = StepDraft(
            kernel: kernel, inputs: inputs.indices.map { inputs[$0] == nil ? -1 : $0 }, outputs: outputs,
            name: node.name, label: label, end: 0)
        body.fill([GraphStep(draft, releases: [], path: path)])
        let present = inputs.enumerated().compactMap { index, tensor in tensor.map { (slot: index, tensor: $0) } }
        let program = Program(
            main: body, slots: slots, buffers: bufferCount, constants: present, lifetimes: [], products: products,
            strings: strings)
        let frame = Frame(program, limit: limit)
        frame.begin(threads: 1)
        do throws(BelfryError) {
            try body.run(frame)
        } catch {
            guard scopes.count <= 1, !frame.hasReachedLimit else { return nil }
            // What is beyond a limit of the operator's is no fault of the file.
            throw BelfryError(
                error.code == .unsupported ? .unsupported : .corruptData, error.message, at: place(node))
        }
        // An operator need not give an output that this version of it does not have.
        for (slot, type) in zip(outputs, kernel.types) where frame.values[slot].type != type { return nil }
        return outputs.map { frame.tensor($0) }
    }

    // MARK: names and slots

    private func define(_ name: String, _ value: Value) throws(BelfryError) {
        guard scopes[scopes.count - 1].values.updateValue(value, forKey: name) == nil else {
            throw BelfryError(
                .corruptData, "Duplicate definition of name: “\(name)” is given to two values.",
                at: .init(file: path),
                remedy: "Export again with output names that no inner value of the model has.")
        }
    }

    private func lookUp(_ name: String, by reader: String) throws(BelfryError) -> Value {
        for level in scopes.indices.reversed() {
            guard let value = scopes[level].values[name] else { continue }
            for inner in scopes.indices where inner > level { scopes[inner].captured.insert(value.slot) }
            return value
        }
        let isLater = scopes.contains { $0.later.contains(name) }
        throw .corrupt(
            "The value “\(name)”, which \(reader) reads, is "
                + (isLater ? "computed by a later node: the graph has a cycle or is not sorted." : "not defined."),
            at: .init(file: path))
    }

    private func newSlot(sharing owner: Int? = nil) -> Int {
        let slot = owners.count
        owners.append(owner.map { owners[$0] } ?? slot)
        lifetimes.append(.init(begin: 0, end: 0))
        return slot
    }

    private func use(_ slot: Int, at position: Int) {
        let owner = owners[slot]
        lifetimes[owner].end = max(lifetimes[owner].end, position)
    }

    /// A new slot that holds the tensor in every run. Texts become numbers.
    private func constant(_ tensor: Tensor) -> Value {
        var held = tensor
        if tensor.type == .string {
            held = Tensor(numbers: tensor.strings.map { strings.number(of: $0) }, strings: tensor.strings, tensor.shape)
        }
        let slot = newSlot()
        constants.append((slot, held))
        return Value(slot: slot, type: tensor.type, constant: held)
    }
}
