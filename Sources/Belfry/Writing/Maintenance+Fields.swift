import Files
import Shards
import Synchronization

// Indexes of payload fields: made and taken away while the catalogue stands still.

extension Maintenance {
    /// What `body` makes among the files of indexes; where it fails, only those that are listed are left.
    func leavingOnly<Result>(
        _ known: FieldRecord, _ body: () throws(BelfryError) -> Result
    ) throws(BelfryError) -> Result {
        do throws(BelfryError) {
            return try body()
        } catch {
            known.removeOthers(base.layout)
            throw error
        }
    }

    /// Gives payload fields an index, or takes it away; on the seals' thread, so that the catalogue stands still.
    func changeFields(
        _ writer: Writer, adding added: [IndexedField], dropping dropped: [IndexedField]
    ) throws(BelfryError) {
        try sealing.wait { () throws(BelfryError) in
            // One that failed before comes first: its table is of before.
            if let job = writer.core.withLock({ $0.isClosed ? nil : $0.sealing }) { try self.finish(job, writer) }
            let before = writer.core.withLock { $0.state.catalogued }
            let (known, opened) = try self.catalogue.read { transaction in
                (try transaction.fieldRecord(), try before.indexes(self.base.layout, transaction))
            }
            let old = Set(try known.fields())
            let wanted = old.union(added).subtracting(dropped)
            // One whose file is damaged is made anew.
            let missing = wanted.filter { opened.indexes[$0] == nil }
            guard !missing.isEmpty || wanted != old else { return }
            var indexes = opened
            for field in indexes.indexes.keys where !wanted.contains(field) { indexes.drop(field) }
            if !missing.isEmpty {
                for index in try FieldIndexes(Array(missing), over: self.catalogue).indexes.values {
                    indexes.add(index)
                }
            }
            let record = try self.leavingOnly(known) { () throws(BelfryError) in
                try FieldRecord(
                    writing: indexes, upTo: before.lsn, from: FieldRecord.nextFile(self.base.layout), self.base.layout)
            }
            let catalogued = try CatalogueFilter(lsn: before.lsn, record)
            try self.catalogue.write { try $0.put(record) }
            writer.core.withLock { core in
                core.state.catalogued = catalogued
                writer.current.show(core.state.view)
            }
            record.removeOthers(self.base.layout)
        }
    }
}
