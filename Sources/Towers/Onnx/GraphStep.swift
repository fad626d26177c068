import Files

/// A node that has become code, with its values resolved to slots of a frame.
package final class GraphStep: Sendable {
    /// The code.
    let body: Kernel.Body
    /// The types of the outputs.
    let types: [TensorType]
    /// The slots of the inputs; -1 for one that is left out.
    let inputs: [Int]
    /// The slots of the outputs; -1 for one that nobody reads.
    let outputs: [Int]
    /// The slots whose memory nobody needs after this step.
    let releases: [Int]
    /// How errors name the node.
    private let label: String
    /// Whether it stands for nodes that `GraphFusion` found.
    let isFused: Bool
    private let location: BelfryError.Location

    init(_ draft: StepDraft, releases: [Int], path: String) {
        (body, types, label) = (draft.kernel.body, draft.kernel.types, draft.label)
        (inputs, outputs) = (draft.inputs, draft.outputs)
        self.releases = releases
        isFused = draft.isFused
        location = BelfryError.Location(file: path, place: "node \(draft.name)")
    }

    func fail(_ what: String, _ code: BelfryError.Code = .invalidInput) -> BelfryError {
        BelfryError(code, "\(label) cannot run: \(what).", at: location)
    }
}

/// Steps that run as one: a model's main graph, a branch, the body of a loop.
///
/// Filled once the lifetimes of all values are known, and not touched after that.
package final class SubgraphBody: @unchecked Sendable {
    /// The slots that the caller fills before it runs the steps.
    let inputs: [Int]
    /// The slots of the results.
    let outputs: [Int]
    /// The results' types.
    let types: [TensorType]
    fileprivate(set) var steps: [GraphStep] = []

    init(inputs: [Int], outputs: [Int], types: [TensorType]) {
        (self.inputs, self.outputs, self.types) = (inputs, outputs, types)
    }

    /// Runs the steps in order.
    func run(_ frame: Frame) throws(BelfryError) {
        for step in steps {
            do throws(BelfryError) {
                try step.body(Call(step: step, frame: frame))
            } catch {
                if step.isFused { frame.hasFusedFailure = true }
                throw error
            }
            if frame.isRecording { frame.release(step.releases) }
        }
    }

    func fill(_ steps: [GraphStep]) { self.steps = steps }
}

/// A step before the lifetimes of all values are known.
struct StepDraft {
    var kernel: Kernel
    var inputs: [Int]
    var outputs: [Int]
    var name: String
    var label: String
    var isFused = false
    /// When the step ends, in the order in which steps run.
    var end: Int
}
