import Files
import Towers
import Vectors

/// Makes vectors of the queries that recall targets are calibrated on: of all, or of a seeded sample of many.
struct CalibrationReader {
    let source: CalibrationSource
    let tower: Tower
    let metric: Metric

    /// Queries that are used at most: as many as rows of the data would be.
    private static let maxQueries = 2_000

    /// The vectors, or nil where there are none. Rows that cannot be used are left out.
    func vectors(threads: Int) throws(BelfryError) -> Matrix? {
        let (texts, objects) = try sample()
        guard !texts.isEmpty || !objects.isEmpty else { return nil }
        let found =
            objects.isEmpty
            ? try tower.embed(texts, as: .query, threads: threads)
            : try tower.embed(objects, as: .query, source: source.rows.file, threads: threads)
        // A query without a direction is nobody's.
        return found.usable(by: VectorCheck(dimension: found.columns, metric: metric))
    }

    /// Texts, or objects of the tower's fields: of many rows a sample.
    private func sample() throws(BelfryError) -> (texts: [String], objects: [JSON]) {
        let rows = try RowReader(source.rows.file, format: source.rows.format)
        let read = try reader(rows)
        var sample = Reservoir<Item.Content>(Self.maxQueries, seed: 1)
        while let event = try rows.next() {
            guard case .row(let row) = event, let query = try? read(row) else { continue }
            sample.offer(query)
        }
        return (
            sample.elements.compactMap { if case .text(let text) = $0 { text } else { nil } },
            sample.elements.compactMap { if case .fields(let object) = $0 { object } else { nil } }
        )
    }

    private struct Unusable: Error {}

    /// What makes a query of a row.
    private func reader(_ rows: RowReader) throws(BelfryError) -> (Row) throws -> Item.Content {
        func column(_ name: String) throws(BelfryError) -> Column { try rows.column(source.rows.reference(name)) }
        switch source.query {
        case .text(let name)?:
            let column = try column(name)
            return { row in
                guard let text = row.text(column)?.trimmed, !text.isEmpty else { throw Unusable() }
                return .text(text)
            }
        case .session(let name)?:
            let column = try column(name)
            guard let field = tower.sessionField else { preconditionFailure("the build refuses such a tower") }
            return { [tower] row in
                let items = try row.names(column).map { tower.value(ofElement: $0, field: field) }
                let object = JSON.object([field: .array(items)])
                try tower.check(object)
                return .fields(object)
            }
        default:
            let columns = try FieldColumns(tower, [:], in: rows, source.rows)
            return { row in .fields(try columns.object(row)) }
        }
    }
}
