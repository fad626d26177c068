import Belfry
import Files
import Towers
import Vectors

extension Target {
    /// The vectors of items that come as texts, or that come as fields, by the tower that fills a space.
    func embed(_ inputs: [InferenceInput], for space: VectorSpace) throws -> Matrix {
        var (texts, objects) = ([String](), [JSON]())
        for input in inputs {
            switch input.content {
            case .text(let text):
                guard !text.isBlank else { throw Refusal.bad("A text that is to be embedded is empty") }
                texts.append(text)
            case .fields(let fields): objects.append(fields)
            }
        }
        precondition(texts.isEmpty || objects.isEmpty, "inputs of one kind")
        return objects.isEmpty
            ? try collection.embed(items: texts, for: space) : try collection.embed(itemFields: objects, for: space)
    }

    /// Refuses a model that is not the tower of a space.
    func requireModel(_ model: String?, of space: Int) throws(Refusal) {
        let description = configuration.spaces[space]
        if description.words != nil {
            guard let model, !["bm25", "qdrant/bm25"].contains(model.lowercased()) else { return }
            throw .bad(
                "The vectors \(description.name.debugDescription) are words: their model is bm25, and not \(model.debugDescription)"
            )
        }
        guard let tower = description.tower else {
            throw .bad(
                "The vectors \(description.name.debugDescription) have no tower: they are made elsewhere, and so must this one be"
            )
        }
        let name = ModelName.shown(tower.name)
        guard let model, model != served.name, ModelName.key(model) != ModelName.key(name) else { return }
        throw .bad("The tower of these vectors is \(name.debugDescription), and not \(model.debugDescription)")
    }

    /// What a query by an object of fields starts from: a user, a session, or the fields of the query tower.
    func query(_ input: InferenceInput, in space: Int) throws -> SearchQuery {
        try requireModel(input.model, of: space)
        switch input.content {
        case .text(let text): return .text(text)
        case .fields(let fields):
            if fields.names == ["user"], let user = fields["user"] { return .user(try PointNames.name(user, "user")) }
            if fields.names == ["session"], let items = fields["session"]?.array {
                return .session(try PointNames.names(items, "session"))
            }
            return .fields(fields)
        }
    }
}
