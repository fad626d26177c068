import Files

extension Remedy {
    /// The sentence as a person at a terminal can follow it: its actions are commands and options.
    var command: String { text(\.command) }
}

extension Remedy.Action {
    fileprivate var command: String {
        switch self {
        case .build(let recipe, let replacing):
            "belfry build\(recipe.map { " " + $0 } ?? "")\(replacing ? " --replace" : "")"
        case .importTower(let model, let tower, let replacing):
            "belfry tower import \(model ?? "<model folder>") --to \(tower ?? "NAME.tower")"
                + (replacing ? " --replace" : "")
        case .check: "belfry check"
        case .repair: "belfry repair"
        case .search(let collection): "belfry search \(collection) \"…\""
        case .similar(let collection): "belfry similar \(collection) ID"
        case .recommend(let collection, let source):
            (collection.map { "belfry recommend \($0) " } ?? "") + source.option
        case .setting(let setting): setting.option
        }
    }
}

extension Remedy.Source {
    fileprivate var option: String {
        switch self {
        case .examples: "--like ID,ID"
        case .session: "--session ID,ID"
        case .user: "--user ID"
        case .fields(let names): "--user '{\(names.map { "\"\($0)\": …" }.joined(separator: ", "))}'"
        }
    }
}

extension Remedy.Setting {
    fileprivate var option: String {
        switch self {
        case .replacing: "--replace"
        case .evaluation: "--only NAME"
        case .variant: "--variant NAME"
        case .queryLimit: "--limit-queries"
        case .tower, .truth, .k, .pooling, .normalize, .output, .route, .graph, .features, .session, .pair:
            "--\(rawValue)"
        }
    }
}

extension BelfryError {
    /// Where, what, why and how to mend it, for a person at a terminal.
    var command: String { text(remedy: \.command) }
}
