extension OperatorTable {
    static let arithmetic: [Operator] = []
}
