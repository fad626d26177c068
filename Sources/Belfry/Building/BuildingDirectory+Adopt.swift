import Files
import Shards

extension BuildingDirectory {
    /// Begins with the points and vectors of the collection at `target`, where all that differs from what is to be built
    /// is the index: nothing is embedded again.
    ///
    /// Only vectors, ids and a catalogue in which every checksum is right are taken over. Its catalogue is copied last: a
    /// copy that a crash cut short has none, and is removed by the next build.
    /// - Parameter isLocked: whether this build holds the collection's lock already.
    static func adopt(
        _ target: String, into layout: CollectionLayout, _ journal: BuildJournal, isLocked: Bool
    ) throws(BelfryError) {
        let source = CollectionLayout(path: target)
        guard System.exists(source.catalogue) else { return }
        let lock = isLocked ? nil : try WriterLock(source.lock)
        guard isLocked || lock != nil else { return }
        defer { withExtendedLifetime(lock) {} }
        let found = try Catalogue(source.catalogue, .read)
        let (built, rows, state) = try found.read { transaction in
            (
                try transaction.document("journal", as: BuildJournal.self), try transaction.segments(),
                try transaction.state()
            )
        }
        var segments: [(row: Catalogue.SegmentRow, files: [String])] = []
        for row in rows {
            let record = try SegmentRecord(row, source)
            // Slots that follow one another need no file.
            let files = CollectionLayout.rowFiles.union(record.firstSlot == nil ? ["slots"] : []).sorted()
            let bare = SegmentRecord(kind: .exact, files: files, firstSlot: record.firstSlot)
            segments.append((.init(number: row.number, rows: row.rows, record: bare.text), files))
        }
        // What else is in the collection is made anew, whatever format it has.
        // What was written to since it was built is not what the journal says.
        guard let built, built != journal, built.hasSameVectors(as: journal), state.lsn == 0,
            System.isMissing(source.log), try found.problems().isEmpty,
            segments.allSatisfy({ segment in
                segment.files.allSatisfy { SegmentFile.check("\(source.segment(segment.row.number))/\($0)").isEmpty }
            })
        else { return }
        for segment in segments {
            try source.copySegment(segment.row.number, files: segment.files, to: layout)
        }
        for folder in [layout.segments, layout.path] { try System.sync(folder) }
        CrashPoint.vectorsAdopted.reach()
        let copy = layout.catalogueCopy
        try System.copyFile(source.catalogue, to: copy)
        let catalogue = try Catalogue(copy, .create)
        try catalogue.write { transaction in
            try transaction.put("journal", journal)
            for name in ["collection", "index"] { try transaction.remove(name) }
            for segment in segments { try transaction.replace(segment.row) }
        }
        try catalogue.close()
        CrashPoint.catalogueCopied.reach()
        try System.rename(copy, to: layout.catalogue)
        try System.sync(layout.path)
        CrashPoint.catalogueAdopted.reach()
    }
}
