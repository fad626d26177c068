/// Series of figures as Prometheus reads them (text format, version 0.0.4).
enum PrometheusText {
    enum Kind: String { case counter, gauge }

    typealias Labels = [(name: String, value: String)]

    /// A series with its head; also where it has no values.
    /// - Parameter help: what it is; nil where the name says it.
    static func series<Value: CustomStringConvertible>(
        _ name: String, _ kind: Kind, _ help: String? = nil, _ values: [(labels: Labels, value: Value)]
    ) -> String {
        let head = (help.map { "# HELP \(name) \($0)\n" } ?? "") + "# TYPE \(name) \(kind)\n"
        return values.reduce(into: head) { text, one in text += "\(name)\(labels(one.labels)) \(one.value)\n" }
    }

    /// One figure.
    static func series(_ name: String, _ kind: Kind, _ value: some CustomStringConvertible) -> String {
        series(name, kind, nil, [([], value)])
    }

    private static func labels(_ labels: Labels) -> String {
        guard !labels.isEmpty else { return "" }
        return "{" + labels.map { "\($0.name)=\"\(escaped($0.value))\"" }.joined(separator: ",") + "}"
    }

    static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
