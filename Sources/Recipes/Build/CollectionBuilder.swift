import Belfry
public import Files
import Neighbors
import Towers

/// Builds the collection of a recipe, so that a crash at any moment leaves the old collection, or none.
///
/// 1. The tower is verified, and the rows are read once: what cannot be used is reported before any work is done.
/// 2. The work goes on in `<name>.belfry.building/`, whose catalogue holds a journal: the digests of recipe
///    and rows, the tower's fingerprint, the limit and the index. If all but the index matches, the segments listed there
///    are kept; else all is removed. Where the collection that is to be replaced differs in its index alone, its vectors
///    are taken over.
/// 3. Rows are embedded one segment at a time. The files of a segment are on disk before one transaction lists it
///    with its points.
/// 4. All vectors become one segment with an index, or as few as the memory allows, which take the place of the others in one
///    transaction.
/// 5. The tower is copied in, the configuration is written, and one rename puts the directory in its place.
///
/// Where a collection is there that only other rows were built into, a build makes it what the rows say now: vectors that
/// were made of the same are taken over, rows that are gone are left out, and points that others wrote stay. A changed recipe
/// or tower is a collection to replace.
public struct CollectionBuilder: Sendable {
    /// What to build.
    public let recipe: Recipe
    /// The most points to build, the first ones; nil for all.
    public var limit: Int?
    /// How many points to draw of all rows, spread over them: see ``EvenSample``; nil for all.
    public var sample: Int?
    /// How many threads embed and build the index.
    public var threads: Int
    /// Whether a collection built from something else may be replaced.
    public var replace: Bool
    /// What all that is random in an index starts from.
    public var seed: UInt64 = 1
    /// Bytes of memory that the process may have: what does not fit into one segment within it becomes several. Nil for half of
    /// what the process may fill.
    public var memoryLimit: Int?
    /// Where to build, if not where the recipe says.
    var place: String?

    /// A build of `recipe`.
    public init(_ recipe: Recipe, limit: Int? = nil, sample: Int? = nil, threads: Int, replace: Bool = false) {
        self.recipe = recipe
        self.limit = limit
        self.sample = sample
        self.threads = threads
        self.replace = replace
    }

    /// What a build tells while it runs.
    public struct Observer: Sendable {
        /// A row that cannot be used, and why.
        public var badRow: @Sendable (BelfryError) -> Void
        /// Bytes of the rows read so far, and in all if that is known, while they are looked over.
        public var reading: @Sendable (_ done: Int, _ total: Int?) -> Void
        /// Points embedded so far, and in all, without those that an interrupted build had finished.
        public var progress: @Sendable (_ done: Int, _ total: Int) -> Void
        /// How far a stage of building the index is.
        public var indexing: @Sendable (_ stage: String, _ done: Int, _ total: Int) -> Void
        /// What was removed that an interrupted build had left, as one sentence.
        public var note: @Sendable (String) -> Void

        /// An observer.
        public init(
            badRow: @escaping @Sendable (BelfryError) -> Void,
            reading: @escaping @Sendable (_ done: Int, _ total: Int?) -> Void,
            progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void,
            indexing: @escaping @Sendable (_ stage: String, _ done: Int, _ total: Int) -> Void = { _, _, _ in },
            note: @escaping @Sendable (String) -> Void = { _ in }
        ) {
            self.badRow = badRow
            self.reading = reading
            self.progress = progress
            self.indexing = indexing
            self.note = note
        }
    }

    /// What a build did.
    public struct Summary: Codable, Sendable {
        /// The collection's directory.
        public var path: String
        /// Points in it.
        public var points: Int
        /// Rows that could not be used.
        public var badRows: Int
        /// Points that an interrupted build had finished before.
        public var resumedPoints: Int
        /// Points whose vectors the collection before had, made of the same text or fields.
        public var keptPoints = 0
        /// Points that others have written to the collection before, which were carried over.
        public var othersPoints = 0
        /// Whether the collection was there already, built from the same recipe, rows, tower and limit.
        public var wasUpToDate: Bool
    }

