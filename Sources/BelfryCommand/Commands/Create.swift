public import ArgumentParser
import Belfry
import Files
import Neighbors
import Towers
public import Vectors

struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make an empty collection, which takes points by upsert.",
        discussion: """
            belfry create shop.belfry --tower minilm.tower --show title,price
            belfry create vectors.belfry --dimension 768 --metric ip
            belfry create shop.belfry --vector title=minilm.tower --vector image=512,ip,f16 --vector words=sparse,idf
            """)

    @Argument(help: "Where to make it: a path that ends in .belfry.") var collection: String
    @OptionGroup var description: DescriptionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let made = try description.create(collection, dimension: nil, memoryLimit: nil)
        try await made.close()
        if output.json {
            Terminal.print(JSON.object(["path": .string(collection), "points": 0]).text())
        } else {
            let what = made.configuration
            Terminal.print("\(collection): an empty collection of \(what.spaces.map(\.line).joined(separator: "; "))")
        }
    }
}

/// What a new collection is to be.
struct DescriptionOptions: ParsableArguments {
    @Option(help: "A tower's directory: it embeds texts that are written, and queries.") var tower: String?
    @Option(help: "Components per vector, where there is no tower.") var dimension: Int?
    @Option(
        name: .customLong("vector"),
        help: """
            A kind of vector by its name, as image=512 or image=512,ip,f16; as title=minilm.tower with the tower that makes it; \
            as words=sparse, or words=sparse,idf to weigh rare terms more; as tokens=multi,128 for several of each point; \
            or as words=words,title:2,description for the words of payload fields. May be given several times.
            """)
    var vectors: [String] = []
    @Option(help: "How vectors are compared: cosine, ip, l2 or l1, which nothing indexes.") var metric: Metric = .cosine
    @Option(help: "How vectors are stored: f32 or f16.") var element: ElementType = .f32
    @OptionGroup var words: WordOptions
    @Option(help: "What finds near rows in large segments: auto, hnsw, ivf or exact.") var index = "auto"
    @Option(help: "The recall of searches that do not name their own.") var recall = 0.95
    @Option(help: "The payload fields that a table of answers shows, as title,price.") var show: String?

    func validate() throws {
        if index != "auto", IndexKind(rawValue: index) == nil {
            throw ValidationError("--index takes auto, hnsw, ivf or exact.")
        }
        guard vectors.isEmpty || tower == nil && dimension == nil else {
            throw ValidationError("--vector says what --tower and --dimension say: leave them out.")
        }
        for vector in vectors { _ = try NamedVector(vector) }
    }

    /// Makes the collection.
    /// - Parameter dimension: of the vectors that are about to be written, if there are some.
    func create(_ path: String, dimension known: Int?, memoryLimit: Int?) throws -> VectorCollection {
        var description = VectorCollection.Description(try spaces(known))
        (description.recall, description.index) = (recall, IndexKind(rawValue: index))
        description.show = show?.split(separator: ",").map { String($0).trimmed } ?? []
        return try VectorCollection.create(path, description, memoryLimit: memoryLimit)
    }

    private func spaces(_ known: Int?) throws -> [VectorCollection.Description.Space] {
        if !vectors.isEmpty { return try vectors.map { try NamedVector($0).space(metric, element, words.language) } }
        let ofTower = try tower.map { try TowerPair.open($0).item.dimension }
        guard let dimension = dimension ?? ofTower ?? known else {
            throw ValidationError("Give --dimension, --tower or --vector.")
        }
        return [.init(VectorSpace(dimension: dimension, metric: metric, element: element), tower: tower)]
    }
}

extension ElementType: ExpressibleByArgument {}
