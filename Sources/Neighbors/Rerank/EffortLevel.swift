/// How hard a search works: some integers that only the index understands, as the size of a pool, or of a list count.
public struct EffortLevel: Hashable, Sendable {
    /// What the index makes of them is its own affair; every level of a ladder has the same number of them.
    public var parameters: [UInt32]

    /// A level with its parameters.
    public init(_ parameters: [UInt32]) { self.parameters = parameters }
}
