extension OperatorTable {
    static let microsoft: [Operator] = []
}
