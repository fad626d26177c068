package import Files
import Foundation
import Shards
package import Towers
package import Vectors

/// Queries as vectors.
package struct EmbeddedQueries {
    /// One row per query; none where the space is not one of dense vectors.
    package var vectors: Matrix
    /// A vector per query, where the space is not one of dense vectors.
    var others: [PointVector] = []
    /// Those of a space of sparse vectors.
    package var sparse: [SparseVector] {
        others.compactMap { if case .sparse(let vector) = $0 { vector } else { nil } }
    }
    /// For each query the points that it must not find: itself, its examples, its session, what a user has had.
    package var excluded: [[PointPlace]]
    /// The same by their names, which other collections may have as well.
    var excludedNames: [[String]]
    /// The ids of users that the collection does not know, and that were answered as the tower was trained for such.
    package var unknownUsers: [String]
    /// How long the tower took; nil where no query needed one.
    var embedding: Duration?
}

extension VectorCollection {
    /// Embeds queries: those of one kind together.
    /// - Parameters:
    ///   - view: has the points that the queries name; nil for the collection as it is now.
    ///   - includesSeen: whether a session's points, and those that a user has had, may be found again.
    ///   - tower: embeds in the place of the collection's own query tower.
    /// - Throws: `notFound` for a point or a user that is not there, `invalidInput` for what the tower does not take.
    package func ask(
        _ queries: [SearchQuery], on view: View? = nil, in space: Int = 0, includingSeen includesSeen: Bool = false,
        tower: Tower? = nil,
        threads: Int = 1
    ) throws(BelfryError) -> EmbeddedQueries {
        let view = view ?? self.view
        // Whoever has the place of another view has asked too late.
        guard view.configuration.spaces.indices.contains(space) else { throw view.base.changedSchema }
        var batch = QueryBatch(self, view, space)
        if let tower {
            try view.base.verify(tower, for: space)
            batch.tower = tower
        }
        for query in queries { try batch.add(query, includesSeen) }
        return try batch.embed(threads)
    }
}

/// Collects queries, so that texts are embedded in one batch and fields in another.
private struct QueryBatch {
    private enum Source {
        case vector(PointVector)
        /// The place among the texts, or the objects, that are to be embedded.
        case text(Int)
        case fields(Int)
    }

    private let collection: VectorCollection
    private let view: View
    /// The place of the space that is searched.
    private let space: Int
    var tower: Tower?
    private var sources: [Source] = []
    private var (texts, objects) = ([String](), [JSON]())
    private var excluded: [[String]] = []
    private var unknownUsers: [String] = []

    private var description: VectorSpace { view.configuration.spaces[space] }

    init(_ collection: VectorCollection, _ view: View, _ space: Int) {
        (self.collection, self.view, self.space) = (collection, view, space)
    }

    mutating func add(_ query: SearchQuery, _ includesSeen: Bool) throws(BelfryError) {
        var names: [String] = []
        switch query {
        case .text(let text):
            guard !text.isBlank else {
                throw BelfryError(.invalidInput, "The text to search for is empty: nothing of it can be seen.")
            }
            if let words = view.base.wordEncoders[space] {
                sources.append(.vector(.sparse(words.question(text))))
                break
            }
            try collection.require(.text, of: queryTower())
            sources.append(.text(texts.count))
            texts.append(text)
        case .fields(let fields):
            try collection.require(.fields(fields.names), of: queryTower())
            add(fields)
        case .user(let id):
            let seen = try addUser(id)
            if !includesSeen { names = seen }
        case .session(let items):
            try addSession(items)
            if !includesSeen { names = items }
        case .point(let name):
            sources.append(.vector(try vectors([name])[0]))
            names = [name]
        case .vector(let vector):
            guard description.kind != .sparse else { throw otherKind("dense") }
            guard vector.count == description.dimension else {
                throw BelfryError(
                    .invalidInput,
                    "The query has \(vector.count) components; the collection's \(description.title) have "
                        + "\(description.dimension).", at: .init(file: collection.path),
                    remedy: "Take a vector that the collection's tower made.")
            }
            // One vector is several, as many as one.
            sources.append(.vector(description.kind == .multi ? .multi([vector]) : .dense(vector)))
        case .sparse(let vector):
            guard description.kind == .sparse else { throw otherKind("sparse") }
            sources.append(.vector(.sparse(vector)))
        case .multi(let vectors):
            guard description.canHold(.multi(vectors)) else { throw otherKind("multi") }
            sources.append(.vector(.multi(vectors)))
        case .examples(let like, let unlike):
            guard !like.isEmpty else {
                throw BelfryError(.invalidInput, "There is no example of what the answers are to be like.")
            }
            let ids = Set(like.map { PointName($0).id })
            if let both = unlike.first(where: { ids.contains(PointName($0).id) }) {
                throw BelfryError(
                    .invalidInput, "The answers are to be like \(both.debugDescription), and unlike it.",
                    remedy: "Name it once.")
            }
            guard description.kind != .multi else { throw otherKind("dense") }
            let mean = try PointVector.mean(of: vectors(like), away: vectors(unlike), description)
            sources.append(.vector(mean))
            if !includesSeen { names = like + unlike }
        case .scored, .hybrid, .fused, .formula, .reranked, .ordered, .listed, .sample:
            throw BelfryError(.invalidInput, "The query is by no vector: it cannot be embedded.")
        }
        excluded.append(names)
    }

