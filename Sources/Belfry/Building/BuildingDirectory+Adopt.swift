import Files
import Shards

extension BuildingDirectory {
    /// Begins with the points and vectors of the collection at `target`, where all that differs from what is to be built
    /// is the index: nothing is embedded again.
    ///
    /// Only vectors, ids and a catalogue in which every checksum is right are taken over. Its catalogue is copied last: a
    /// copy that a crash cut short has none, and is removed by the next build.
    static func adopt(_ target: String, into layout: CollectionLayout, _ journal: BuildJournal) throws(BelfryError) {
        let source = CollectionLayout(path: target)
        guard System.exists(source.catalogue), let lock = try WriterLock(source.lock) else { return }
        defer { withExtendedLifetime(lock) {} }
        let found = try Catalogue(source.catalogue, .read)
        let (built, segments) = try found.read { transaction in
            (try transaction.document("journal", as: BuildJournal.self), try transaction.segments())
        }
        // What else is in the collection is made anew, whatever format it has.
        guard let built, built != journal, built.hasSameVectors(as: journal), try found.problems().isEmpty,
            segments.allSatisfy({ segment in
                CollectionLayout.rowFiles.allSatisfy {
                    SegmentFile.check("\(source.segment(segment.number))/\($0)").isEmpty
                }
            })
        else { return }
        for segment in segments {
            let folder = layout.segment(segment.number)
            try System.createDirectory(folder)
            for name in CollectionLayout.rowFiles.sorted() {
                try System.copyFile("\(source.segment(segment.number))/\(name)", to: "\(folder)/\(name)")
            }
            try System.sync(folder)
        }
        for folder in [layout.segments, layout.path] { try System.sync(folder) }
        CrashPoint.vectorsAdopted.reach()
        let copy = layout.catalogueCopy
        try System.copyFile(source.catalogue, to: copy)
        let catalogue = try Catalogue(copy, .create)
        try catalogue.write { transaction in
            try transaction.put("journal", journal)
            for name in ["collection", "index"] { try transaction.remove(name) }
        }
        try catalogue.close()
        CrashPoint.catalogueCopied.reach()
        try System.rename(copy, to: layout.catalogue)
        try System.sync(layout.path)
        CrashPoint.catalogueAdopted.reach()
    }
}
