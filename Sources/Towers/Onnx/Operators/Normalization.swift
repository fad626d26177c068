extension OperatorTable {
    static let normalization: [Operator] = []
}
