package import Files

/// A text template with the columns of its fields in one file.
package struct TextColumns {
    private let template: TextTemplate
    private let columns: [UTF8Key: Column]

    /// Finds the columns in `rows`.
    /// - Throws: `notFound` with the columns that are there.
    package init(_ template: TextTemplate, in rows: RowReader, _ source: RowSource) throws(BelfryError) {
        var columns: [UTF8Key: Column] = [:]
        for field in template.fields { columns[UTF8Key(field)] = try rows.column(source.reference(field)) }
        (self.template, self.columns) = (template, columns)
    }

    /// The text for one row, or nil where none of the fields has a value.
    package func text(_ row: Row) -> String? {
        template.text { field in columns[UTF8Key(field)].flatMap { row.text($0) } }
    }
}
