import ArgumentParser
import Belfry
import Evaluation
import Files
import Foundation
import Recipes

struct Map: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Draw the points on a plane, by the two directions in which their vectors vary most.",
        discussion: """
            belfry map Indexes/products --color-by brand --out map.html

            The page needs nothing from elsewhere. With --out map.svg, a picture for a text. Numbers are colored by a \
            ramp; of other values the twelve most frequent have a color or a shape each, and the rest are gray. Of a list \
            its first element counts.
            """)

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Option(help: "Color the points by this payload field.") var colorBy: String?
    @Option(help: "Draw this many points of a larger collection.") var sample = 5_000
    @Option(help: "What the sample's random numbers start from.") var seed: UInt64 = 1
    @Option(help: "The payload field that names a point (default: the first that the recipe shows).") var title: String?
    @Option(help: "Write the map to this .html or .svg file.") var out: String?
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...100_000).contains(sample) else { throw ValidationError("--sample must be between 1 and 100,000.") }
        guard let out else {
            if !output.json { throw ValidationError("Name a file with --out, or ask for --json.") }
            return
        }
        guard Self.isPage(out) || Self.isDrawing(out) else {
            throw ValidationError("--out takes a file that ends in .html or .svg.")
        }
    }

    func run() throws {
        // Before the work, not after it.
        if let out, !System.isDirectory(System.parent(of: out)) {
            throw BelfryError(.notFound, "There is no such directory.", at: .init(file: System.parent(of: out)))
        }
        var options = PointMap.Options()
        (options.sample, options.seed, options.color, options.title) = (sample, seed, colorBy, title)
        let map = try VectorCollection(at: collection).map(options)
        if map.points.count < 3 {
            Terminal.note(
                "belfry: \(Human.count(map.points.count, "point")) cannot show what varies: a plane needs 3 at least"
                    + (map.points.count < map.count ? "; ask for more with --sample" : ""))
        }
        if let out {
            let text = Self.isPage(out) ? MapPage(map).html : MapDrawing(map).svg
            Terminal.noteRemoved(try System.write(Data(text.utf8), to: out))
        }
        if output.json {
            Terminal.print(map.json.text())
        } else {
            for (name, value) in Self.lines(map) {
                Terminal.print(name + String(repeating: " ", count: 18 - name.count) + value)
            }
            if let out { Terminal.note("The map is in \(out).") }
        }
    }

    private static func isPage(_ path: String) -> Bool { path.lowercased().hasSuffix(".html") }

    private static func isDrawing(_ path: String) -> Bool { path.lowercased().hasSuffix(".svg") }

    private static func lines(_ map: PointMap) -> [(String, String)] {
        let shown =
            map.points.count < map.count
            ? "\(Human.count(map.points.count)) of \(Human.count(map.count)), seed \(map.seed)" : Human.count(map.count)
        var lines = [
            ("points", "\(shown), \(map.dimension) components, \(map.metric)"),
            ("variance", "\(Human.percent(map.shares.x)) along x, \(Human.percent(map.shares.y)) along y"),
        ]
        guard let field = map.colors.field, let cohesion = map.cohesion else { return lines }
        func cosine(_ value: Double?) -> String { value.map { String(format: "%.3f", $0) } ?? "none" }
        lines.append(("same \(field.prefix(12))", "mean cosine \(cosine(cohesion.within)) over pairs"))
        lines.append(("other \(field.prefix(11))", "mean cosine \(cosine(cohesion.between)) over pairs"))
        if let nearest = cohesion.nearest {
            lines.append(
                (
                    "nearest point",
                    "has the same \(field) for \(Human.count(nearest.same)) of \(Human.count(nearest.of, "point"))"
                ))
        }
        return lines
    }
}
