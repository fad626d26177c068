extension OperatorTable {
    static let casts: [Operator] = []
}
