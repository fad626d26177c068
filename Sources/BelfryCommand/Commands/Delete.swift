import ArgumentParser
import Belfry
import Files
import Recipes

struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Delete points by their ids, or by what their payload has.",
        discussion: """
            belfry delete shop.belfry red-lamp blue-lamp
            belfry delete shop.belfry --filter "season = 2023 and left < 1"
            """)

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Argument(help: "The points' ids.") var ids: [String] = []
    @OptionGroup var filter: FilterOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard ids.isEmpty != filter.isEmpty else { throw ValidationError("Give ids, or --filter.") }
    }

    func run() async throws {
        let opened = try VectorCollection(at: collection, for: .writing)
        let deleted =
            if let filter = try filter.filter(for: [opened]) {
                try await opened.delete(where: filter).changed
            } else { try await opened.delete(ids).changed }
        try await opened.close()
        if output.json {
            Terminal.print(
                JSON.object(["deleted": .integer(Int64(deleted)), "points": .integer(Int64(opened.count))]).text())
        } else {
            Terminal.print("\(Human.count(deleted, "point")) deleted; the collection has \(Human.count(opened.count))")
        }
    }
}
