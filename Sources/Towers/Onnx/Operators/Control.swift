extension OperatorTable {
    static let control: [Operator] = []
}
