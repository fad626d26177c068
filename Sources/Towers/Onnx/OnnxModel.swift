package import Files
import Synchronization
package import Vectors

/// A model from an ONNX file, ready to run.
///
/// 1. `OnnxImporter` reads the file into a graph; weights stay in the mapped file.
/// 2. `GraphCompiler` resolves values to slots and makes each node a kernel, computing at once what is constant.
/// 3. `run` fills the inputs' slots, runs the steps in order and copies the outputs.
///
/// Runs may happen at the same time; each takes a frame, which holds its memory, and gives it back.
package final class OnnxModel: Sendable {
    /// Something that the model takes or gives.
    package struct Port: Hashable, Sendable {
        package let name: String
        package let type: TensorType
        /// Nil where the file does not tell.
        package let dimensions: [Dimension]?
    }

    /// Where the file was.
    package let path: String
    /// What `run` must be given.
    package let inputs: [Port]
    /// What `run` gives.
    package let outputs: [Port]
    private let state: Mutex<State>
    /// Compiles the model operator by operator, as the file has it.
    private let compilePlainly: @Sendable () throws(BelfryError) -> Program

    // A frame is either in here or with one run.
    private struct State: @unchecked Sendable {
        var program: Program
        /// Whether `program` has operators that stand for several of the file's.
        var isFused: Bool
        /// The model operator by operator, from the first run on that a pattern has failed in.
        var plain: Program?
        var frames: [Frame] = []
        /// By the shapes of the inputs.
        var plans: [[Shape]: (plan: MemoryPlan, use: Int)] = [:]
        var uses = 0

        /// The plan for inputs of these shapes, if there is one.
        mutating func plan(_ shapes: [Shape]) -> MemoryPlan? {
            uses += 1
            plans[shapes]?.use = uses
            return plans[shapes]?.plan
        }

        mutating func keep(_ plan: MemoryPlan, _ shapes: [Shape]) {
            uses += 1
            plans[shapes] = (plan, uses)
            guard plans.count > maxPlans, let oldest = plans.min(by: { $0.value.use < $1.value.use }) else { return }
            plans[oldest.key] = nil
        }
    }

    /// Plans that are kept, those that were asked for last. Each has three numbers for every value of the model.
    private static let maxPlans = 256
    /// Frames that are kept for later runs: so many in any case, and more within so many bytes.
    private static let (minFrames, maxFrameBytes) = (2, 1 << 28)

    /// Reads and compiles the model at `path`.
    /// - Parameter fuses: Whether known patterns become one operator each: false is for tests.
    /// - Throws: `corruptData` for a file that is not a valid model, `unsupported` for operators, attributes and types
    ///   that Belfry does not know, with the node's name, its operator and opset.
    package convenience init(
        _ path: String, instructionSet: InstructionSet = .current, fuses: Bool = true
    ) throws(BelfryError) {
        let file = try OnnxImporter(path)
        try self.init(path, file.graph, file.versions, instructionSet, fuses: fuses)
    }

    init(
        _ path: String, _ graph: Graph, _ versions: [String: Int], _ instructionSet: InstructionSet, fuses: Bool
    ) throws(BelfryError) {
        self.path = path
        let products = Products(instructionSet)
        // It widens again, so that widened weights that were packed since do not live as long as the model.
        let compilePlainly: @Sendable () throws(BelfryError) -> Program = { () throws(BelfryError) in
            try GraphCompiler(path: path, versions: versions, products: products)
                .compile(GraphFusion.pruned(GraphWidening.widened(graph, products.isa)))
        }
        self.compilePlainly = compilePlainly
        var fused: Program?
        if fuses {
            let wide = try GraphWidening.widened(graph, products.isa)
            let folder = GraphCompiler(path: path, versions: versions, products: products)
            // A pattern that was taken for what it is not must not cost a model; the plain one says what is wrong.
            fused = try? GraphCompiler(path: path, versions: versions, products: products)
                .compile(GraphFusion.fused(wide, opset: versions[Operator.standard]) { folder.foldSmall($0) })
        }
        let program = if let fused { fused } else { try compilePlainly() }
        inputs = graph.inputs.map { Port(name: $0.name, type: $0.type!, dimensions: $0.dimensions) }
        outputs = zip(graph.outputs, program.main.types).map {
            Port(name: $0.name, type: $1, dimensions: $0.dimensions)
        }
        state = Mutex(State(program: program, isFused: fused != nil))
    }

    /// Whether runs still go through operators that stand for several of the file's, where patterns were found.
    var isFused: Bool { state.withLock { $0.isFused } }

    /// The model operator by operator. It is kept: an input that no run can take must not cost a compilation each time.
    func plainProgram() throws(BelfryError) -> Program {
        if let kept = state.withLock({ $0.plain }) { return kept }
        let program = try compilePlainly()
        state.withLock { $0.plain = program }
        return program
    }

    /// The outputs for these inputs.
    /// - Parameters:
    ///   - inputs: One tensor for each of `self.inputs`, by name. Others are refused.
    ///   - wanted: The names of the outputs to give; all without it.
    ///   - threads: How many threads may work on one operator.
    /// - Throws: `invalidInput` for inputs that the model cannot take, with the node that cannot if the file did not
    ///   say it.
    package func run(
        _ inputs: [String: Tensor], outputs wanted: [String]? = nil, threads: Int = 1
    ) throws(BelfryError) -> [String: Tensor] {
        var ordered: [Tensor] = []
        for port in self.inputs {
            guard let tensor = inputs[port.name] else {
                throw BelfryError(
                    .invalidInput, "The input “\(port.name)” (\(port.type)) is missing.", at: .init(file: path))
            }
            ordered.append(tensor)
        }
        if inputs.count != self.inputs.count, let name = inputs.keys.first(where: { !isInput($0) }) {
            throw BelfryError(
                .invalidInput, "The model has no input “\(name)”.", at: .init(file: path),
                remedy: "Its inputs are: \(self.inputs.map(\.name).joined(separator: ", ")).")
        }
        for name in wanted ?? [] where !outputs.contains(where: { $0.name == name }) {
            throw BelfryError(
                .invalidInput, "The model has no output “\(name)”.", at: .init(file: path),
                remedy: "Its outputs are: \(outputs.map(\.name).joined(separator: ", ")).")
        }
        let tensors = try run(ordered, only: wanted.map(Set.init), threads: threads)
        var results: [String: Tensor] = [:]
        for (port, tensor) in zip(outputs, tensors) { results[port.name] = tensor }
        return results
    }

    /// The same with one tensor for each of `self.inputs`, in their order: one of `self.outputs` for each, nil for what is
    /// not wanted. A graph of a few rows runs in less time than the names take to look up.
    func run(
        _ inputs: [Tensor], only wanted: Set<String>? = nil, threads: Int = 1
    ) throws(BelfryError) -> [Tensor?] {
        try withFrame(inputs, threads: threads) { frame in
            zip(outputs, frame.program.main.outputs).map { port, slot in
                wanted?.contains(port.name) ?? true ? frame.tensor(slot) : nil
            }
        }
    }

    /// The same for the first output, which `read` gets where the run has left it: it is valid until `read` returns.
    func withOutput<Result>(
        of inputs: [Tensor], threads: Int, _ read: (TensorView) throws(BelfryError) -> Result
    ) throws(BelfryError) -> Result {
        try withFrame(inputs, threads: threads) { frame throws(BelfryError) in
            try read(frame.values[frame.program.main.outputs[0]])
        }
    }

    /// Runs the steps, and gives `read` the frame that then holds the outputs.
    private func withFrame<Result>(
        _ inputs: [Tensor], threads: Int, _ read: (Frame) throws(BelfryError) -> Result
    ) throws(BelfryError) -> Result {
        precondition(inputs.count == self.inputs.count)
        for (port, tensor) in zip(self.inputs, inputs) { try check(tensor, port) }
        defer { withExtendedLifetime(inputs) {} }
        let (idle, current) = state.withLock { ($0.frames.popLast().map(Handover.init), $0.program) }
        let frame = idle?.frame ?? Frame(current)
        // Shapes are mostly those of the run before.
        if !frame.isPlanned(for: inputs) {
            let shapes = inputs.map(\.shape)
            frame.prepare(state.withLock { $0.program === frame.program ? $0.plan(shapes) : nil }, for: shapes)
        }
        do {
            frame.begin(threads: threads)
            defer { give(back: frame) }
            do throws(BelfryError) {
                try run(frame, inputs)
                return try read(frame)
            } catch {
                guard frame.hasFusedFailure else { throw error }
            }
        }
        // The pattern may have been taken for what it is not. If the model runs without, it does so from now on; else its
        // own error names an operator that the file has.
        let plain = Frame(try plainProgram())
        plain.begin(threads: threads)
        try run(plain, inputs)
        state.withLock { state in
            guard state.isFused else { return }
            (state.program, state.isFused, state.frames, state.plans) = (plain.program, false, [], [:])
        }
        return try read(plain)
    }

    private func run(_ frame: Frame, _ inputs: [Tensor]) throws(BelfryError) {
        for (tensor, slot) in zip(inputs, frame.program.main.inputs) { try frame.bind(tensor, to: slot) }
        try frame.program.main.run(frame)
        frame.finish()
    }

    private func isInput(_ name: String) -> Bool { inputs.contains { $0.name == name } }

    private func check(_ tensor: Tensor, _ port: Port) throws(BelfryError) {
        var fits = true
        if let dimensions = port.dimensions {
            fits = dimensions.count == tensor.shape.rank
            if fits {
                for (wanted, extent) in zip(dimensions, tensor.shape) {
                    if case .fixed(let wanted) = wanted, wanted != extent { fits = false }
                }
            }
        }
        guard tensor.type == port.type, fits else {
            let shape = port.dimensions.map { dimensions in
                "[" + dimensions.map { "\($0)" }.joined(separator: ", ") + "]"
            }
            throw BelfryError(
                .invalidInput,
                "The input “\(port.name)” must be \(port.type) \(shape ?? "of any shape"), and is \(tensor.type) "
                    + "\(tensor.shape).", at: .init(file: path))
        }
    }

    private func give(back frame: Frame) {
        let plan = frame.end(frame.program.lifetimes)
        let handover = Handover(frame: frame)
        state.withLock { state in
            guard state.program === handover.frame.program else { return }
            if let plan { state.keep(plan, handover.frame.shapes) }
            let bytes = state.frames.reduce(handover.frame.byteCount) { $0 + $1.byteCount }
            guard state.frames.count < Self.minFrames || bytes <= Self.maxFrameBytes else { return }
            state.frames.append(handover.frame)
        }
    }

    private struct Handover: @unchecked Sendable { let frame: Frame }
}

extension Dimension: CustomStringConvertible {
    package var description: String {
        switch self {
        case .fixed(let extent): "\(extent)"
        case .symbolic(let name): name.isEmpty ? "?" : name
        }
    }
}
