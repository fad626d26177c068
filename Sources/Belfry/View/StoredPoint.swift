package import Files
package import Shards

/// A point as the catalogue has it, without its vector.
package struct StoredPoint {
    /// The id.
    package let id: PointID
    /// The id as the rows wrote it, where that is neither a number nor a UUID.
    package let key: String?
    /// The id as it was written.
    package var name: String { key ?? id.description }
    /// The slot.
    let slot: Slot
    /// The LSN of the write that made it what it is.
    package let version: UInt64
    /// The digest of what a build has made the vector of; nil for a point that no build has written.
    package let source: Int64?
    /// The payload as it is kept: the text of a JSON object.
    package let json: String
    private let origin: String

    init(_ row: Catalogue.PointRow, _ origin: String) {
        (id, key, slot, version, source) = (row.id, row.key, row.slot, row.version, row.source)
        (json, self.origin) = (row.payload, origin)
    }

    init(_ slot: Slot, _ point: PendingPoint, _ content: PendingPoint.Content, _ origin: String) {
        (id, key, self.slot, version, source) = (point.id, content.key, slot, point.version, content.source)
        (json, self.origin) = (content.payload, origin)
    }

    /// Parses the payload.
    package func payload() throws(BelfryError) -> JSON {
        try JSON(parsing: .init(json.utf8), source: "\(origin), payload of point \(id)")
    }
}
