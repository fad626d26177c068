import ArgumentParser
import Files
import Foundation
import Recipes

struct Init: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Look at a file of rows, and write a recipe for it.",
        discussion: """
            belfry init products.csv
            belfry init ~/data/products.jsonl.gz --to my-shop --tower minilm.tower

            Reads .csv, .tsv, .jsonl and .json, each also .gz; the delimiter is guessed, and so is whether there is a header. Every row is \
            read once, so that the payload's types hold for all of them, and once more as a build would. The recipe has a \
            comment for each guess: id, text, payload, pictures, tower, search. A recipe that is there is not written over.
            """)

    @Argument(help: "The file of rows.") var file: String
    @Option(help: "The folder to write recipe.yaml to (default: this one).") var to = "."
    @Option(help: "The tower's directory (default: one beside the recipe, or of the cache ~/.cache/belfry).")
    var tower: String?
    @Flag(help: "Write over a recipe that is there.") var replace = false
    @OptionGroup var output: OutputOptions

    func run() throws {
        let folder = to.count > 1 && to.hasSuffix("/") ? String(to.dropLast()) : to
        // Before the work.
        try RecipeDraft.requireFree(folder, replacing: replace)
        let shelf = try TowerShelf(for: folder, tower: tower)
        let progress = StageProgress()
        defer { progress.finish(failed: true) }
        let profile = try TableProfile(file) { progress.show("reading", $0, of: $1, .bytes) }
        let draft = try RecipeDraft(profile, folder: folder, towers: shelf)
        let check = try draft.check { progress.show("trying the recipe", $0, of: $1, .bytes) }
        progress.finish(failed: false)
        try draft.write(replacing: replace)
        if output.json {
            guard case .object(var members) = draft.json else { return }
            (members["points"], members["bad_rows"]) = (.integer(Int64(check.points)), .integer(Int64(check.badRows)))
            members["next"] = .array((draft.tower.command.map { [.string($0)] } ?? []) + [.string(build)])
            Terminal.print(JSON.object(members).text())
        } else {
            show(draft, profile, check)
        }
    }

    private func show(_ draft: RecipeDraft, _ profile: TableProfile, _ check: RecipeDraft.Check) {
        Terminal.print(
            "\(draft.path): \(Human.count(profile.rows + profile.badRows, "row")) of "
                + "\(Human.count(profile.columnCount, "column")) become \(Human.count(check.points, "point")).")
        var table = Table([.init(title: "what"), .init(title: "guess", shrinks: true)])
        for (what, guess) in draft.guesses { table.add([what, guess]) }
        table.lines(width: Terminal.width).dropFirst(2).forEach { Terminal.print("  " + $0) }
        if check.badRows > 0 {
            Terminal.note("\(Human.count(check.badRows, "row")) cannot be used, and will be left out. The first:")
            check.first.forEach(Failure.report)
        }
        Terminal.print("\nLook at the recipe; its comments say why. Then:")
        if let command = draft.tower.command { Terminal.print("  \(command)") }
        Terminal.print("  \(build)")
        Terminal.print("  belfry search \(draft.folder.shellWord) \"\(draft.question)\"")
    }

    private var build: String { "belfry build \(to.shellWord)" }
}

extension String {
    /// As a shell takes it for one word.
    fileprivate var shellWord: String {
        wholeMatch(of: /[A-Za-z0-9_.\/~:@%+=-]+/) != nil ? self : "'" + replacing("'", with: "'\\''") + "'"
    }
}
