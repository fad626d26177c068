import Belfry
import Files

// What reads the best answers once more.
extension Recipe {
    /// The cross-encoder of a collection.
    ///
    /// ```yaml
    /// rerank:
    ///   tower: ../reranker.tower
    ///   top: 50                          # so many answers are read
    ///   fields: [title, description]     # of their payload
    ///   milliseconds: 100                # no longer than this; what has not been read by then follows
    /// ```
    /// Without fields, those of the text that are kept in the payload.
    static func reranker(
        _ fields: YAMLFields, _ payload: [String: PayloadType], _ input: Input, folder: String
    ) throws(BelfryError) -> CollectionReranker.Description? {
        let known = ["tower", "top", "fields", "milliseconds"]
        guard let options = try fields.optionalFields("rerank", known: known) else { return nil }
        let top = try options.optionalCount("top") ?? Reranking.usualTop
        guard top <= Reranking.mostTop else {
            throw options.failure("top", "is \(top): no more than \(Reranking.mostTop) answers are read.")
        }
        let milliseconds = try options.optionalNumber("milliseconds")
        if let milliseconds, !(milliseconds > 0 && milliseconds < 1e6) {
            throw options.failure("milliseconds", "is \(milliseconds): reading takes some time.")
        }
        return CollectionReranker.Description(
            path: try path(options.text("tower"), in: folder),
            fields: try readFields(options, payload, input).map { JSONPath(member: $0).description },
            top: top, milliseconds: milliseconds)
    }

    private static func readFields(
        _ options: YAMLFields, _ payload: [String: PayloadType], _ input: Input
    ) throws(BelfryError) -> [String] {
        guard let names = try options.optionalTexts("fields", "a list of payload fields, as [title, description]")
        else {
            if case .text(let template) = input.read(asText: true) {
                let kept = template.fields.filter { payload.keys.containsBytes(of: $0) }
                if !kept.isEmpty { return kept }
            }
            throw options.failure(
                "fields", "is missing, and none of the text's fields are in payload.",
                remedy: "Add these to payload, or write fields: [title, description].")
        }
        guard !names.isEmpty else { throw options.failure("fields", "is empty: an answer is read in some field.") }
        if let unknown = names.first(where: { !payload.keys.containsBytes(of: $0) }) {
            throw options.failure(
                "fields", "names \(unknown.debugDescription), which is not in payload.",
                remedy: "Answers are read in what is kept of a row: add \(unknown): string to payload.")
        }
        return names
    }
}
