extension OperatorTable {
    static let reductions: [Operator] = []
}
