/// The values of labels, as Prometheus's text format (version 0.0.4) writes them.
enum PrometheusLabel {
    static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
