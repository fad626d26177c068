import ArgumentParser
import Belfry
import Files
import Recipes
import Towers
import Vectors

struct VectorKinds: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vectors",
        abstract: "Show which kinds of vector a collection's points have; add kinds, or drop them.",
        discussion: """
            belfry vectors shop.belfry
            belfry vectors shop.belfry --add image=512,ip,f16
            belfry vectors shop.belfry --add words=words,title:2,description --language german
            belfry vectors shop.belfry --drop image

            Points, and the vectors of other kinds, stay as they are.
            """)

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Option(
        name: .customLong("add"),
        help: "A kind of vector, as create takes it: image=512,ip. May be given several times.")
    var added: [String] = []
    @Option(name: .customLong("drop"), help: "The name of one that is to go. May be given several times.")
    var dropped: [String] = []
    @Option(help: "How vectors that come are compared: cosine, ip, l2 or l1, which nothing indexes.")
    var metric: Metric = .cosine
    @Option(help: "How vectors that come are stored: f32, f16 or bf16.") var element: ElementType = .f32
    @OptionGroup var words: WordOptions
    @OptionGroup var output: OutputOptions

    func validate() throws { for vector in added { _ = try NamedVector(vector) } }

    func run() async throws {
        let isChange = !added.isEmpty || !dropped.isEmpty
        let opened = try VectorCollection(at: collection, for: isChange ? .writing : .reading)
        for name in dropped { try await opened.drop(space: name) }
        for vector in added { try await opened.add(NamedVector(vector).space(metric, element, words.language)) }
        let spaces = opened.configuration.spaces
        try await opened.close()
        if output.json {
            Terminal.print(JSON.array(spaces.map(\.json)).text())
        } else {
            for space in spaces { Terminal.print(space.line) }
        }
    }
}

extension VectorSpace {
    /// The kind of vector in a line.
    var line: String {
        let what =
            words.map { "words of \($0.fields.map(\.path).joined(separator: ", ")), \($0.language ?? "no stems")" }
            ?? (kind == .sparse
                ? "sparse" : "\(dimension) × \(element), \(metric)\(kind == .multi ? ", several each" : "")")
        return (name.isEmpty ? "" : "\(name) ") + what
    }

    fileprivate var json: JSON {
        [
            "name": .string(name), "kind": .string(kind.rawValue), "dimension": .integer(Int64(dimension)),
            "metric": .string(metric.rawValue), "element": .string(element.rawValue),
        ]
    }
}

/// How words are read.
struct WordOptions: ParsableArguments {
    @Option(
        name: .customLong("language"),
        help: "The language of words that come, whose forms are taken for one: english, german, …, or none.")
    var given = "english"

    /// Nil for words as they are.
    var language: String? { given == "none" ? nil : given }
}

extension WordIndex.Field {
    /// A field as options write it: `title`, or `title:2` for one whose words count twice.
    fileprivate init(option text: String, of vector: String) throws {
        guard let colon = text.lastIndex(of: ":") else {
            self.init(text)
            return
        }
        guard let weight = Double(text[text.index(after: colon)...]) else {
            throw ValidationError("--vector \(vector): \(text) names no weight behind its colon, as title:2.")
        }
        self.init(String(text[..<colon]), weight: weight)
    }
}

/// A kind of vector as options write it: `name=512,ip,f16`, `name=minilm.tower`, `name=sparse`, `name=multi,128`,
/// `name=words,title:2,description`.
struct NamedVector {
    private let name: String
    private let dimension: Int?
    private let tower: String?
    private var isSparse = false
    private var weighsRareTerms = false
    private var words: [WordIndex.Field]?
    private let isMulti: Bool
    private var metric: Metric?
    private var element: ElementType?

    init(_ text: String) throws {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        var values = parts.count == 2 ? parts[1].split(separator: ",").map { String($0).trimmed } : []
        isMulti = values.first == "multi"
        if isMulti { values.removeFirst() }
        if values.first == "words" {
            (name, dimension, tower) = (parts[0], nil, nil)
            words = try values.dropFirst().map { try WordIndex.Field(option: $0, of: text) }
            return
        }
        guard let first = values.first else {
            throw ValidationError("--vector takes a name and what the vectors are, as image=512,ip, not \(text).")
        }
        isSparse = first == "sparse"
        (name, dimension, tower) = (parts[0], Int(first), Int(first) == nil && !isSparse ? first : nil)
        if isSparse {
            weighsRareTerms = values.dropFirst().first == "idf"
            guard values.count == (weighsRareTerms ? 2 : 1) else {
                throw ValidationError("--vector \(text): sparse vectors take idf, or nothing.")
            }
            return
        }
        for value in values.dropFirst() {
            if let metric = Metric(rawValue: value) {
                self.metric = metric
            } else if let element = ElementType(rawValue: value) {
                self.element = element
            } else {
                throw ValidationError(
                    "--vector \(text): \(value) is neither a metric (cosine, ip, l2, l1) nor how vectors are stored (f32, f16, bf16)."
                )
            }
        }
    }

    func space(
        _ metric: Metric, _ element: ElementType, _ language: String?
    ) throws -> VectorCollection.Description.Space {
        if let words { return .init(.words(WordIndex(words, language: language), name: name)) }
        if isSparse { return .init(.sparse(name, weighsRareTerms: weighsRareTerms)) }
        let ofTower = try tower.map { try TowerPair.open($0).item.dimension }
        var space = VectorSpace(
            name: name, dimension: dimension ?? ofTower ?? 0, metric: self.metric ?? metric,
            element: self.element ?? element)
        if isMulti { space.kind = .multi }
        return .init(space, tower: tower)
    }
}
