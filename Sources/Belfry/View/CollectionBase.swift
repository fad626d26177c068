import Files
import Synchronization
import Towers

/// What all views of an open collection have in common: what it is, its catalogue, its towers.
final class CollectionBase: Sendable {
    let layout: CollectionLayout
    let catalogue: Catalogue
    let configuration: CollectionConfiguration
    /// How many times kinds of vector were added or dropped before the configuration was as it is here.
    let schema: Int
    let index: IndexRecord
    /// What makes the vectors of spaces of words, by the place of the space.
    let wordEncoders: [Int: WordEncoder]
    /// The towers of the spaces, once they were asked for, by the place of the space.
    let loadedTowers = Mutex<[Int: TowerPair]>([:])
    let loadedReranker = Mutex<Tower?>(nil)
    /// What filters find in tables that are not sealed yet.
    let pendingFilter = PendingFilter()
    private let identity: FileIdentity?

    var path: String { layout.path }

    /// Whether the directory is still the one that was opened, and not one that a build has put in its place.
    var isInPlace: Bool { FileIdentity(path) == identity }

    /// Opens the catalogue of a directory, and reads what the collection is.
    /// - Throws: `notFound` where nothing is built yet, `unsupported`, `corruptData`.
    init(_ layout: CollectionLayout) throws(BelfryError) {
        let identity = FileIdentity(layout.path)
        let catalogue = try Catalogue(layout.catalogue, .read)
        let place = BelfryError.Location(file: layout.catalogue)
        let format = try catalogue.read { try $0.document("collection", as: Format.self)?.format }
        guard let format else {
            throw BelfryError(
                .notFound, "The build of this collection has not finished.", at: place,
                remedy: "Run the build again: it goes on from where it stopped.")
        }
        let formats = CollectionConfiguration.formats
        guard formats.contains(format) else {
            throw BelfryError(
                .unsupported,
                "The collection has format \(format); this belfry reads formats \(formats.lowerBound) to "
                    + "\(formats.upperBound).", at: place,
                remedy: format > formats.upperBound
                    ? "Use a newer belfry." : "Build it again: \(.build(recipe: nil, replacing: true)).")
        }
        let (configuration, index, schema) = try catalogue.read { transaction in
            (
                try transaction.document("collection", as: CollectionConfiguration.self),
                try transaction.document("index", as: IndexRecord.self), try transaction.schema()
            )
        }
        guard let configuration, let index else {
            throw .corrupt("The catalogue does not say how the collection is indexed.", at: place)
        }
        guard !configuration.spaces.isEmpty else { throw .corrupt("The collection has no vectors at all.", at: place) }
        for space in configuration.spaces where space.kind != .sparse && !Self.dimensions.contains(space.dimension) {
            throw .corrupt("No vector has \(space.dimension) components.", at: place)
        }
        do throws(BelfryError) {
            wordEncoders = try Self.wordEncoders(configuration)
        } catch {
            throw .corrupt("What the catalogue says of words is wrong: \(error.message)", at: place)
        }
        (self.layout, self.catalogue, self.identity) = (layout, catalogue, identity)
        (self.configuration, self.index, self.schema) = (configuration, index, schema)
    }

    /// The same collection with other kinds of vector.
    init(_ base: CollectionBase, _ configuration: CollectionConfiguration, schema: Int) throws(BelfryError) {
        wordEncoders = try Self.wordEncoders(configuration)
        (layout, catalogue, identity, index) = (base.layout, base.catalogue, base.identity, base.index)
        (self.configuration, self.schema) = (configuration, schema)
    }

    private static func wordEncoders(_ configuration: CollectionConfiguration) throws(BelfryError) -> [Int: WordEncoder]
    {
        var encoders: [Int: WordEncoder] = [:]
        for (place, space) in configuration.spaces.enumerated() {
            guard let words = space.words else { continue }
            guard space.kind == .sparse else {
                throw BelfryError(.invalidInput, "The \(space.title) are no words.")
            }
            encoders[place] = try WordEncoder(words)
        }
        return encoders
    }

    /// Whether the catalogue has the kinds of vector that this has.
    func isOfThisSchema() throws(BelfryError) -> Bool { try catalogue.read { try $0.schema() } == schema }

    /// Vectors may have so many components.
    static let dimensions = 1...65_536

    /// The part of the configuration that every format has.
    private struct Format: Decodable { var format: Int }

    /// What to say where the kinds of vector are others than those that somebody counted on.
    var changedSchema: BelfryError {
        BelfryError(
            .conflict, "Kinds of vector were added or dropped meanwhile.", at: .init(file: path), remedy: "Do it again."
        )
    }

    /// What to say where another collection is in the place of the one that was opened.
    var replaced: BelfryError {
        BelfryError(
            .conflict, "A build has replaced the collection since it was opened.", at: .init(file: path),
            remedy: "Open it again.")
    }
}
