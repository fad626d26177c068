/// Where a tower's files lie: in its directory, or while it is being imported still in the folder that it comes from,
/// so that an error names a file that the user has.
struct TowerFiles {
    /// The names of a graph's file, and of the numbers that it maps.
    static let graph = "model.onnx"
    static let graphWeights = "model.weights"

    /// The folder of configuration, tokenizer and encoder weights.
    let folder: String
    /// Files that lie elsewhere, by their name in the tower.
    var elsewhere: [String: String] = [:]

    /// The path of the file that a tower calls `name`.
    func path(_ name: String) -> String { elsewhere[name] ?? folder + "/" + name }
}
