extension OperatorTable {
    static let recurrent: [Operator] = []
}
