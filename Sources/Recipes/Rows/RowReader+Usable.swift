package import Files

extension RowReader {
    /// What `make` makes of the next row that can be used, or nil at the end.
    /// - Parameter badRow: hears of each row that cannot be used, and stops the reading if it throws.
    package func nextUsable<Value>(
        badRow: (BelfryError) throws(BelfryError) -> Void, _ make: (Row) throws(RowProblem) -> Value
    ) throws(BelfryError) -> Value? {
        while let event = try next() {
            do throws(RowProblem) {
                switch event {
                case .row(let row): return try make(row)
                case .problem(let problem): throw problem
                }
            } catch {
                try badRow(error.error(in: path))
            }
        }
        return nil
    }
}
