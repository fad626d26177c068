import Files

/// A graph that has become code: what all runs share.
final class Program: Sendable {
    let main: SubgraphBody
    /// How many slots a frame needs.
    let slots: Int
    /// How many buffers of nodes' own a frame needs.
    let buffers: Int
    /// The slots that hold the same value in every run.
    let constants: [(slot: Int, tensor: Tensor)]
    /// When each slot's memory is in use.
    let lifetimes: [MemoryPlan.Lifetime]
    let products: Products
    /// The texts of the constants. Not written any more.
    nonisolated(unsafe) let strings: StringTable

    init(
        main: SubgraphBody, slots: Int, buffers: Int, constants: [(slot: Int, tensor: Tensor)],
        lifetimes: [MemoryPlan.Lifetime], products: Products, strings: StringTable
    ) {
        (self.main, self.slots, self.buffers, self.constants) = (main, slots, buffers, constants)
        (self.lifetimes, self.products, self.strings) = (lifetimes, products, strings)
    }
}
