extension OperatorTable {
    static let functions: [Operator] = []
}
