extension OperatorTable {
    static let movement: [Operator] = []
}
