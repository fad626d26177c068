public import Files

// Kinds of vector that come and go while the collection lives: as for another tower, whose vectors are to stand beside those
// of the first until all points have one.
extension VectorCollection {
    /// Adds a kind of vector. No point has one of it yet: ``write(_:)`` sets them, by their name.
    ///
    /// ```swift
    /// try await collection.add(.init(VectorSpace(name: "image", dimension: 512)))
    /// ```
    /// - Throws: `conflict` for a name that there is, and for a collection that was opened for reading; `invalidInput` for
    ///   vectors that no collection can have; `wrongTower` for a tower that is not whole.
    public func add(_ space: Description.Space) async throws(BelfryError) {
        try Description([space]).require()
        try await writing().changeSpaces { base throws(BelfryError) in
            let change = SpaceChange(added: [space.vectors])
            // Before a tower is copied in vain.
            _ = try change.applied(to: base.configuration, base.path)
            return SpaceChange(
                added: [try space.copyingTower(into: base.layout, known: base.configuration.spaces)])
        }
    }

    /// Drops a kind of vector, with all vectors of it. The points stay.
    /// - Throws: `notFound` where there is none of the name, `invalidInput` for the last one, `conflict` for a collection that
    ///   was opened for reading.
    public func drop(space name: String) async throws(BelfryError) {
        try await writing().changeSpaces { _ in SpaceChange(dropped: [name]) }
    }

    /// Says whether queries of sparse vectors weigh rare terms more: ``VectorSpace/weighsRareTerms``. Whatever is asked from
    /// then on is scored so; the vectors stay as they are.
    /// - Throws: `notFound` where there are none of the name, `invalidInput` where they are not sparse, `conflict` for a
    ///   collection that was opened for reading.
    public func weighRareTerms(_ weighs: Bool, ofSpace name: String) async throws(BelfryError) {
        try await writing().changeSpaces { _ in SpaceChange(weighing: [name: weighs]) }
    }
}
