import ArgumentParser
import Belfry
import Files
import Recipes

struct Repair: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a damaged collection whole again, as far as that can be.",
        discussion: """
            belfry repair shop.belfry

            What can be derived from the vectors is made anew: codes, indexes, calibration. A vector or a point whose bytes are \
            damaged is left out, and of a damaged log what lies behind the damage; all of that is said. The damaged collection \
            is kept beside the new one. Exit code 3 if something was lost, or is still damaged.
            """)

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @OptionGroup var output: OutputOptions

    func run() throws {
        let path = try RecipeFile.collection(at: collection)
        let report = try CollectionRepair.make(path)
        if output.json { Terminal.print(report.json.text()) } else { Self.tell(report, path) }
        if report.hasLoss || !report.remaining.isEmpty { throw ExitCode(3) }
    }

    private static func tell(_ report: CollectionRepair.Report, _ path: String) {
        guard let kept = report.kept else { return Terminal.print("\(path): nothing is damaged.") }
        for folder in report.rewritten { Terminal.print("made anew  \(folder)") }
        for (count, what) in [
            (report.lostPoints.count, "point"), (report.lostUsers.count, "user"),
            (report.lostSeen.count, "seen list"), (report.lostVectors, "vector"),
            (Int(clamping: report.lostWrites), "write"),
        ] where count > 0 { Terminal.print("LOST       \(Human.count(count, what))") }
        let names = report.lostPoints + report.lostUsers + report.lostSeen
        if !names.isEmpty {
            Terminal.print("           " + names.prefix(20).joined(separator: ", ") + (names.count > 20 ? ", …" : ""))
        }
        for problem in report.remaining { Terminal.print("DAMAGED    \(problem.command)") }
        Terminal.print(report.hasLoss ? "The rest is whole again." : "Nothing was lost.")
        Terminal.print("The damaged collection is in \(kept): remove it when you need it no more.")
    }
}

extension CollectionRepair.Report {
    fileprivate var json: JSON {
        func list(_ names: [String]) -> JSON { .array(names.map { .string($0) }) }
        return [
            "damaged": .bool(kept != nil), "kept": kept.map { .string($0) } ?? .null, "rewritten": list(rewritten),
            "lost": [
                "points": list(lostPoints), "users": list(lostUsers), "seen": list(lostSeen),
                "vectors": .integer(Int64(lostVectors)), "writes": .integer(Int64(clamping: lostWrites)),
            ],
            "remaining": .array(remaining.map(Failure.json)),
        ]
    }
}
