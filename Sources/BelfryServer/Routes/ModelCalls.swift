import Belfry
import Files
import Foundation
import Towers
import Vectors

/// Embeddings, as OpenAI's clients ask for them: by the towers of the collections.
enum ModelCalls {
    private static let mostTexts = 2_048

    @Sendable static func list(_ service: Service, _ call: Call) -> Answer {
        let names = ServedTowers(service.all(for: call.caller)).names + service.rerankers.names
        let models = names.map { name -> JSON in
            ["id": .string(name), "object": "model", "created": 0, "owned_by": "belfry"]
        }
        return Answer(.document(Array(JSON.object(["object": "list", "data": .array(models)]).text().utf8)))
    }

    @Sendable static func embed(_ service: Service, _ call: Call) async throws -> Answer {
        let body = try call.json()
        guard let model = try body.text("model") else { throw Refusal.format("", "missing field `model`") }
        let input = try Input(body)
        let format = try body.text("encoding_format") ?? "float"
        guard ["float", "base64"].contains(format) else {
            throw Refusal.format("encoding_format", "float or base64 is expected")
        }
        let wanted = try body.whole("dimensions", from: 1)
        let towers = try service.models.towers(of: model, for: call.caller) { service.all(for: call.caller) }
        let role: Tower.Role = try body.text("input_type") == "query" ? .query : .document
        let tower = role == .query ? towers.query : towers.item
        guard tower.takesTexts else { throw Refusal.bad("The model \(model) takes no texts") }
        guard wanted ?? 0 <= tower.dimension else {
            throw Refusal.bad("The model \(model) has \(tower.dimension) dimensions")
        }
        let vectors: [[Float]]
        let tokens: Int
        switch input {
        case .texts(let texts):
            vectors = try await service.embeddings.embed(texts, by: tower, as: role)
            tokens = texts.reduce(0) { $0 + tower.tokenCount(of: $1) }
        case .tokens(let ids):
            vectors = try await embed(ids, by: tower)
            tokens = ids.reduce(0) { $0 + $1.count }
        }
        return answer(vectors, model, dimension: wanted ?? tower.dimension, inBase64: format == "base64", tokens)
    }

    /// A few texts at a time: others have their turn in between.
    private static func embed(_ ids: [[Int32]], by tower: Tower) async throws -> [[Float]] {
        var vectors: [[Float]] = []
        while vectors.count < ids.count {
            let next = Array(ids[vectors.count..<min(ids.count, vectors.count + 16)])
            let matrix = try tower.embed(tokens: next, threads: 1)
            vectors += next.indices.map { Array(matrix.row($0)) }
            await Task.yield()
        }
        return vectors
    }

    private static func answer(
        _ vectors: [[Float]], _ model: String, dimension: Int, inBase64: Bool, _ tokens: Int
    ) -> Answer {
        var writer = WireWriter(capacity: 64 + vectors.count * dimension * 12)
        writer.raw("{\"object\":\"list\",\"data\":")
        writer.list(vectors.indices) { writer, row in
            writer.raw("{\"object\":\"embedding\",\"index\":")
            writer.number(row)
            writer.raw(",\"embedding\":")
            let isCut = dimension < vectors[row].count
            let vector = isCut ? VectorReader.unit(Array(vectors[row].prefix(dimension))) : vectors[row]
            if inBase64 {
                writer.raw("\"\(vector.withUnsafeBytes { Data($0).base64EncodedString() })\"")
            } else {
                writer.list(vector) { $0.float($1) }
            }
            writer.raw("}")
        }
        writer.raw(",\"model\":")
        writer.text(model)
        writer.raw(",\"usage\":{\"prompt_tokens\":\(tokens),\"total_tokens\":\(tokens)}}")
        return Answer(.document(writer.bytes))
    }

    /// What is to be embedded: texts, or what the tower's own tokenizer has made of them.
    private enum Input {
        case texts([String])
        case tokens([[Int32]])

        init(_ body: Body) throws {
            let input = try body.required("input")
            if let text = input.string {
                self = .texts([try ModelCalls.filled(text)])
                return
            }
            guard let elements = input.array, let first = elements.first else {
                throw Refusal.format("input", "a text or a list of texts is expected")
            }
            if first.integer != nil {
                self = .tokens([try Self.ids(input)])
                return
            }
            guard elements.count <= mostTexts else { throw Refusal.bad("There may be \(mostTexts) texts") }
            if first.array != nil {
                self = .tokens(try elements.map(Self.ids))
                return
            }
            self = .texts(
                try elements.map { element in
                    guard let text = element.string else {
                        throw Refusal.format("input", "a text or a list of texts is expected")
                    }
                    return try ModelCalls.filled(text)
                })
        }

        private static func ids(_ json: JSON) throws -> [Int32] {
            guard let elements = json.array, !elements.isEmpty else {
                throw Refusal.format("input", "a list of token ids is expected")
            }
            return try elements.map { element in
                guard let id = element.integer.flatMap({ Int32(exactly: $0) }) else {
                    throw Refusal.format("input", "token ids are whole numbers")
                }
                return id
            }
        }
    }

    private static func filled(_ text: String) throws(Refusal) -> String {
        guard !text.isBlank else { throw .format("input", "a text is empty") }
        return text
    }
}
