public import Files
import Foundation
import Yams

/// The file `recipe.yaml` of a folder, which stands for one collection or, with variants, for several.
///
/// ```yaml
/// variants: [softmax, logistic]
/// tower: towers/${variant}        # `${variant}` stands for the name in every text of the recipe
/// ```
/// `Indexes/movielens` then names the first of them wherever one collection is asked for, and `Indexes/movielens/logistic`
/// the other; the collections are `movielens-softmax.belfry` and `movielens-logistic.belfry`.
public struct RecipeFile: Sendable {
    /// The folder that holds the file.
    public let folder: String
    /// The names of the variants, in the file's order; empty for a recipe without.
    public let variants: [String]
    /// The variant that the path named behind the folder.
    public let named: String?
    private let yaml: String
    private var file: String { Self.file(in: folder) }

    /// Reads the file for `path`: the folder, the file itself, or the folder with a variant's name behind it.
    /// - Throws: `notFound`; `invalidInput` with the line.
    public init(_ path: String) throws(BelfryError) {
        var folder = path
        if folder.hasSuffix("/recipe.yaml") { folder = String(folder.dropLast(12)) }
        if folder.count > 1, folder.hasSuffix("/") { folder = String(folder.dropLast()) }
        var named: String?
        if !System.exists(Self.file(in: folder)), System.exists(Self.file(in: System.parent(of: folder))) {
            named = URL(fileURLWithPath: folder).lastPathComponent
            folder = System.parent(of: folder)
        }
        let file = Self.file(in: folder)
        guard System.exists(file) else {
            throw BelfryError(
                .notFound, "There is no recipe here.", at: .init(file: file),
                remedy: "Name a folder with a recipe.yaml, such as Indexes/products.")
        }
        let data = try System.read(file, limit: 1 << 20)
        guard let yaml = String(data: data, encoding: .utf8) else {
            throw BelfryError(.invalidInput, "The recipe is not UTF-8 text.", at: .init(file: file))
        }
        let variants = try Self.variants(yaml, file)
        if let named, !variants.contains(named) {
            throw BelfryError(
                .notFound, "The recipe has no variant \(named.debugDescription).", at: .init(file: file),
                remedy: variants.isEmpty
                    ? "It has no variants: name \(folder)." : "Its variants are: \(variants.joined(separator: ", ")).")
        }
        (self.folder, self.yaml, self.variants, self.named) = (folder, yaml, variants, named)
    }

    /// The recipe of one variant; of the whole file without one.
    public func recipe(_ variant: String?) throws(BelfryError) -> Recipe {
        let text = variant.map { yaml.replacingOccurrences(of: "${variant}", with: $0) } ?? yaml
        return try Recipe(yaml: text, folder: folder, file: file, variant: variant)
    }

    /// The recipes that the path stands for: the variant that it named, or all of them.
    public func recipes() throws(BelfryError) -> [Recipe] {
        if variants.isEmpty { return [try recipe(nil)] }
        var recipes: [Recipe] = []
        for variant in named.map({ [$0] }) ?? variants { recipes.append(try recipe(variant)) }
        return recipes
    }

    private static func file(in folder: String) -> String { "\(folder)/recipe.yaml" }

    private static func variants(_ yaml: String, _ file: String) throws(BelfryError) -> [String] {
        let fields = try YAMLFields(parsing: yaml, known: nil, file: file)
        let what = "a list of different names, as [small, large]"
        guard let names = try fields.optionalTexts("variants", what) else { return [] }
        guard !names.isEmpty, Set(names).count == names.count, names.allSatisfy(isName) else {
            throw fields.failure("variants", "must be \(what).")
        }
        return names
    }

    /// Whether a text can name a collection: letters, digits, `-`, `_` and `.`.
    static func isName(_ text: String) -> Bool { text.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9_.-]{0,99}/) != nil }
}
