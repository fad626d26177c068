import ArgumentParser
import Belfry
import Files
import Recipes

struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Delete points by their ids, or by what their payload has.",
        discussion: """
            belfry delete shop.belfry red-lamp blue-lamp
            belfry delete shop.belfry --within season:2023
            """)

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Argument(help: "The points' ids.") var ids: [String] = []
    @Option(help: "All points whose payload has this value, as season:2023. May be given several times.")
    var within: [String] = []
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard ids.isEmpty != within.isEmpty else { throw ValidationError("Give ids, or --within.") }
        _ = try within.map { try SearchOptions.condition($0, "--within") }
    }

    func run() async throws {
        let opened = try VectorCollection(at: collection, for: .writing)
        var names = ids
        let view = opened.view
        if let chosen = try view.points(where: within.map { try SearchOptions.condition($0, "--within") }) {
            names = try view.ids(of: chosen).map(\.description)
        }
        var deleted = 0
        for start in stride(from: 0, to: names.count, by: WriteLimits.batch) {
            deleted += try await opened.delete(Array(names[start..<min(start + WriteLimits.batch, names.count)]))
                .changed
        }
        try await opened.close()
        if output.json {
            Terminal.print(
                JSON.object(["deleted": .integer(Int64(deleted)), "points": .integer(Int64(opened.count))]).text())
        } else {
            Terminal.print("\(Human.count(deleted, "point")) deleted; the collection has \(Human.count(opened.count))")
        }
    }
}
