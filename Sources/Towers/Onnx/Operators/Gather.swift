extension OperatorTable {
    static let gathering: [Operator] = []
}