    /// Builds, or finds that all is built.
    /// - Throws: `conflict` where another collection is in the place and `replace` is false, where it holds files that
    ///   Belfry did not make and that would be lost, or where another build runs.
    public func build(_ observer: Observer) throws(BelfryError) -> Summary {
        try requireTower()
        let towers = try TowerPair.open(recipe.tower)
        try requireInput(of: towers.item)
        try recipe.calibration?.requireQueries(of: towers.query, in: recipe.folder)
        let request = try recipe.indexRequest(ofTexts: towers.item.takesTexts && towers.query.takesTexts, seed: seed)
        let journal = BuildJournal(
            recipe: recipe.digest(asText: towers.item.takesTexts), rows: try Digest.sha256(file: recipe.rows.file),
            tower: towers.space, limit: limit, sample: sample, index: request,
            users: try recipe.users.map { (users) throws(BelfryError) in try users.digest() },
            words: recipe.wordsInWords)
        let target = try System.resolvingLink(place ?? recipe.collectionPath)
        if let summary = try existing(target, journal, observer) { return summary }
        let previous = try PreviousCollection(
            target, space: towers.space, element: recipe.elementType, isReplaced: replace)
        if recipe.words != nil { try previous?.require(free: "words") }
        // Before the work, and again when the collection is put in its place.
        try BuildingDirectory.requireOwnFiles(target, tower: recipe.tower)

        let survey = try survey(towers.item, observer)
        let memory = MemoryBudget(limit: memoryLimit)
        let memoryGuard = memory.guarded()
        defer { withExtendedLifetime(memoryGuard) {} }
        // Whatever the limit is too small for is to be known before the work.
        _ = try memory.segmentRows(
            SegmentMemory(dimension: towers.item.dimension, metric: recipe.metric, kind: recipe.index.kind),
            of: survey.points, beside: try towerBytes())
        let building = try BuildingDirectory(
            target, journal: journal, tower: recipe.tower, previous: previous, note: observer.note)
        let resumed = building.finishedRows
        let badUsers = try writeUsers(into: building, towers.query, observer)
        let embedded = try embed(with: towers.item, into: building, survey, memory, observer)
        try building.carryOthers(recipe.elementType, threads: threads)
        guard building.finishedRows > 0 else {
            throw BelfryError(
                .invalidInput,
                "Not one of \(building.refusedRows) rows has a vector that can be stored. "
                    + (embedded.refusal?.message ?? ""),
                at: embedded.refusal?.location ?? .init(file: recipe.rows.file),
                remedy: embedded.refusal?.remedy)
        }
        guard try Digest.sha256(file: recipe.rows.file) == journal.rows else { throw Self.rowsChanged(recipe) }
        try index(building, request, towers, memory, observer)
        let badRows = survey.badRows + building.refusedRows + badUsers
        let finished = try building.finish(
            towers,
            CollectionDescription(
                name: recipe.name, metric: recipe.metric, element: recipe.elementType, show: recipe.show,
                recall: recipe.recall, badRows: badRows, words: recipe.words, texts: recipe.texts,
                reranker: recipe.reranker), memory: memory,
            threads: threads)
        return Summary(
            path: target, points: finished.points, badRows: badRows, resumedPoints: resumed,
            keptPoints: embedded.kept, othersPoints: finished.others, wasUpToDate: false)
    }

    /// Refuses a tower that is not there, or not whole.
    func requireTower() throws(BelfryError) {
        guard System.exists(recipe.tower) else {
            throw BelfryError(
                .notFound, "The recipe's tower is not there.", at: .init(file: recipe.tower),
                remedy: "Make it of a model: \(.importTower(model: nil, tower: recipe.tower, replacing: false))")
        }
        if var problem = TowerPair.check(recipe.tower).first {
            problem.remedy =
                System.exists(recipe.tower + "/tower.json") || TowerPair.isPair(recipe.tower)
                ? "Import it again: \(.importTower(model: nil, tower: recipe.tower, replacing: true))"
                : """
                A model becomes a tower by \(.importTower(model: recipe.tower, tower: nil, replacing: false)), which the \
                recipe names.
                """
            throw problem
        }
        // One that is not there, or none, is known before the work.
        if let reranker = recipe.reranker {
            _ = try reranker.fingerprint()
            _ = try Tower.load(reranker.path)
        }
    }

    /// Refuses a recipe of texts for a tower of fields, and the other way round, before a row is read.
    func requireInput(of tower: Tower) throws(BelfryError) {
        let fields = tower.fields.map(\.name).joined(separator: ", ")
        let place = BelfryError.Location(file: "\(recipe.folder)/recipe.yaml")
        switch recipe.input.read(asText: tower.takesTexts) {
        case .text where !tower.takesTexts:
            throw BelfryError(
                .invalidInput, "The recipe gives the tower a text, but it reads fields: \(fields).", at: place,
                remedy: "Leave text out, or write fields: {} beside it where other variants' towers take texts; "
                    + "fields: {tower's name: row's name} names those that the rows call otherwise.")
        case .fields where tower.takesTexts && tower.fields.count == 1:
            throw BelfryError(
                .invalidInput, "text is missing: it says what the tower reads of a row.", at: place,
                remedy: "Write text: \"{title}\\n{description}\". It may stand beside fields, where other variants' "
                    + "towers take those.")
        default: break
        }
    }

    /// Bytes of the tower's files: about what it takes in memory.
    func towerBytes() throws(BelfryError) -> Int { try System.fileBytes(under: recipe.tower) }

    /// What the rows have.
    struct Survey {
        /// Rows that can be used, up to the limit.
        var usable: Int
        /// Points to build of them.
        var points: Int
        var badRows: Int
    }

    /// Reads all rows once, reporting those that cannot be used.
    func survey(_ tower: Tower, _ observer: Observer) throws(BelfryError) -> Survey {
        var items = try ItemReader(recipe, tower)
        var points = 0
        while points < limit ?? .max, try items.next(badRow: observer.badRow) != nil {
            points += 1
            if points % 1_024 == 0 { observer.reading(items.bytes.done, items.bytes.total) }
        }
        guard points > 0 else {
            let why = items.badRows == 0 ? "The file has no rows." : "Not one of \(items.badRows) rows can be used."
            throw BelfryError(.invalidInput, why, at: .init(file: recipe.rows.file))
        }
        return Survey(usable: points, points: min(points, sample ?? .max), badRows: items.badRows)
    }

    static func rowsChanged(_ recipe: Recipe) -> BelfryError {
        BelfryError(
            .conflict, "The rows changed while they were read.", at: .init(file: recipe.rows.file),
            remedy: "Run the build again when the file is at rest.")
    }
}

extension CollectionBuilder.Summary {
    /// The summary for programs.
    public var json: JSON { JSON(encoding: self) }
}
