import Belfry
import Files
import Towers

/// Texts in the order of a cross-encoder, as clients of Jina's, Cohere's and vLLM's interfaces ask for it.
enum RerankCalls {
    private static let mostTexts = 1_000
    /// Others have their turn after so many.
    private static let step = 16

    @Sendable static func rerank(_ service: Service, _ call: Call) async throws -> Answer {
        let body = try call.json()
        guard let query = try body.text("query") else { throw Refusal.format("", "missing field `query`") }
        guard !query.isBlank else { throw Refusal.format("query", "a text is empty") }
        let documents = try body.required("documents")
        guard let elements = documents.array, !elements.isEmpty else {
            throw Refusal.format("documents", "a list of texts is expected")
        }
        guard elements.count <= mostTexts else { throw Refusal.bad("There may be \(mostTexts) documents") }
        let texts = try elements.map { element in
            guard let text = element.string ?? element["text"]?.string else {
                throw Refusal.format("documents", "a list of texts is expected")
            }
            return text
        }
        let model = try body.text("model")
        let tower = try service.rerankers.tower(model)
        let most = try body.whole("top_n", from: 1) ?? texts.count
        let returnsTexts = try body.flag("return_documents") ?? false

        var scores: [Float] = []
        while scores.count < texts.count {
            let next = Array(texts[scores.count...].prefix(step))
            scores += try tower.scores(of: next, for: query, threads: 1)
            await Task.yield()
        }
        // Of equal ones the first stays first.
        let order = texts.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }.prefix(most)
        var writer = WireWriter(capacity: 64 + 64 * order.count)
        writer.raw("{\"object\":\"list\",\"model\":")
        writer.text(model ?? service.rerankers.names[0])
        writer.raw(",\"results\":")
        writer.list(Array(order)) { writer, index in
            writer.raw("{\"index\":")
            writer.number(index)
            writer.raw(",\"relevance_score\":")
            writer.float(scores[index])
            if returnsTexts {
                writer.raw(",\"document\":{\"text\":")
                writer.text(texts[index])
                writer.raw("}")
            }
            writer.raw("}")
        }
        writer.raw("}")
        return Answer(.document(writer.bytes))
    }
}
