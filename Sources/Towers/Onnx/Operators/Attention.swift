extension OperatorTable {
    static let attention: [Operator] = []
}
