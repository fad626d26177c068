extension OperatorTable {
    static let convolution: [Operator] = []
}
