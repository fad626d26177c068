/// What searches of a segment have looked at.
public struct SearchTrace: Hashable, Sendable {
    /// Distances estimated or computed.
    public var evaluations = 0
    /// Rows of these that were estimated again on the codes of all components.
    public var reranked = 0
    /// Rows read from the shard because the codes left it in doubt who is among the nearest; nil after a scan, which does
    /// not count them.
    public var exactlyReranked: Int? = 0
    /// Bytes of the index and of codes, not of the shard.
    public var bytes = 0
}
