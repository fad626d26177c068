package import Files
import Foundation
package import Shards
package import Vectors

/// A point to be written: its vector goes into a segment, and this into the catalogue.
package struct NewPoint: Sendable {
    /// The id.
    package var id: PointID
    /// The id as the rows wrote it, where it is neither a number nor a UUID.
    package var key: String?
    /// A JSON object.
    package var payload: String
    /// The digest of what its vector is made of; nil for one that no build has made.
    package var source: Int64?
    /// The version; nil for the build's own.
    package var version: UInt64?

    /// A point.
    package init(id: PointID, key: String?, payload: String) {
        (self.id, self.key, self.payload) = (id, key, payload)
    }
}

extension BuildingDirectory {
    /// Writes one segment and lists it.
    /// - Parameters:
    ///   - vectors: as many rows as there are points, all of which can be compared by the collection's metric.
    ///   - refused: how many more rows were embedded and cannot be stored. An interrupted build goes on behind them.
    package func write(
        _ points: [NewPoint], _ vectors: Matrix, _ elementType: ElementType, refused: Int, threads: Int
    ) throws(BelfryError) {
        let count = refusedRows + refused
        guard !points.isEmpty else {
            try catalogue.write { try $0.put(Self.refused, count) }
            refusedRows = count
            return
        }
        let number = (segments.last?.number ?? 0) + 1
        try System.createDirectory(layout.segment(number))
        CrashPoint.segmentFolderMade.reach()

        let shard = try ShardWriter(
            layout.vectors(number), dimension: vectors.columns, elementType: elementType, threads: threads)
        try shard.append(vectors)
        try shard.finish()
        CrashPoint.vectorsWritten.reach()

        let ids = try IDsWriter(layout.ids(number))
        for point in points { try ids.append(point.id) }
        try ids.finish()
        CrashPoint.idsWritten.reach()
        for folder in [layout.segment(number), layout.segments, layout.path] { try System.sync(folder) }
        CrashPoint.segmentSynced.reach()

        guard let firstSlot = Slot(exactly: finishedRows), finishedRows + points.count <= Int(Slot.max) else {
            throw Self.tooMany(layout.path)
        }
        let record = SegmentRecord(kind: .exact, files: CollectionLayout.rowFiles.sorted(), firstSlot: firstSlot)
        let segment = Catalogue.SegmentRow(number: number, rows: points.count, record: record.text)
        try catalogue.write { transaction in
            for (slot, point) in zip(firstSlot..., points) {
                try transaction.insert(
                    .init(
                        slot: slot, id: point.id, key: point.key, payload: point.payload,
                        version: point.version ?? previous?.nextVersion ?? 0, source: point.source))
            }
            CrashPoint.pointsInserted.reach()
            try transaction.insert(segment)
            if refused > 0 { try transaction.put(Self.refused, count) }
        }
        segments.append(segment)
        refusedRows = count
        CrashPoint.segmentListed.reach()
    }

    /// Writes the users in the place of those that are there.
    /// - Parameter next: gives one after another, and nil at the end.
    package func writeUsers(_ next: () throws(BelfryError) -> User?) throws(BelfryError) {
        try catalogue.write { transaction in
            try transaction.removeUsers()
            while let user = try next() { try transaction.insert(user) }
        }
    }
}
