extension OperatorTable {
    static let quantization: [Operator] = []
}
