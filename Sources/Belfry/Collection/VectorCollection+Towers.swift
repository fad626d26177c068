package import Files
import Synchronization
package import Towers
import Vectors

extension VectorCollection {
    /// The towers of a space that came with the collection: a pair, or one tower in both roles. They are loaded and verified
    /// once.
    package func towers(of space: Int = 0) throws(BelfryError) -> TowerPair { try base.towers(of: space) }

    /// The same of a space that the collection has had: others may have come or gone since.
    /// - Throws: `conflict` where it is gone.
    package func towers(of space: VectorSpace) throws(BelfryError) -> TowerPair {
        let base = base
        guard let place = base.configuration.spaces.firstIndex(of: space) else { throw base.changedSchema }
        return try base.towers(of: place)
    }
}

extension CollectionBase {
    /// As ``VectorCollection/towers(of:)``.
    func towers(of space: Int) throws(BelfryError) -> TowerPair {
        if let loaded = loadedTowers.withLock({ $0[space] }) { return loaded }
        guard configuration.spaces.indices.contains(space) else { throw changedSchema }
        guard let own = configuration.spaces[space].tower else { throw hasNoTower(space) }
        let towers: TowerPair
        do throws(BelfryError) {
            towers = try TowerPair.open(layout.tower(own.name))
            guard isInPlace else { throw replaced }
        } catch {
            throw isInPlace ? error : replaced
        }
        try verifySpace(of: towers.query, space)
        loadedTowers.withLock { $0[space] = towers }
        return towers
    }

    private func hasNoTower(_ space: Int) -> BelfryError {
        let title = configuration.spaces[space].name.isEmpty ? "" : " for its \(configuration.spaces[space].title)"
        return BelfryError(
            .wrongTower,
            "The collection has no tower\(title): its vectors were made elsewhere, and so must its queries be.",
            at: .init(file: path), remedy: "Ask by a vector, or start from points: \(.similar(collection: path)).")
    }

    /// Refuses a query tower that does not compute what the collection's computed, or embeds items alone.
    func verify(_ tower: Tower, for space: Int) throws(BelfryError) {
        guard tower.role != .document else {
            throw BelfryError(
                .wrongTower,
                "The query goes through \(tower.path), which embeds items: queries have a tower of their own.",
                at: .init(file: path), remedy: "Name the query tower of the pair, or leave out \(.setting(.tower)).")
        }
        try verifySpace(of: tower, space)
    }

    /// The spaces are compared first; then one canary is embedded, which also sees weights that were changed under an
    /// unchanged manifest.
    private func verifySpace(of tower: Tower, _ space: Int) throws(BelfryError) {
        guard let own = configuration.spaces[space].tower else { throw hasNoTower(space) }
        guard tower.space == own.fingerprint else {
            throw BelfryError(
                .wrongTower,
                "The collection was filled by tower \(own.name) (fingerprint \(own.fingerprint.prefix(12))), but the "
                    + "query goes through \(tower.path) (fingerprint \(tower.space.prefix(12))): their vectors "
                    + "do not compare.",
                at: .init(file: path),
                remedy: "Search without \(.setting(.tower)), or build the collection again with the other tower.")
        }
        guard let canary = own.canaries.first else { return }
        let vector = try tower.embed(canaries: [canary.text])[0]
        let difference = zip(vector, canary.vector).map { abs($0 - $1) }.max() ?? .infinity
        guard vector.count == canary.vector.count, difference <= 1e-3 else {
            throw BelfryError(
                .wrongTower,
                "Tower \(tower.path) has the right fingerprint, but embeds \(canary.text.debugDescription) otherwise "
                    + "than when the collection was built (largest difference \(difference)).",
                at: .init(file: path), remedy: "Run \(.check) on the collection: a file of the tower has changed.")
        }
    }
}
