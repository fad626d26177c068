import Belfry
import Files

extension CollectionBuilder {
    /// The summary of a collection that is there and is what would be built.
    func existing(
        _ path: String, _ journal: BuildJournal, _ observer: Observer
    ) throws(BelfryError) -> Summary? {
        guard System.exists(path) else { return nil }
        try BuildingDirectory.requireCollection(path)
        let built: BuildJournal?
        do throws(BelfryError) {
            built = try BuildJournal.of(path)
            if built == journal {
                // Who asks to replace a collection that is up to date thinks that it is damaged.
                if replace, try VectorCollection.check(path).contains(where: { !$0.problems.isEmpty }) { return nil }
                return try upToDate(path, observer)
            }
        } catch {
            if replace { return nil }
            var error = error
            error.remedy = "Add \(.setting(.replacing)) to build the collection again."
            throw error
        }
        if replace { return nil }
        // Rows and users come and go: what they are made into is the same.
        if let built, built.differsInRowsAlone(from: journal) { return nil }
        var changes: [String] = []
        if built?.recipe != journal.recipe { changes.append("the recipe has changed") }
        if built?.rows != journal.rows { changes.append("the rows in \(recipe.rows.file) have changed") }
        if built?.tower != journal.tower { changes.append("the tower has changed") }
        if built?.users != journal.users { changes.append("the users have changed") }
        if built?.words != journal.words { changes.append("what is searched by words has changed") }
        if built?.limit != journal.limit {
            changes.append("the limit was \(Self.describe(built?.limit)) and is now \(Self.describe(journal.limit))")
        }
        if built?.sample != journal.sample {
            changes.append("the sample was \(Self.describe(built?.sample)) and is now \(Self.describe(journal.sample))")
        }
        let isVectorsAlone = built.map(journal.hasSameVectors) ?? false
        if built?.index != journal.index {
            changes.append("the index was \(built?.index ?? "none") and is now \(journal.index ?? "none")")
        }
        throw BelfryError(
            .conflict, "A collection is there that was built otherwise: \(changes.joined(separator: ", ")).",
            at: .init(file: path),
            remedy: (isVectorsAlone
                ? "Add \(.setting(.replacing)) to build the rest again: nothing is embedded, and "
                : "Add \(.setting(.replacing)) to build it again; ")
                + "the old one serves until the new one is done.")
    }

    private func upToDate(_ path: String, _ observer: Observer) throws(BelfryError) -> Summary {
        try BuildingDirectory.removeLeftovers(of: path, tower: recipe.tower, note: observer.note)
        let collection = try VectorCollection(path)
        _ = try collection.towers()
        let recall = recipe.recall ?? collection.recallOfIndex
        let known = collection.configuration
        let isReranked = try isReranked(as: recipe.reranker, known.reranker)
        if known.show != recipe.show || known.recall != recall || known.texts != recipe.texts || !isReranked {
            try collection.change(
                show: recipe.show, recall: recall, texts: recipe.texts, reranker: recipe.reranker, note: observer.note)
        }
        return Summary(
            path: path, points: collection.count, badRows: collection.configuration.badRows, resumedPoints: 0,
            wasUpToDate: true)
    }

    /// Whether a collection's cross-encoder is the one that is wanted, used in the same way.
    private func isReranked(
        as wanted: CollectionReranker.Description?, _ own: CollectionReranker?
    ) throws(BelfryError) -> Bool {
        guard let wanted, let own else { return wanted == nil && own == nil }
        let isSameTower = try wanted.fingerprint() == own.tower.fingerprint
        return isSameTower
            && (wanted.fields, wanted.top, wanted.milliseconds) == (own.fields, own.top, own.milliseconds)
    }

    private static func describe(_ limit: Int?) -> String { limit.map { "\($0) points" } ?? "all points" }
}