    private mutating func add(_ fields: JSON) {
        sources.append(.fields(objects.count))
        objects.append(fields)
    }

    /// Adds a user, and gives what the user has had.
    private mutating func addUser(_ id: String) throws(BelfryError) -> [String] {
        let user = try view.catalogue.read { try $0.user(id) }
        if let user {
            add(user.fields)
            return user.seen
        }
        let tower = try queryTower()
        try collection.require(.user, of: tower)
        guard let field = tower.userField else {
            throw BelfryError(
                .notFound, "There is no user \(id.debugDescription) in the collection.",
                at: .init(file: collection.path),
                remedy: (view.suggestion(forUser: id) ?? "Name one of the recipe's users.")
                    + " Or give the query tower's fields as JSON: \(tower.fieldsAndTypes).")
        }
        if try view.catalogue.read({ try $0.hasUsers() }) { unknownUsers.append(id) }
        add(.object([field: tower.value(ofCell: id, field: field)]))
        return []
    }

    private mutating func addSession(_ items: [String]) throws(BelfryError) {
        let tower = try queryTower()
        guard let field = tower.sessionField else { return try collection.require(.session, of: tower) }
        add(.object([field: .array(items.map { tower.value(ofElement: $0, field: field) })]))
    }

    /// The vectors of points in the space that is searched.
    private func vectors(_ names: [String]) throws(BelfryError) -> [PointVector] {
        var vectors: [PointVector] = []
        for name in names {
            guard let vector = try view.point(name).vectors[description.name] else {
                throw BelfryError(
                    .invalidInput,
                    "Point \(name.debugDescription) has none of the \(description.title) that are searched.",
                    at: .init(file: collection.path), remedy: "Start from a point that has one, or search others.")
            }
            vectors.append(vector)
        }
        return vectors
    }

    private func otherKind(_ kind: String) -> BelfryError {
        BelfryError(
            .invalidInput, "The query is a \(kind) vector; the collection's \(description.title) are not.",
            at: .init(file: collection.path), remedy: "Ask with a vector like those, or search others.")
    }

    private mutating func queryTower() throws(BelfryError) -> Tower {
        if let tower { return tower }
        let own = try collection.queryTower(of: space, view.base)
        tower = own
        return own
    }

    mutating func embed(_ threads: Int) throws(BelfryError) -> EmbeddedQueries {
        var embedding: Duration?
        // Loading a tower is not part of what it takes to embed a query: the next one is spared that.
        let tower = texts.isEmpty && objects.isEmpty ? nil : try queryTower()
        let start = ContinuousClock.now
        let texts = texts.isEmpty ? nil : try tower?.embed(texts, as: .query, threads: threads)
        let objects = objects.isEmpty ? nil : try tower?.embed(objects, as: .query, source: "queries", threads: threads)
        if tower != nil { embedding = .now - start }
        let vectors = Matrix(rows: description.kind == .dense ? sources.count : 0, columns: description.dimension)
        var others: [PointVector] = []
        for (row, source) in sources.enumerated() {
            let vector: PointVector =
                switch source {
                case .vector(let vector): vector
                case .text(let place): .dense(texts![place])
                case .fields(let place): .dense(objects![place])
                }
            switch vector {
            case .dense(let components): _ = vectors.row(row).update(fromContentsOf: components)
            case .sparse, .multi: others.append(vector)
            }
        }
        var places: [[PointPlace]] = []
        for names in excluded { places.append(names.isEmpty ? [] : try view.places(names, in: space)) }
        return EmbeddedQueries(
            vectors: vectors, others: others, excluded: places, excludedNames: excluded, unknownUsers: unknownUsers,
            embedding: embedding)
    }
}
