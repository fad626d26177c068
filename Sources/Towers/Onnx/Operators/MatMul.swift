extension OperatorTable {
    static let products: [Operator] = []
}
