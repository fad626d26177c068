extension OperatorTable {
    static let machineLearning: [Operator] = []
}
