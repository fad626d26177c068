package import Files
package import Shards

/// A point as the catalogue has it, without its vector.
package struct StoredPoint {
    /// The id.
    package let id: PointID
    /// The id as the rows wrote it, where that is neither a number nor a UUID.
    package let key: String?
    /// Where its vector lies.
    package let place: PointPlace
    private let json: String
    private let source: String

    init(_ row: Catalogue.PointRow, _ catalogue: Catalogue) {
        (id, key, json) = (row.id, row.key, row.payload)
        place = PointPlace(segment: row.segment, row: row.row)
        source = catalogue.path
    }

    /// Parses the payload.
    package func payload() throws(BelfryError) -> JSON {
        try JSON(parsing: .init(json.utf8), source: "\(source), payload of point \(id)")
    }
}
