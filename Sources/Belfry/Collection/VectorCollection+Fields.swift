public import Files

// Indexes of payload fields. Filters find the same without them: with them they need not read the payload of every point.
extension VectorCollection {
    /// The payload fields that have an index.
    public var indexedFields: [IndexedField] { view.catalogued.declared.sorted() }

    /// Gives payload fields an index, which all later writes keep up to date. One that has it already keeps it.
    ///
    /// ```swift
    /// try await collection.index([IndexedField(JSONPath("price"), .float)])
    /// ```
    /// - Throws: `conflict` for a collection that was opened for reading.
    public func index(_ fields: [IndexedField]) async throws(BelfryError) {
        try await writing().changeFields(adding: fields, dropping: [])
    }

    /// Takes the index of payload fields away.
    /// - Throws: `conflict` for a collection that was opened for reading.
    public func dropIndex(of fields: [IndexedField]) async throws(BelfryError) {
        try await writing().changeFields(adding: [], dropping: fields)
    }
}
