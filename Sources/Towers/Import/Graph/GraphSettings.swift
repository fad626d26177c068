import Files

/// What `features.json` says beside its columns: which value of the graph is the vector, and what is done to it.
///
/// | member | what |
/// |---|---|
/// | `output` | the value's name, an output or one inside of the graph; without it the only output, or the only 2-D one |
/// | `pooling` | for an output [rows, elements, size]: `mean`, `cls`, `max`, … or an array of these |
/// | `normalize` | whether the vector is divided by its Euclidean length |
/// | `cut` | how many components are kept, the first ones; then it is normalized again |
/// | `prompts` | `{"query": …, "document": …}`: put before a text |
/// | `items` | for a session tower: the rows of its output layer, see `SessionItems` |
struct GraphSettings {
    var output: String?
    var modules: [TowerModule] = []
    var prompts: [String: String] = [:]
    var defaultPrompt: String?
    var includesPrompt = true
    var items: SessionItems?

    init() {}

    /// What a model's folder says that has no configuration and no `modules.json`, and what the import is told.
    init(folder: String, _ options: Tower.ImportOptions) throws(BelfryError) {
        output = options.output
        if !options.pooling.isEmpty {
            modules.append(.pooling(options.pooling))
        } else if System.exists(folder + "/1_Pooling/config.json") {
            let (modes, includesPrompt) = try SentenceTransformersFolder.pooling(folder + "/1_Pooling/config.json")
            modules.append(.pooling(modes))
            self.includesPrompt = includesPrompt
        }
        if options.normalizes || System.isDirectory(folder + "/2_Normalize") { modules.append(.normalize) }
        let file = folder + "/config_sentence_transformers.json"
        guard System.exists(file) else { return }
        let json = try StrictObject(file: file)
        for (name, value) in try json.object("prompts")?.members ?? [] {
            let name = String(decoding: name, as: UTF8.self)
            guard let text = value.string else { throw json.failure("prompts", "The prompt “\(name)” must be a text.") }
            prompts[name] = text
        }
        defaultPrompt = try json.string("default_prompt_name").flatMap { prompts[$0] == nil ? nil : $0 }
    }

    /// Whether something says that tokens' vectors are pooled.
    var pools: Bool { modules.contains { if case .pooling = $0 { true } else { false } } }

    /// Reads the members of the configuration in `file` that are not columns.
    init(file: String) throws(BelfryError) {
        self = try FeatureSet.byHand { () throws(BelfryError) in try GraphSettings(StrictObject(file: file)) }
    }

    private init(_ json: StrictObject) throws(BelfryError) {
        output = try json.string("output")
        if json["pooling"] != nil { modules.append(.pooling(try Self.pooling(json))) }
        let normalizes = try json.bool("normalize", default: false)
        if normalizes { modules.append(.normalize) }
        if let cut = try json.count("cut", 1...1 << 18) {
            modules.append(.cut(cut))
            if normalizes { modules.append(.normalize) }
        }
        for (name, value) in try json.object("prompts")?.members ?? [] {
            let name = String(decoding: name, as: UTF8.self)
            guard let text = value.string else { throw json.failure("prompts", "The prompt “\(name)” must be a text.") }
            prompts[name] = text
        }
        // A bias is a component that neither a length nor a cut may touch.
        if json["items"]?["bias"] != nil, !modules.isEmpty {
            throw json.failure("items", "The scores of an output layer with a bias are of whole, raw vectors.")
        }
        items = try json.object("items").map { (items) throws(BelfryError) in try SessionItems(items) }
    }

    private static func pooling(_ json: StrictObject) throws(BelfryError) -> [Pooling] {
        let names = json["pooling"]?.array?.map(\.string) ?? [json["pooling"]?.string]
        var modes: [Pooling] = []
        for name in names {
            guard let mode = name.flatMap(Pooling.init) else {
                let known = Pooling.allCases.map(\.rawValue).joined(separator: ", ")
                throw json.failure("pooling", "“pooling” must be one or more of \(known).")
            }
            modes.append(mode)
        }
        guard !modes.isEmpty else { throw json.failure("pooling", "“pooling” is empty.") }
        return modes
    }
}
