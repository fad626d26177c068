import Files
import Shards
import Synchronization

// Kinds of vector that come and go. Each has segments of its own, so that those of the others stay as they are.
extension Maintenance {
    /// Changes the kinds of vector. Nobody writes meanwhile, and the table is empty; searches go on with what they have.
    ///
    /// On the seals' thread: what is merged meanwhile is put in its place afterwards, if that is still there.
    func changeSpaces(_ writer: Writer, _ change: SpaceChange) throws(BelfryError) {
        try sealing.wait { () throws(BelfryError) in
            try self.concludeMerge(writer)
            let old = self.base
            let configuration = try change.applied(to: old.configuration, old.path)
            let base = try CollectionBase(old, configuration, schema: old.schema + 1)
            let (state, isClosed) = writer.core.withLock { ($0.state, $0.isClosed) }
            guard !isClosed else {
                throw BelfryError(.conflict, "The collection was closed.", at: .init(file: old.path))
            }
            precondition(
                state.pending.count == 1 && state.pending[0].isUnused, "the table was sealed, and nobody writes")
            var changed = state.moved(to: base, nextNumber: self.takeNumbers(configuration.spaces.count))
            let filled = try self.fillWords(of: &changed, known: old.configuration)
            let gone = Set(state.segments.map(\.segment.number)).subtracting(changed.segments.map(\.segment.number))
            do throws(BelfryError) {
                try self.catalogue.write { try Self.record(changed, filled, without: gone, $0) }
            } catch {
                // It may have been done after all; where nobody can say, nothing more is written here.
                let isDone = try? self.catalogue.read { try $0.schema() == base.schema }
                if isDone == false {
                    for segment in filled { self.remove(segment.number) }
                    throw error
                }
                guard isDone == true, (try? self.catalogue.write { try $0.confirm() }) != nil else {
                    writer.core.withLock { $0.isClosed = true }
                    throw error
                }
            }
            CrashPoint.spacesListed.reach()
            writer.core.withLock { core in
                core.state = changed
                for number in gone { core.recorded[number] = nil }
                writer.current.show(core.state.view)
            }
            for number in gone { self.remove(number) }
            base.layout.removeTowers(of: old.configuration.spaces, but: configuration)
        }
    }

    /// Fills the spaces of words that have come, out of the payloads of all points.
    private func fillWords(
        of changed: inout WriteState, known: CollectionConfiguration
    ) throws(BelfryError) -> [Catalogue.SegmentRow] {
        var configuration = changed.base.configuration
        var filled: [Catalogue.SegmentRow] = []
        let backfill = WordBackfill(catalogue: catalogue, layout: base.layout, threads: 1)
        for (place, space) in configuration.spaces.enumerated()
        where space.words != nil && !known.spaces.contains(where: { $0.stored == space.stored }) {
            let (counted, row) = try leavingNothing(of: filled.map(\.number)) { () throws(BelfryError) in
                try mergesEnd.canEnd { () throws(BelfryError) in try backfill.fill(space, number: takeNumbers(1)) }
            }
            configuration.spaces[place] = counted
            if let row { filled.append(row) }
        }
        guard !filled.isEmpty else { return [] }
        changed.base = try CollectionBase(changed.base, configuration, schema: changed.base.schema)
        for row in filled {
            let record = try SegmentRecord(row, changed.base.layout)
            changed.segments.append(
                LiveSegment(
                    segment: try CollectionSegment(
                        row.number, rows: row.rows, record, changed.base.layout, configuration)))
        }
        return filled
    }

    private static func record(
        _ changed: WriteState, _ filled: [Catalogue.SegmentRow], without gone: Set<Int>,
        _ transaction: Catalogue.Transaction
    ) throws {
        for number in gone { try transaction.removeSegment(number) }
        for segment in filled { try transaction.insert(segment) }
        try transaction.put("collection", changed.base.configuration)
        var state = try transaction.state()
        (state.schema, state.vectors, state.segments) = (
            changed.base.schema, changed.vectorCounts, changed.segments.count
        )
        try transaction.put(state)
        CrashPoint.spacesRecording.reach()
    }
}

extension WriteState {
    /// The same with the kinds of vector of another base, and an empty table.
    /// - Parameter number: of the first segment that the table will be.
    fileprivate func moved(to base: CollectionBase, nextNumber number: Int) -> WriteState {
        var state = self
        state.base = base
        state.segments = segments.compactMap { live in
            let space = self.base.configuration.spaces[live.segment.space]
            guard let place = base.configuration.spaces.firstIndex(where: { $0.stored == space.stored }) else {
                return nil
            }
            var live = live
            live.segment.space = place
            return live
        }
        state.pending = [base.newTable(number)]
        state.plans = PlanCache()
        return state
    }
}
