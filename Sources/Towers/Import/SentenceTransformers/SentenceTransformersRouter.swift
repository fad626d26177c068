import Files

/// A module that sends queries and documents through chains of modules of their own.
///
/// | member of `router_config.json` (older: `config.json`) | what |
/// |---|---|
/// | `types` | module's folder → class |
/// | `structure` | route → the folders of its modules, in order |
/// | `parameters` | `default_route`; `allow_empty_key`; `route_mappings`, which are refused |
///
/// Each route becomes a tower; two of one space are a pair.
struct SentenceTransformersRouter {
    private let folder: String
    private let file: String
    /// The names of the routes, in the order of the file.
    let routes: [String]
    private let chains: [String: [SentenceTransformersFolder.Entry]]
    private let fallback: String?

    init(_ folder: String) throws(BelfryError) {
        self.folder = folder
        file = ["/router_config.json", "/config.json"].map { folder + $0 }.first(where: System.exists) ?? folder
        guard file != folder else {
            throw .corrupt("The Router has no router_config.json.", at: .init(file: folder))
        }
        let json = try StrictObject(file: file)
        try json.refuseOthers(["types", "structure", "parameters"])
        guard let types = try json.object("types"), let structure = try json.object("structure") else {
            throw .corrupt("The Router needs its types and its structure.", at: .init(file: file))
        }
        let parameters = try json.object("parameters")
        try parameters?.refuseOthers(["default_route", "allow_empty_key"])
        fallback = try parameters?.string("default_route")
        var routes: [String] = []
        var chains: [String: [SentenceTransformersFolder.Entry]] = [:]
        for (name, list) in structure.members {
            let route = String(decoding: name, as: UTF8.self)
            guard let list = list.array else { throw structure.unknown(route) }
            var chain: [SentenceTransformersFolder.Entry] = []
            for module in list {
                guard let module = module.string, !module.contains("/"), let type = try types.string(module) else {
                    throw .corrupt("A module of the route “\(route)” has no type.", at: .init(file: file))
                }
                chain.append(try .init(type, folder: folder + "/" + module, in: file))
            }
            routes.append(route)
            chains[route] = chain
        }
        (self.routes, self.chains) = (routes, chains)
    }

    /// The Router of the model in `folder`, if its first module is one.
    static func of(model folder: String) throws(BelfryError) -> SentenceTransformersRouter? {
        let list = folder + "/modules.json"
        guard System.exists(list), let first = try SentenceTransformersFolder.entries(list, in: folder).first,
            first.name == "Router" || first.name == "Asym"
        else { return nil }
        return try SentenceTransformersRouter(first.folder)
    }

    /// The modules of a route; without a name those of the only route, or of the default one.
    func modules(_ route: String?) throws(BelfryError) -> [SentenceTransformersFolder.Entry] {
        let names: [String] =
            switch route {
            case "document": ["document", "passage", "corpus", "doc"]
            case let name?: [name]
            case nil: routes.count == 1 ? routes : fallback.map { [$0] } ?? []
            }
        if let name = names.first(where: { chains[$0] != nil }) { return chains[name]! }
        throw BelfryError(
            .invalidInput,
            route.map { "The model has no route “\($0)”: it has \(routes.joined(separator: ", "))." }
                ?? "The model has several routes, \(routes.joined(separator: ", ")), and none is the default.",
            at: .init(file: file),
            remedy: "Name one with \(.setting(.route)), or leave it out to import query and document as a pair.")
    }
}
