import ArgumentParser
import Belfry
import Files
import Foundation
import Recipes
import Towers

struct Search: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Find what is nearest to a text, or to a vector.",
        discussion: """
            belfry search Indexes/products "heat resistant gloves for the laboratory" -k 5 --recall 0.99
            belfry search Indexes/products "M12 hex bolt" --hybrid
            belfry search vectors.belfry --vector '[0.25, 0.5, 1]'
            belfry search vectors.belfry --vector queries.npy --json

            A file of several vectors is searched for row by row; with --json each row's answer is a line, with its number as \
            "query".
            """)

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Argument(help: "The text to search for.") var text: String?
    @Option(help: "A vector to search for in its place: as JSON, or a .npy, .fvecs or .bvecs of one or several.")
    var vector: String?
    @Option(help: "Embed the text with this tower; it must be the one that filled the collection.") var tower: String?
    @Flag(help: "How to search for a text (default: what the recipe says).") var mode: TextMode?
    @Option(
        name: .customLong("words-share"),
        help: "What words count for in a hybrid search, from 0 to 1 (default: what the recipe says).")
    var words: Double?
    @OptionGroup var reranking: RerankOptions
    @OptionGroup var options: SearchOptions

    func validate() throws {
        try reranking.validate(hasText: text != nil)
        if let words {
            guard (0...1).contains(words) else { throw ValidationError("--words-share takes a number from 0 to 1.") }
            guard mode == .hybrid || mode == nil, vector == nil else {
                throw ValidationError("--words-share is of a hybrid search for a text.")
            }
        }
        guard mode != .byWords || options.using.isEmpty else {
            throw ValidationError("--by-words says which vectors are searched: leave out --using.")
        }
        guard (text == nil) != (vector == nil) else { throw ValidationError("Give a text to search for, or --vector.") }
        if let text, text.isBlank { throw ValidationError("The text to search for is empty.") }
    }

    /// How a text is searched for.
    enum TextMode: String, EnumerableFlag {
        case byMeaning, byWords, hybrid

        var search: TextSearch {
            switch self {
            case .byMeaning: .byMeaning
            case .byWords: .byWords
            case .hybrid: .hybrid(words: TextSearch.usualShare)
            }
        }

        static func help(for value: TextMode) -> ArgumentHelp? {
            switch value {
            case .byMeaning: "Search for what means the same."
            case .byWords: "Search for what has the same words."
            case .hybrid: "Search for both, and mix the rankings."
            }
        }
    }

    private func query(_ vector: String) throws -> SearchQuery {
        switch try PointVector(JSON(parsing: Data(vector.utf8), source: "--vector")) {
        case .dense(let components): return .vector(components)
        case .sparse(let vector): return .sparse(vector)
        case .multi(let vectors): return .multi(vectors)
        case nil:
            throw ValidationError(
                "--vector takes a list of numbers, as '[0.25, 0.5, 1]', or {\"indices\": […], \"values\": […]}.")
        }
    }

    /// The search for a text, as the flags or the collection say.
    private func request(_ text: String, of collection: VectorCollection) throws -> SearchRequest {
        var request = options.request(.text(text))
        // Who names the vectors, or several collections, has said what is searched.
        let usual = options.using.isEmpty && options.others.isEmpty ? collection.configuration.texts : .byMeaning
        switch mode?.search ?? words.map({ .hybrid(words: $0) }) ?? usual {
        case .byMeaning: break
        case .byWords: request.space = try collection.configuration.words(at: collection.path).name
        case .hybrid: request.query = .hybrid(.text(text), words: words)
        }
        return request
    }

    func run() throws {
        if let vector, QueryVectors.isFile(vector) { return try run(QueryVectors(vector)) }
        try options.run(on: collection) { collection in
            var request =
                if let vector { try options.request(query(vector)) } else { try request(text ?? "", of: collection) }
            request.tower = try tower.map { try TowerPair.open($0).query }
            // A recipe's reranker reads the answers of its own collection.
            guard let text, reranking.isAsked || options.others.isEmpty else { return request }
            return try reranking.applied(to: request, text, collection)
        }
    }

    private func run(_ vectors: QueryVectors) throws {
        try options.run(on: collection) { collection in
            let configuration = collection.configuration
            let space = configuration.spaces[try configuration.place(ofSpace: options.using)]
            try vectors.require(space, at: collection.path)
            return (0..<vectors.rows.rows).map { options.request(.vector(vectors.rows[$0])) }
        }
    }
}

struct Similar: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Find what is nearest to a point of the collection.",
        discussion: """
            belfry similar Indexes/products 111-33784 -k 5
            belfry similar Indexes/products --all -k 20 --out table.jsonl

            With --all a table of every point's nearest others is written, as lines of JSON, .csv or .npz by the name of the \
            file. It appears, or is replaced, when it is whole; a run that was interrupted goes on where it was when it is \
            started again.
            """)

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Argument(help: "The point's id.") var id: String?
    @Flag(help: "Compare words as well, and mix the rankings.") var hybrid = false
    @Flag(help: "Of every point: needs --out, and takes neither an id nor what shapes an answer for people.")
    var all = false
    @Option(help: "The file of --all: .jsonl, .csv or .npz.") var out: String?
    @OptionGroup var options: SearchOptions

    func validate() throws {
        guard all != (id != nil) else { throw ValidationError("Give a point's id, or --all.") }
        guard all == (out != nil) else {
            throw ValidationError(
                all ? "--all writes a file: name it with --out, as --out table.jsonl." : "--out goes with --all.")
        }
        if all { try options.requirePlain(hybrid: hybrid) }
    }

    func run() throws {
        if let out { return try SimilarTableWriting(options, to: out).run(on: collection) }
        let id = id ?? ""
        try options.run(on: collection) { _ in options.request(hybrid ? .hybrid(.point(id)) : .point(id)) }
    }
}

