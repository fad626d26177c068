import Files

/// The list of modules.
extension SentenceTransformersFolder {
    /// A module: its class, the last word of it, and its folder.
    struct Entry {
        var type: String
        var name: String
        var folder: String

        /// - Throws: `unsupported` for a class that is not the library's own: another one of the same name may do anything.
        init(_ type: String, folder: String, in list: String) throws(BelfryError) {
            let words = type.split(separator: ".").map(String.init)
            guard words.count > 2, words[0] == "sentence_transformers",
                ["models", "base", "sentence_transformer"].contains(words[1]), let name = words.last
            else {
                throw BelfryError(
                    .unsupported, "The module “\(type)” is code of the model's own, which is not run.",
                    at: .init(file: list),
                    remedy: "If it is a copy of the library's module, name that: sentence_transformers.models."
                        + "\(words.last ?? "Transformer"). Else export the model as ONNX.")
            }
            (self.type, self.name, self.folder) = (type, name, folder)
        }
    }

    /// The modules in order.
    static func entries(_ list: String, in path: String) throws(BelfryError) -> [Entry] {
        guard let entries = try StrictJSON(file: list).array else {
            throw .corrupt("The file must be an array of modules.", at: .init(file: list))
        }
        var modules: [Entry] = []
        for entry in try StrictObject.objects(entries, file: list, place: "modules") {
            try entry.refuseOthers(["idx", "name", "path", "type", "kwargs"])
            let folder = try entry.string("path") ?? ""
            guard !folder.split(separator: "/").contains(".."), !folder.hasPrefix("/") else {
                throw .corrupt("A module lies outside of the folder: \(folder).", at: .init(file: list))
            }
            // Which arguments of a call a module is handed: a Router its task, others what no call here has.
            for name in try entry.array("kwargs") ?? [] where name.string != "task" && name.string != "modality" {
                throw entry.unknown("kwargs")
            }
            modules.append(
                try Entry(
                    try entry.string("type") ?? "none", folder: folder.isEmpty ? path : path + "/" + folder, in: list))
        }
        return modules
    }
}
