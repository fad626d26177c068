package import Files
import Towers
package import Vectors

extension VectorCollection {
    /// The spaces into which texts, or fields, for the vectors of a name are embedded: those, and what they are in other versions
    /// whose towers take them.
    package func embeddedSpaces(
        _ name: String, ofTexts: Bool
    ) throws(BelfryError) -> [VectorSpace] {
        let configuration = configuration
        let own = configuration.spaces[try configuration.place(ofSpace: name)]
        var spaces = [own]
        for space in configuration.spaces
        where space != own && space.tower != nil && space.versioned.name == own.versioned.name {
            if try towers(of: space).item.takesTexts == ofTexts { spaces.append(space) }
        }
        return spaces
    }

    /// The vectors of texts that are items of the collection, a row each.
    /// - Throws: `wrongTower` where the collection has no tower, `invalidInput` where its item tower takes no texts.
    package func embed(
        items texts: [String], for space: VectorSpace, threads: Int = 1
    ) throws(BelfryError) -> Matrix {
        let tower = try towers(of: space).item
        guard tower.takesTexts else {
            throw BelfryError(
                .invalidInput, "The item tower takes no text: it takes \(tower.whatItTakes).", at: .init(file: path))
        }
        return try tower.embed(texts, as: .document, threads: threads)
    }

    /// The same for items by the fields of the item tower.
    package func embed(
        itemFields fields: [JSON], for space: VectorSpace, threads: Int = 1
    ) throws(BelfryError) -> Matrix {
        try towers(of: space).item.embed(fields, as: .document, source: "the rows", threads: threads)
    }
}
