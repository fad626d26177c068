import Files

/// The memory of one run at a time: what is in each slot, the arena, scratch. Kept between runs.
///
/// A run for input shapes that were not seen before records how much memory each value asks for, giving every value a
/// buffer of its own that is freed after its last use; from the second one on, all values lie in one arena.
package final class Frame {
    /// What is in each slot now.
    let values: UnsafeMutablePointer<TensorView>
    let strings: StringTable
    let products: Products
    var threads = 1
    /// Whether this run finds out the sizes of values.
    private(set) var isRecording = false
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
    private let slots: Int

    init(_ program: Program, limit: Int = System.memoryLimit / 4 * 3) {
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
        isWhole = false
        strings.clear()
        if let plan, plan.total > arena.count { arena = TensorBuffer(bytes: plan.total) }
        for slot in sizes.indices { sizes[slot] = 0 }
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
    func memory(_ slot: Int, bytes: Int, _ step: Step) throws(BelfryError) -> UnsafeMutableRawPointer {
        if let plan, plan.offsets[slot] >= 0, bytes <= plan.sizes[slot] { return arena.start + plan.offsets[slot] }
        sizes[slot] = max(sizes[slot], bytes)
        // An empty value needs no memory; giving it some of the arena's is harmless.
        guard bytes > 0 else { return arena.start }
        hasOutgrownPlan = plan != nil
        if let buffer = own[slot], buffer.count >= bytes { return buffer.start }
        release([slot])
        guard bytes <= limit - liveBytes else {
            throw step.fail("its output needs \(bytes) bytes beside \(liveBytes) that are in use, of \(limit)")
        }
        let buffer = TensorBuffer(bytes: bytes)
        liveBytes += buffer.count
        own[slot] = buffer
        return buffer.start
    }

    /// Memory for an output that nobody reads.
    func unwanted(_ index: Int, bytes: Int, _ step: Step) throws(BelfryError) -> UnsafeMutableRawPointer {
        try Self.grow(&unwantedOutputs, index, bytes, limit, step)
    }

    /// A buffer that keeps its content between calls.
    func buffer(_ number: Int, bytes: Int, _ step: Step) throws(BelfryError) -> UnsafeMutableRawPointer {
        try Self.grow(&buffers, number, bytes, limit, step)
    }

    private static func grow(
        _ buffers: inout [TensorBuffer?], _ number: Int, _ bytes: Int, _ limit: Int, _ step: Step
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
