import Belfry
import Files
import Foundation
import Towers
import Vectors

/// Embeddings, as OpenAI's clients ask for them: by the towers of the collections.
enum ModelCalls {
    private static let mostTexts = 2_048

    @Sendable static func list(_ service: Service, _ call: Call) -> Answer {
        let models = ServedTowers(service.collections.all()).names.map { name -> JSON in
            ["id": .string(name), "object": "model", "created": 0, "owned_by": "belfry"]
        }
        return Answer(.document(Array(JSON.object(["object": "list", "data": .array(models)]).text().utf8)))
    }

    @Sendable static func embed(_ service: Service, _ call: Call) throws -> Answer {
        let body = try call.json()
        guard let model = try body.text("model") else { throw Refusal.format("", "missing field `model`") }
        let texts = try texts(body)
        let format = try body.text("encoding_format") ?? "float"
        guard ["float", "base64"].contains(format) else {
            throw Refusal.format("encoding_format", "float or base64 is expected")
        }
        let wanted = try body.whole("dimensions", from: 1)
        let towers = try service.models.towers(of: model, in: service.collections)
        let isQuery = try body.text("input_type") == "query"
        let tower = isQuery ? towers.query : towers.item
        guard tower.takesTexts else { throw Refusal.bad("The model \(model) takes no texts") }
        let vectors = try tower.embed(texts, as: isQuery ? .query : .document, threads: 1)
        let dimension = min(wanted ?? vectors.columns, vectors.columns)
        guard wanted ?? 0 <= vectors.columns else {
            throw Refusal.bad("The model \(model) has \(vectors.columns) dimensions")
        }
        let tokens = texts.reduce(0) { $0 + $1.split(whereSeparator: \.isWhitespace).count }
        var writer = WireWriter(capacity: 64 + texts.count * dimension * 12)
        writer.raw("{\"object\":\"list\",\"data\":")
        writer.list(0..<texts.count) { writer, row in
            writer.raw("{\"object\":\"embedding\",\"index\":")
            writer.number(row)
            writer.raw(",\"embedding\":")
            var vector = Array(vectors.row(row).prefix(dimension))
            if dimension < vectors.columns { vector = VectorReader.unit(vector) }
            if format == "base64" {
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

    /// One text or several.
    private static func texts(_ body: Body) throws -> [String] {
        let input = try body.required("input")
        if let text = input.string { return [try filled(text)] }
        guard let elements = input.array, !elements.isEmpty else {
            throw Refusal.format("input", "a text or a list of texts is expected")
        }
        guard elements.count <= mostTexts else { throw Refusal.bad("There may be \(mostTexts) texts") }
        return try elements.map { element in
            guard let text = element.string else {
                if element.integer != nil || element.array != nil {
                    throw Refusal.notOffered(
                        "numbers of tokens as input: send the texts (check_embedding_ctx_length=False)")
                }
                throw Refusal.format("input", "a text or a list of texts is expected")
            }
            return try filled(text)
        }
    }

    private static func filled(_ text: String) throws(Refusal) -> String {
        guard !text.isBlank else { throw .format("input", "a text is empty") }
        return text
    }
}
