package import Files

extension VectorCollection {
    /// Changes which payload fields a table of answers shows, the recall of searches that do not name their own, how
    /// texts are searched for, and what reads their answers once more.
    /// - Parameter note: hears what was removed that a killed writer had left.
    package func change(
        show fields: [String], recall: Double, texts: TextSearch, reranker: CollectionReranker.Description?,
        note: (String) -> Void = { _ in }
    ) throws(BelfryError) {
        guard let lock = try WriterLock(base.layout.lock) else {
            throw BelfryError(.conflict, "Another process is writing to the collection.", at: .init(file: path))
        }
        defer { withExtendedLifetime(lock) {} }
        var changed = configuration
        (changed.show, changed.recall, changed.texts) = (fields, recall, texts)
        changed.reranker = try copied(reranker)
        let catalogue = try Catalogue(base.layout.catalogue, .create)
        // What is listed now: others may have written since this one was opened.
        let listed = try catalogue.read { try $0.segments() }
        try base.layout.sweep(SegmentRecord.files(of: listed, base.layout), note: note)
        try catalogue.write { try $0.put("collection", changed) }
        try catalogue.close()
        base.layout.removeTowers(but: changed)
    }

    /// A cross-encoder of the collection: the one that it has, or a copy.
    private func copied(_ wanted: CollectionReranker.Description?) throws(BelfryError) -> CollectionReranker? {
        guard let wanted else { return nil }
        guard let own = configuration.reranker, try wanted.fingerprint() == own.tower.fingerprint else {
            return try BuildingDirectory.copy(wanted, into: base.layout)
        }
        return CollectionReranker(wanted, own.tower)
    }
}
