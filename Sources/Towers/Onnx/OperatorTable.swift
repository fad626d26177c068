/// All operators, by domain and name.
enum OperatorTable {
    private static let lists: [[Operator]] = [
        arithmetic, comparison, functions, casts, reductions, running, movement, making, gathering, products, control,
        curves, selection, padding, sums, attention, convolution, normalization, recurrent, quantization,
        machineLearning, featureScaling,
        microsoft, fused,
    ]

    private static let byName: [String: [Operator]] = Dictionary(
        grouping: lists.flatMap { $0 }, by: { key($0.domain, $0.name) })

    /// The operators called `name`, one for each range of versions.
    static func operators(_ domain: String, _ name: String) -> [Operator] { byName[key(domain, name)] ?? [] }

    private static func key(_ domain: String, _ name: String) -> String { domain + "." + name }
}
