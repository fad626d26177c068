package import Files
import Shards
import Synchronization
import Vectors

extension VectorCollection {
    /// The points whose payload meets the conditions, where those of one field are alternatives; nil without conditions.
    /// What was found is kept.
    /// - Throws: `notFound` where no point meets one of them, with values that there are.
    package func points(where conditions: [PayloadCondition]) throws(BelfryError) -> PointSet? {
        guard !conditions.isEmpty else { return nil }
        if let known = filters.withLock({ $0[conditions] }) { return known }
        if let cut = conditions.first(where: { $0.field.utf8.contains(0) || $0.value.utf8.contains(0) }) {
            throw BelfryError(
                .invalidInput,
                "The condition on \(cut.field.debugDescription) has the character U+0000: no payload has.")
        }
        var found = PointSet()
        for segment in segments { found.rows[segment.number] = RowSet(capacity: segment.vectors.rowCount) }
        try catalogue.read { transaction in
            for place in try transaction.places(where: PayloadCondition.alternatives(conditions)) {
                _ = try segment(place.segment, row: place.row, of: "A point")
                found.rows[place.segment]!.insert(place.row)
            }
        }
        guard found.count > 0 else { throw try nothingMeets(conditions) }
        filters.withLock { $0[conditions] = found }
        return found
    }

    private func nothingMeets(_ conditions: [PayloadCondition]) throws(BelfryError) -> BelfryError {
        let named = conditions.map { "\($0.field) = \($0.value)" }.joined(separator: " and ")
        let (known, fields) = try catalogue.read { transaction in
            (try transaction.values(of: conditions[0].field, limit: 20), try transaction.payloadFields(limit: 50))
        }
        return BelfryError(
            .notFound, "No point has \(named) in its payload.", at: .init(file: path),
            remedy: known.isEmpty
                ? "No point has a payload field \(conditions[0].field.debugDescription). "
                    + (fields.isEmpty ? "The points have no payload." : "There are: \(fields.joined(separator: ", ")).")
                : "Values of \(conditions[0].field): \(known.joined(separator: ", ")).")
    }
}