/// Options of every verb that answers with points.
struct SearchOptions: ParsableArguments {
    @OptionGroup var recall: RecallOptions
    @OptionGroup var answer: AnswerOptions
    @Option(
        name: .customLong("with"),
        help: "Search this collection, too; its vectors must be of the same space. May be given several times.")
    var others: [String] = []
    @OptionGroup var filter: FilterOptions
    @Option(help: "The name of the vectors that are searched, where the collection has several kinds.") var using = ""
    @Option(parsing: .unconditional, help: "Leave out what this user has seen.") var seenBy: String?
    @OptionGroup var shape: ShapeOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var output: OutputOptions

    func request(_ query: SearchQuery) -> SearchRequest {
        var request = SearchRequest(query, k: answer.k)
        (request.recall, request.exact, request.threads) = (recall.recall, recall.exact, threads.threads)
        (request.space, request.seenBy) = (using, seenBy)
        shape.shape(&request)
        return request
    }

    /// - Parameters:
    ///   - quotas: what the request's quotas ask for.
    ///   - request: makes the request for the collection.
    func run(
        on collection: String, quotas: [PayloadCondition] = [], _ request: (VectorCollection) throws -> SearchRequest
    ) throws {
        try run(on: collection, quotas: quotas) { [try request($0)] }
    }

    /// Answers several requests, one after the other.
    func run(
        on collection: String, quotas: [PayloadCondition] = [],
        _ requests: (VectorCollection) throws -> [SearchRequest]
    ) throws {
        let collections = try ([collection] + others).map { try VectorCollection(at: $0) }
        let requests = try requests(collections[0])
        for (number, request) in requests.enumerated() {
            try answer(request, of: collections, quotas, number: requests.count > 1 ? number : nil)
        }
    }

    /// - Parameter number: the request's number, where there are several.
    private func answer(
        _ request: SearchRequest, of collections: [VectorCollection], _ quotas: [PayloadCondition], number: Int?
    ) throws {
        var request = request
        request.others = Array(collections.dropFirst())
        request.filter = try filter.filter(for: collections)
        try shape.requireFields(collections)
        let response = try shape.sorted(collections[0].search(request))
        let facets = try shape.facets(of: collections[0], where: request.filter)
        if response.hits.isEmpty { try filter.explainNothing(collections, quotas) }
        for user in response.unknownUsers {
            Terminal.note("belfry: user \(user) is not known: answered as the tower was trained for unknown ones")
        }
        for item in response.unknownItems { Terminal.note("belfry: the session's item \(item) is in no collection") }
        if output.json {
            guard case .object(var members) = response.json else { return }
            members["query"] = number.map { .integer(Int64($0)) }
            if !facets.isEmpty { members["facets"] = .object(JSON.Members(facets.map { ($0.field, $0.json) })) }
            Terminal.print(JSON.object(members).text())
        } else {
            if let number { Terminal.print("\(number > 0 ? "\n" : "")query \(number)") }
            try answer.show(response, of: collections)
            for facet in facets { Terminal.print(facet.line) }
        }
    }
}

/// How much of what is there a search is to find.
struct RecallOptions: ParsableArguments {
    @Option(help: "The share of the true nearest to find, on average, as 0.95 (default: what the recipe says).")
    var recall: Double?
    @Flag(help: "Look at every row, so that nothing is missed.") var exact = false

    func validate() throws {
        guard let recall else { return }
        guard recall > 0, recall <= 1 else {
            throw ValidationError("--recall takes a number above 0 and up to 1, as 0.95.")
        }
        if exact, recall < 1 { throw ValidationError("--exact finds all: leave out --recall, or --exact.") }
    }
}

/// How many answers, and how they are shown.
struct AnswerOptions: ParsableArguments {
    @Option(name: [.customShort("k"), .customLong("k")], help: "How many answers (default: 10).") var given: Int?
    /// How many answers.
    var k: Int { given ?? 10 }
    @Option(help: "The payload fields to show, as title,price (default: what the recipe says).") var show: String?

    func validate() throws {
        guard (1...10_000).contains(k) else { throw ValidationError("-k must be between 1 and 10,000.") }
    }

    /// Prints the answers as a table.
    func show(_ response: SearchResponse, of collections: [VectorCollection]) throws {
        if let note = response.note { Terminal.note("belfry: \(note)") }
        let (hits, isOne) = (response.hits, collections.count == 1)
        let fields =
            show?.split(separator: ",").map { String($0.filter { !$0.isWhitespace }) }
            ?? collections.flatMap(\.configuration.show).withoutRepeats
        if show != nil, let first = hits.first?.payload.names,
            let unknown = fields.first(where: { field in !hits.contains { $0.payload[field] != nil } })
        {
            throw BelfryError(
                .invalidInput, "No answer has a payload field \(unknown.debugDescription).",
                remedy: "The first one has: \(first.joined(separator: ", ")).")
        }
        var table = Table(
            [.init(title: "score", alignment: .right)] + (isOne ? [] : [.init(title: "collection")])
                + [.init(title: "id")]
                + fields.map { .init(title: $0, alignment: $0 == "price" ? .right : .left, shrinks: true) })
        for hit in hits {
            table.add(
                [String(format: "%.4f", hit.score)] + (isOne ? [] : [hit.collection]) + [hit.name]
                    + fields.map { hit.payload[$0]?.display ?? "" })
        }
        table.lines(width: Terminal.width).forEach(Terminal.print)
    }
}
