public import Belfry
public import Files

/// Which collections a path means that a person gave.
extension RecipeFile {
    /// The collection's directory: the path itself, what the recipe there builds, or what an alias of the folder stands for.
    /// - Throws: `notFound` where nothing is built yet; `invalidInput` for a recipe with a mistake.
    public static func collection(at path: String) throws(BelfryError) -> String { try version(at: path).collection }

    /// The collection's directory, and which version of it is meant: `path@version`, or an alias that stands for one.
    /// - Throws: as ``collection(at:)``.
    public static func version(at path: String) throws(BelfryError) -> (collection: String, version: String) {
        let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        if System.isMissing(path) {
            let name = String(path.split(separator: "/").last ?? "")
            let folder = path.contains("/") ? System.parent(of: path) : "."
            let aliases = try Aliases(of: folder)
            if let target = aliases.targets[name] {
                let own = aliases.path(of: target.collection)
                return (System.exists(own) ? own : try directory(at: "\(folder)/\(target.collection)"), target.version)
            }
            if let at = name.lastIndex(of: "@"), case let version = String(name[name.index(after: at)...]),
                !version.isEmpty
            {
                return (try directory(at: String(path.dropLast(version.count + 1))), version)
            }
        }
        return (try directory(at: path), "")
    }

    private static func directory(at path: String) throws(BelfryError) -> String {
        if System.exists("\(path)/catalog.sqlite") || (path.hasSuffix(".belfry") && System.isDirectory(path)) {
            return path
        }
        // One collection in the folder is the recipe's, whatever has become of the recipe.
        let inside = ((try? System.list(path)) ?? []).filter { $0.hasSuffix(".belfry") }
        if inside.count == 1 { return "\(path)/\(inside[0])" }
        guard System.exists("\(path)/recipe.yaml") || System.exists("\(System.parent(of: path))/recipe.yaml") else {
            throw BelfryError(
                .notFound, "This is neither a collection nor the folder of a recipe.", at: .init(file: path),
                remedy: "Name a .belfry directory, or a folder with a recipe.yaml, such as Indexes/products.")
        }
        let collection = try Recipe(folder: path).collectionPath
        guard System.exists(collection) else {
            throw BelfryError(
                .notFound, "The collection is not built yet.", at: .init(file: collection),
                remedy: "Run: \(.build(recipe: path, replacing: false))")
        }
        return collection
    }

    /// The directories of all collections that are meant: one, or those of a recipe's variants that are built.
    /// - Throws: as ``collection(at:)``.
    public static func collections(at path: String) throws(BelfryError) -> [String] {
        if let recipe = try? RecipeFile(path), recipe.named == nil, !recipe.variants.isEmpty,
            !System.exists("\(path)/catalog.sqlite")
        {
            let built = try recipe.recipes().map(\.collectionPath).filter { System.exists($0) }
            if !built.isEmpty { return built }
        }
        return [try collection(at: path)]
    }
}

extension VectorCollection {
    /// Opens the collection that a path means: a `.belfry` directory, the folder of a recipe whose collection is built, or an alias;
    /// `@version` behind one means a version of it.
    /// - Throws: as ``RecipeFile/collection(at:)``, and as the collection's own initializer.
    public convenience init(
        at path: String, for access: Access = .reading, memoryLimit: Int? = nil
    ) throws(BelfryError) {
        let (collection, version) = try RecipeFile.version(at: path)
        try self.init(collection, for: access, version: version, memoryLimit: memoryLimit)
    }
}
