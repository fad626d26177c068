import ArgumentParser
import Belfry
import Files
import Recipes

struct IndexFields: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "index",
        abstract: "Give payload fields an index, so that filters need not read every payload; or show which have one.",
        discussion: """
            belfry index shop.belfry --field price:float --field brand:keyword --field stock[].left:integer
            belfry index shop.belfry --drop brand:keyword

            Kinds are \(FieldKind.allCases.map(\.rawValue).joined(separator: ", ")). Filters find the same with and without. \
            A build over the collection keeps its indexes.
            """)

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Option(
        name: .customLong("field"), help: "A field to index, and its kind, as price:float. May be given several times.")
    var added: [String] = []
    @Option(
        name: .customLong("drop"), help: "A field whose index is to go, as price:float. May be given several times.")
    var dropped: [String] = []
    @OptionGroup var output: OutputOptions

    func validate() throws { _ = try (added + dropped).map { try Self.field($0) } }

    /// `path:kind`.
    static func field(_ text: String) throws -> IndexedField {
        let kinds = FieldKind.allCases.map(\.rawValue).joined(separator: ", ")
        guard let colon = text.lastIndex(of: ":"),
            let kind = FieldKind(rawValue: String(text[text.index(after: colon)...]))
        else {
            throw ValidationError("A field is written with its kind, as price:float, not \(text). Kinds are \(kinds).")
        }
        return IndexedField(try JSONPath(String(text[..<colon])), kind)
    }

    func run() async throws {
        let isChange = !added.isEmpty || !dropped.isEmpty
        let opened = try VectorCollection(at: collection, for: isChange ? .writing : .reading)
        if isChange {
            try await opened.dropIndex(of: dropped.map { try Self.field($0) })
            try await opened.index(added.map { try Self.field($0) })
        }
        let fields = opened.indexedFields
        try await opened.close()
        if output.json {
            Terminal.print(
                JSON.array(
                    fields.map { ["field": .string($0.path.description), "kind": .string($0.kind.rawValue)] }
                ).text())
        } else if fields.isEmpty {
            Terminal.print("No payload field has an index.")
        } else {
            for field in fields { Terminal.print("\(field.path): \(field.kind.rawValue)") }
        }
    }
}
