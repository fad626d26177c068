/// The names of models: a tower's, as its folder has it, without what others write around it.
enum ModelName {
    /// The name that is shown: of the folder `minilm.tower`, `minilm`.
    static func shown(_ folder: String) -> String {
        folder.hasSuffix(".tower") ? String(folder.dropLast(".tower".count)) : folder
    }

    /// The same for all names of a model: `sentence-transformers/All-MiniLM-L6-v2` is `all-minilm-l6-v2`.
    static func key(_ name: String) -> String {
        shown(name.lowercased().split(separator: "/").last.map(String.init) ?? "")
    }
}
