package import Files
package import Shards
import Vectors

extension View {
    /// The points with a vector in a space whose payload meets the conditions, where those of one field are alternatives;
    /// nil without conditions. What was found is kept.
    /// - Throws: `notFound` where no point meets one of them, with values that there are.
    package func points(
        where conditions: [PayloadCondition], in space: Int = 0
    ) throws(BelfryError) -> PointSet? {
        guard !conditions.isEmpty else { return nil }
        let slots = try slots(where: conditions)
        guard !slots.isEmpty else { throw try nothingMeets(conditions) }
        return filters.set(conditions, in: space) {
            pointSet(at: slots.compactMap { place(of: $0, in: space) }, in: space)
        }
    }

    /// The slots of the points whose payload meets one condition at least; empty where none does.
    package func slots(where conditions: [PayloadCondition]) throws(BelfryError) -> [Slot] {
        if let known = filters.slots(conditions) { return known }
        if let cut = conditions.first(where: { $0.field.utf8.contains(0) || $0.value.utf8.contains(0) }) {
            throw BelfryError(
                .invalidInput,
                "The condition on \(cut.field.debugDescription) has the character U+0000: no payload has.")
        }
        let fields = PayloadCondition.alternatives(conditions)
        let slots: [Slot] = try read { transaction in
            var slots = try transaction.slots(where: fields)
            guard !pending.isEmpty else { return slots }
            slots.removeAll(where: isPending)
            try forEachPending { slot, point in
                if let content = point.content, try transaction.has(content.payload, fields) { slots.append(slot) }
            }
            return slots
        }
        filters.keep(slots, conditions)
        return slots
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
