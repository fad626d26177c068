import Files

extension Tensor {
    /// The elements of a tensor of floats as f32.
    func floats(_ path: String) throws(BelfryError) -> [Float] {
        defer { withExtendedLifetime(self) {} }
        return try view.withFloats(path) { Array(UnsafeBufferPointer(start: $0, count: count)) }
    }
}

extension TensorView {
    /// Calls `body` with the elements of a tensor of floats as f32: where they lie, or a copy of other types'.
    func withFloats<Result>(_ path: String, _ body: (UnsafePointer<Float>) -> Result) throws(BelfryError) -> Result {
        func converted<Element: TensorElement>(_ convert: (Element) -> Float) -> Result {
            let values = UnsafeBufferPointer(start: elements(Element.self), count: count).map(convert)
            return values.withUnsafeBufferPointer { body($0.baseAddress!) }
        }
        switch type {
        case .float32: return body(floats)
        case .float64: return converted { (value: Double) in Float(value) }
        case .float16: return converted { (value: Float16) in Float(value) }
        case .bfloat16: return converted { (value: BFloat16) in value.float }
        default:
            throw BelfryError(.unsupported, "The values are \(type): they are no vectors.", at: .init(file: path))
        }
    }
}
