extension OperatorTable {
    static let comparison: [Operator] = []
}
