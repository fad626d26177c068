import Files

/// The memory of one run at a time: what is in each slot, the arena, scratch. Kept between runs.
///
/// Memory that the last runs had no need of is given back every now and then.
///
/// A run for input shapes that were not seen before records how much memory each value asks for, giving every value a
/// buffer of its own that is freed after its last use; from the second one on, all values lie in one arena.
package final class Frame {
    /// What is in each slot now.
    let values: UnsafeMutablePointer<TensorView>
    let program: Program
    let strings: StringTable
    let products: Products
    var threads = 1
    /// Whether this run finds out the sizes of values.
    private(set) var isRecording = false
    /// Whether the run ended in an operator that stands for several of the model's.
    var hasFusedFailure = false
    /// Bytes that each slot asked for beyond its place in the arena.
    private var sizes: [Int]
    /// Whether a value did not fit into its place in the arena.
    private var hasOutgrownPlan = false
    private var isWhole = false
    private var plan: MemoryPlan?
    /// The shapes of the inputs that the plan is for.
    private(set) var shapes: [Shape] = []
    private var arena = TensorBuffer(bytes: 0)
    private var own: [TensorBuffer?]
    private var buffers: [TensorBuffer?]
    private var unwantedOutputs: [TensorBuffer?] = []
    /// Bytes in buffers of values' own, and how many there may be.
    private var liveBytes = 0
    private let limit: Int
    /// Whether a value or buffer would have taken more memory than is allowed.
    private(set) var hasReachedLimit = false
    private let slots: Int
    /// Runs since the frame was made, and the most bytes that the last ones asked for: of the arena, of each buffer.
    private var runs = 0
    private var asked: [Int]
    private static let runsUntilShrinking = 64

    /// Turns that the loops of one run may take together: a recurrent layer written as a loop takes one for a token.
    static let maxTurns = 1 << 20
    private var turns = 0

    init(_ program: Program, limit: Int = System.memoryLimit / 4 * 3) {
        self.program = program
        slots = program.slots
        self.limit = limit
        products = program.products
        strings = StringTable(after: program.strings)
        values = .allocate(capacity: max(slots, 1))
        let nothing = TensorView(type: .float32, shape: [0], start: arena.start)
        values.initialize(repeating: nothing, count: max(slots, 1))
        sizes = [Int](repeating: 0, count: slots)
        own = [TensorBuffer?](repeating: nil, count: slots)
        buffers = [TensorBuffer?](repeating: nil, count: program.buffers)
        asked = [Int](repeating: 0, count: program.buffers + 1)
        for (slot, constant) in program.constants { values[slot] = constant.view }
    }

    deinit { values.deallocate() }

    /// Whether there is a plan for inputs of such shapes.
    func isPlanned(for inputs: [Tensor]) -> Bool {
        plan != nil && shapes.elementsEqual(inputs) { $0 == $1.shape }
    }

    /// Takes the plan for inputs of these shapes; without one the next run finds out the sizes.
    func prepare(_ plan: MemoryPlan?, for shapes: [Shape]) { (self.plan, self.shapes) = (plan, shapes) }

    /// Gets ready for a run.
    func begin(threads: Int) {
        self.threads = threads
        isRecording = plan == nil
        hasOutgrownPlan = false
        hasFusedFailure = false
        isWhole = false
        turns = 0
        strings.clear()
        shrink()
        if let plan, plan.total > arena.count { arena = TensorBuffer(bytes: plan.total) }
        for slot in sizes.indices { sizes[slot] = 0 }
    }

    /// Every so many runs gives back what none of them needed.
    private func shrink() {
        asked[0] = max(asked[0], plan?.total ?? 0)
        runs += 1
        guard runs % Self.runsUntilShrinking == 0 else { return }
        if arena.count > 2 * max(asked[0], 64) { arena = TensorBuffer(bytes: asked[0]) }
        for number in buffers.indices where (buffers[number]?.count ?? 0) > 2 * max(asked[number + 1], 64) {
            buffers[number] = nil
        }
        unwantedOutputs.removeAll()
        for index in asked.indices { asked[index] = 0 }
    }

    /// Bytes of the arena and the buffers.
    var byteCount: Int { (buffers + unwantedOutputs).reduce(arena.count) { $0 + ($1?.count ?? 0) } }

    /// Counts a turn of a loop; false if there have been too many.
    func turn() -> Bool {
        turns += 1
        return turns <= Self.maxTurns
    }

    /// Puts an input of the model into its slot; the tensor must outlive the run.
    func bind(_ tensor: Tensor, to slot: Int) throws(BelfryError) {
        guard tensor.type == .string else {
            values[slot] = tensor.view
            return
        }
        if own[slot] == nil || own[slot]!.count < 4 * tensor.count { own[slot] = TensorBuffer(bytes: 4 * tensor.count) }
        let numbers = own[slot]!.start.assumingMemoryBound(to: UInt32.self)
        for (index, text) in tensor.strings.enumerated() { numbers[index] = strings.number(of: text) }
        values[slot] = TensorView(type: .string, shape: tensor.shape, start: own[slot]!.start)
    }

    /// Notes that the run reached its end, so that the sizes it found can be used.
    func finish() { isWhole = true }

    /// Gives back what values had beside the arena. The plan for the next run like this one, if there is a better one.
    func end(_ lifetimes: [MemoryPlan.Lifetime]) -> MemoryPlan? {
        guard isRecording || hasOutgrownPlan else { return nil }
        for slot in own.indices { own[slot] = nil }
        liveBytes = 0
        guard isWhole else { return nil }
        plan = MemoryPlan(sizes: plan.map { zip(sizes, $0.sizes).map { max($0, $1) } } ?? sizes, lifetimes: lifetimes)
        return plan
    }

    /// Memory for the value of a slot.
    func memory(_ slot: Int, bytes: Int, _ step: GraphStep) throws(BelfryError) -> UnsafeMutableRawPointer {
        if let plan, plan.offsets[slot] >= 0, bytes <= plan.sizes[slot] { return arena.start + plan.offsets[slot] }
        sizes[slot] = max(sizes[slot], bytes)
        // An empty value needs no memory; giving it some of the arena's is harmless.
        guard bytes > 0 else { return arena.start }
        hasOutgrownPlan = plan != nil
        if let buffer = own[slot], buffer.count >= bytes { return buffer.start }
        release([slot])
        guard bytes <= limit - liveBytes else {
            hasReachedLimit = true
            throw step.fail("its output needs \(bytes) bytes beside \(liveBytes) that are in use, of \(limit)")
        }
        let buffer = TensorBuffer(bytes: bytes)
        liveBytes += buffer.count
        own[slot] = buffer
        return buffer.start
    }

    /// Memory for an output that nobody reads.
    func unwanted(_ index: Int, bytes: Int, _ step: GraphStep) throws(BelfryError) -> UnsafeMutableRawPointer {
        hasReachedLimit = hasReachedLimit || bytes > limit
        return try Self.grow(&unwantedOutputs, index, bytes, limit, step)
    }

    /// A buffer that keeps its content between calls.
    func buffer(_ number: Int, bytes: Int, _ step: GraphStep) throws(BelfryError) -> UnsafeMutableRawPointer {
        while asked.count <= number + 1 { asked.append(0) }
        asked[number + 1] = max(asked[number + 1], bytes)
        hasReachedLimit = hasReachedLimit || bytes > limit
        return try Self.grow(&buffers, number, bytes, limit, step)
    }

    private static func grow(
        _ buffers: inout [TensorBuffer?], _ number: Int, _ bytes: Int, _ limit: Int, _ step: GraphStep
    ) throws(BelfryError) -> UnsafeMutableRawPointer {
        while buffers.count <= number { buffers.append(nil) }
        if let buffer = buffers[number], buffer.count >= bytes { return buffer.start }
        guard bytes <= limit else { throw step.fail("it needs \(bytes) bytes of \(limit)") }
        let buffer = TensorBuffer(bytes: bytes)
        if let old = buffers[number] { buffer.start.copyMemory(from: old.start, byteCount: old.count) }
        buffers[number] = buffer
        return buffer.start
    }

    /// A copy of what is in the slot.
    func tensor(_ slot: Int) -> Tensor {
        let view = values[slot]
        if view.type == .string {
            let numbers = UnsafeBufferPointer(start: view.start.assumingMemoryBound(to: UInt32.self), count: view.count)
            return Tensor(strings: numbers.map { strings.text($0) }, shape: view.shape)
        }
        let buffer = TensorBuffer(bytes: view.byteCount)
        buffer.start.copyMemory(from: view.start, byteCount: view.byteCount)
        return Tensor(buffer, type: view.type, shape: view.shape)
    }

    /// Frees the buffers of these slots.
    func release(_ slots: [Int]) {
        for slot in slots {
            guard let buffer = own[slot] else { continue }
            liveBytes -= buffer.count
            own[slot] = nil
        }
    }
}
