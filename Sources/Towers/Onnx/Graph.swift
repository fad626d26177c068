import Files

/// A graph as it was read: nodes in the order of the file, values by name.
struct Graph: Sendable {
    var name: String
    var nodes: [GraphNode]
    /// Values that are known at import.
    var constants: [String: Tensor]
    /// Inputs that a caller must give.
    var inputs: [GraphValue]
    var outputs: [GraphValue]
}

/// One operation.
struct GraphNode: Sendable {
    /// What errors call it: its name, or its number and first output.
    var name: String
    var operatorName: String
    var domain: String
    /// Names of values; empty for an optional one that is left out.
    var inputs: [String]
    var outputs: [String]
    var attributes: [String: Attribute]
    /// The version of its domain's operator set, if it is not the model's.
    var version: Int?
}

/// What a graph takes or gives.
struct GraphValue: Sendable {
    var name: String
    /// Nil where the file does not say, as is allowed in subgraphs.
    var type: TensorType?
    /// Nil where the file does not even tell the rank.
    var dimensions: [Dimension]?
}

/// The extent of one dimension of an input or output.
package enum Dimension: Hashable, Sendable {
    case fixed(Int)
    /// Known only when the model runs; the same name, if it has one, means the same extent.
    case symbolic(String)
}

/// What a node carries beside its inputs.
enum Attribute: Sendable {
    case int(Int), float(Float), string(String)
    case ints([Int]), floats([Float]), strings([String])
    case tensor(Tensor), graph(Graph)
    /// Of a kind that no operator reads.
    case other(String)
}
