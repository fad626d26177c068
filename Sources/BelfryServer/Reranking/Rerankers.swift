import Belfry
import Files
import Towers

/// The cross-encoders of a server, by their names. A collection may have one of its own.
struct Rerankers: Sendable {
    private let towers: [String: Tower]

    /// - Parameter folders: their towers.
    init(_ folders: [String] = []) throws(BelfryError) {
        var towers: [String: Tower] = [:]
        for folder in folders {
            let tower = try Tower.load(folder)
            try tower.requireReranker()
            let name = ModelName.shown(folder.split(separator: "/").last.map(String.init) ?? folder)
            guard towers[name] == nil else {
                throw BelfryError(.invalidInput, "Two cross-encoders have the name \(name).", at: .init(file: folder))
            }
            towers[name] = tower
        }
        self.towers = towers
    }

    var names: [String] { towers.keys.sorted() }

    /// The one of a name, also where a client writes `vendor/` before it; without a name the only one.
    /// - Throws: 404 with the names that there are.
    func tower(_ model: String?) throws(Refusal) -> Tower {
        guard let model else {
            if towers.count == 1, let only = towers.values.first { return only }
            throw towers.isEmpty
                ? .missing("There is no reranker: start the server with --reranker")
                : .bad("There are several rerankers: name one of \(names.joined(separator: ", ")) as `model`")
        }
        let key = ModelName.key(model)
        guard let found = towers[model] ?? towers.first(where: { ModelName.key($0.key) == key })?.value else {
            throw .missing(
                "There is no reranker \(model.debugDescription); there are: \(names.joined(separator: ", "))")
        }
        return found
    }
}

extension Rerankers {
    /// How the answers of a query are read: `{"text": …, "model": …, "top": 50, "fields": […], "milliseconds": 100}`. What is not
    /// said is what the collection says.
    func reranking(_ body: Body, of collection: VectorCollection) throws -> Reranking {
        guard let text = try body.text("text") else { throw Refusal.format(body.place, "missing field `text`") }
        let (model, fields) = (try body.text("model"), try body.texts("fields"))
        guard fields?.isEmpty != true else { throw Refusal.format(body.path("fields"), "a payload field is expected") }
        // The collection's own, unless another one is named.
        let isOwn = model == nil && collection.configuration.reranker != nil
        let found = try collection.reranking(with: text, by: isOwn ? nil : tower(model), of: fields)
        guard var reranking = found else { throw Refusal.missing("There is no reranker") }
        if let top = try body.whole("top", from: 1, to: Reranking.mostTop) { reranking.top = top }
        if let milliseconds = try body.whole("milliseconds", from: 1, to: 1_000_000) {
            reranking.budget = .milliseconds(milliseconds)
        }
        return reranking
    }
}
