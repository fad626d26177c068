import ArgumentParser
import Belfry
import Evaluation
import Files
import Foundation
import Recipes

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure how good the answers are: precision, recall, F1, hit rate, MRR, nDCG and MAP.",
        discussion: """
            belfry evaluate Indexes/movielens --only unseen-films-of-user --k 1,10,100
            belfry evaluate Indexes/movielens Indexes/sessions --summary
            belfry evaluate --log Indexes/.serve/feedback
            belfry evaluate vectors.belfry --same category --k 10
            belfry evaluate vectors.belfry --queries queries.npy --truth truth.npy --k 10

            Runs the evaluations of the recipe, for all variants, by exact search and through the index at the recipe's \
            recall. A collection without a recipe is asked by its own points, to which what shares a payload field's value \
            is relevant, or by vectors whose true nearest a file lists by their ids (belfry audit needs no such list). The \
            intervals hold 95 % of the means of 1,000 bootstrap samples of the queries.
            """)

    @Argument(
        help: "The folder of a recipe whose collections are built, or one variant of it; or several. Or a collection.")
    var recipe: [String] = []
    @Flag(help: "One table of the headline figures, with what the index costs.") var summary = false
    @Option(help: "Only the evaluation of this name.") var only: String?
    @Option(help: "Only this variant.") var variant: String?
    @Option(help: "Numbers of answers that count, as 1,10 (default: what the recipe says).") var k: String?
    @Option(help: "Ask only this many of the queries, drawn at random.") var limit: Int?
    @Option(help: "What samples and intervals are drawn by.") var seed: UInt64 = 1
    @Option(help: "A log of a server's feedback, or a folder of them, in the place of a recipe.") var log: [String] = []
    @Option(help: "Of a collection: ask for every point, to which what shares this payload field's value is relevant.")
    var same: String?
    @Option(help: "Of a collection: vectors to ask for, .npy or .fvecs, with --truth.") var queries: String?
    @Option(help: "The ids of the points that are nearest to each of --queries, nearest first: .npy or .ivecs.")
    var truth: String?
    @Option(help: "Ask the recommendations of the log again on this collection.") var replay: String?
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        _ = try counts()
        if replay != nil, log.isEmpty { throw ValidationError("--replay goes with --log.") }
        guard log.isEmpty else {
            guard recipe.isEmpty else { throw ValidationError("Name a recipe, or a --log: one of them.") }
            guard !summary, only == nil, variant == nil, k == nil, limit == nil else {
                throw ValidationError(
                    "--summary, --only, --variant, --k and --limit go with a recipe, and not with --log.")
            }
            return
        }
        guard !recipe.isEmpty else { throw ValidationError("Name the folder of a recipe.") }
        if same != nil || queries != nil || truth != nil { try requireCollection() }
        if summary, k != nil {
            throw ValidationError(
                "--summary shows the figures that recipes name, and --k asks for others: leave one out.")
        }
        if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
    }

    /// Refuses what does not go with a collection that no recipe describes.
    private func requireCollection() throws {
        guard recipe.count == 1, !summary, only == nil, variant == nil else {
            throw ValidationError(
                "--same and --queries are of one collection: leave out --summary, --only, --variant and other recipes.")
        }
        guard (same == nil) != (queries == nil) else { throw ValidationError("Give --same, or --queries.") }
        guard (queries == nil) == (truth == nil) else {
            throw ValidationError(
                queries == nil
                    ? "--truth goes with --queries."
                    : "--queries needs a --truth. Without one, belfry audit compares the index with exact search.")
        }
        if truth != nil, try counts()?.count ?? 1 != 1 {
            throw ValidationError("--truth goes with one --k: so many of what it lists are relevant.")
        }
    }

    func run() throws {
        guard log.isEmpty else { return try EvaluateLog(log, replaying: replay, output).run() }
        if same != nil || queries != nil { return try evaluateCollection() }
        let recipes = try recipe.flatMap(recipes)
        // What cannot be asked at all is said before anything is.
        var asked: [(Evaluator, [Recipe.Evaluation])] = []
        for recipe in recipes where recipe.isBuilt {
            let evaluator = Evaluator(recipe, limit: limit, seed: seed, threads: threads.threads)
            let askable = try evaluator.askable(evaluations(of: recipe)) {
                Terminal.note("belfry: \(recipe.name) \($0) is left out: \($1).")
            }
            asked.append((evaluator, askable))
        }
        let bad = BadRowLog()
        var results: [EvaluationResult] = []
        // What was found before an error may have taken an hour: it is shown as well.
        let whole = Result {
            for (evaluator, evaluations) in asked {
                for evaluation in evaluations { results.append(try evaluate(evaluation, by: evaluator, bad)) }
            }
        }
        if !results.isEmpty { try show(results) }
        try whole.get()
        let missing = recipes.filter { !$0.isBuilt }
        for recipe in missing { Failure.report(recipe.notBuilt) }
        if !missing.isEmpty { throw ExitCode(1) }
    }

    /// Evaluates a collection that no recipe describes.
    private func evaluateCollection() throws {
        let path = try RecipeFile.collection(at: recipe[0])
        let evaluation: Recipe.Evaluation
        if let same {
            let fields = try FilterOptions.fields(of: [VectorCollection(path)]) { $0.contains(same) }
            guard fields.contains(same) else {
                throw BelfryError(
                    .invalidInput, "No point has a payload field \(same.debugDescription).", at: .init(file: path),
                    remedy: fields.isEmpty
                        ? "The points have no payload."
                        : "The fields are: \(fields.prefix(50).joined(separator: ", ")).")
            }
            evaluation = .same(same, k: try counts() ?? [10])
        } else {
            evaluation = try .truth(truth ?? "", of: queries ?? "", k: try counts()?.first ?? 10)
        }
        let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
        let evaluator = Evaluator(collection: path, name: name, limit: limit, seed: seed, threads: threads.threads)
        try show([evaluate(evaluation, by: evaluator, BadRowLog())])
    }

    private func evaluate(
        _ evaluation: Recipe.Evaluation, by evaluator: Evaluator, _ bad: BadRowLog
    ) throws -> EvaluationResult {
        var evaluation = evaluation
        if let counts = try counts() { evaluation.k = counts }
        let label = "\(evaluator.name) \(evaluation.name)"
        let progress = StageProgress()
        defer { progress.finish(failed: true) }
        let result = try evaluator.evaluate(
            evaluation,
            .init(
                badRow: { bad.add($0) },
                reading: { progress.show("\(label): reading", $0, of: $1, .bytes) },
                progress: { progress.show("\(label): asking", $0, of: $1, .items) }))
        progress.finish(failed: false)
        return result
    }

    private func show(_ results: [EvaluationResult]) throws {
        if output.json {
            Terminal.print(JSON.object(["results": .array(results.map(\.json))]).text())
        } else {
            (summary ? EvaluationSummary(results).lines : EvaluationTables(results).lines).forEach(Terminal.print)
        }
    }

    private func counts() throws -> [Int]? {
        guard let k else { return nil }
        let counts = k.split(separator: ",").map { Int($0.filter { !$0.isWhitespace }) ?? 0 }
        guard !counts.isEmpty, counts.allSatisfy({ (1...Recipe.Evaluation.maxAnswers).contains($0) }) else {
            throw ValidationError("--k takes numbers from 1 to \(Recipe.Evaluation.maxAnswers), as 1,10.")
        }
        return Set(counts).sorted()
    }

    private func recipes(_ path: String) throws -> [Recipe] {
        let file = try RecipeFile(path)
        let recipes = try file.recipes()
        guard let variant else { return recipes }
        if let named = file.named, named != variant {
            throw BelfryError(
                .invalidInput, "The recipe is asked for the variant \(named), and by --variant for \(variant).",
                at: .init(file: file.folder), remedy: "Name one: belfry evaluate \(file.folder) --variant \(variant)")
        }
        let chosen = recipes.filter { $0.variant == variant }
        guard !chosen.isEmpty else {
            throw BelfryError(
                .notFound, "The recipe has no variant \(variant.debugDescription).", at: .init(file: file.folder),
                remedy: file.variants.isEmpty
                    ? "It has no variants." : "Its variants are: \(file.variants.joined(separator: ", ")).")
        }
        return chosen
    }

    private func evaluations(of recipe: Recipe) throws -> [Recipe.Evaluation] {
        let place = BelfryError.Location(file: "\(recipe.folder)/recipe.yaml")
        guard !recipe.evaluations.isEmpty else {
            throw BelfryError(
                .notFound, "The recipe has no evaluation.", at: place,
                remedy: "Write one: evaluate: {name: {file: queries.jsonl, text: query, relevant: ids}}.")
        }
        guard let only else { return recipe.evaluations }
        let chosen = recipe.evaluations.filter { $0.name == only }
        guard !chosen.isEmpty else {
            throw BelfryError(
                .notFound, "The recipe has no evaluation \(only.debugDescription).", at: place,
                remedy: "Its evaluations are: \(recipe.evaluations.map(\.name).joined(separator: ", ")).")
        }
        return chosen
    }
}
