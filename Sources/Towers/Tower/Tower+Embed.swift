public import Files
public import Vectors

extension Tower {
    /// The fields that a row has: those of the feature columns, or one text.
    public var fields: [TowerField] { model.fields }

    /// Whether the tower embeds plain texts: it reads one field at most that a row must have, and that is a text.
    public var takesTexts: Bool { model.textField != nil }

    /// The vectors of `texts`, one row each.
    /// - Parameters:
    ///   - role: Whether the texts are queries or documents, for models that were trained with prompts.
    ///   - threads: How many workers, the caller's thread being one of them. The vectors do not depend on it.
    ///   - progress: Called with the number of texts done so far, from any worker, one call at a time.
    /// - Throws: `cancelled` between batches when the caller's task is cancelled; `corruptData` if the weights give
    ///   something that is not a finite number; `invalidInput` if the tower reads other fields than one text.
    public func embed(
        _ texts: [String], as role: Role? = nil, threads: Int = 2, progress: (@Sendable (Int) -> Void)? = nil
    ) throws(BelfryError) -> Matrix {
        guard takesTexts else {
            throw BelfryError(
                .invalidInput, "The tower takes rows, not texts: \(fields.map(\.name).joined(separator: ", ")).",
                at: .init(file: path))
        }
        return try model.embed(texts, job(role, threads: threads, progress))
    }

    /// How many tokens are read of a text, those that the tokenizer adds included; 0 where the tower has no tokenizer.
    public func tokenCount(of text: String) -> Int { model.tokenizer.encode(text, limit: maximumTokens).count }

    /// The vectors of `rows`, one row each.
    ///
    ///     let vectors = try tower.embed([["user_id": 5, "age": 34, "genres": ["a", "b"]]])     // [1, tower.dimension]
    ///
    /// A tower of text takes objects with the field `text`. Fields that the tower does not know are ignored.
    /// - Parameters:
    ///   - role: Which prompt is put before a text: of a graph's fields before the one of its text column.
    ///   - source: What the rows are called in an error: the file that they come from.
    ///   - first: The number of the first row in an error.
    ///   - threads: How many batches are worked on at the same time. The vectors do not depend on it.
    ///   - progress: Called with the number of rows done so far, from any worker, one call at a time.
    /// - Throws: `invalidInput` that names the row and the field that is missing, of the wrong type or unknown.
    public func embed(
        _ rows: [JSON], as role: Role? = nil, source: String = "objects", first: Int = 0, threads: Int = 2,
        progress: (@Sendable (Int) -> Void)? = nil
    ) throws(BelfryError) -> Matrix {
        var job = job(role, threads: threads, progress)
        (job.source, job.firstRow) = (source, first)
        return try model.embed(rows, job)
    }

    /// The vectors of texts that the tower's own tokenizer has cut, with the tokens that it puts around a text; no prompt is put
    /// before them.
    /// - Throws: `invalidInput` for ids that are not the tokenizer's; `unsupported` where that cannot be told, or the tower is
    ///   a graph.
    public func embed(tokens: [[Int32]], threads: Int = 2) throws(BelfryError) -> Matrix {
        guard let text = model as? TextModel else {
            throw BelfryError(
                .unsupported, "A tower that is a graph takes no ids of tokens.", at: .init(file: path),
                remedy: "Send the texts.")
        }
        return try text.embed(tokens: tokens, EmbeddingJob(threads: threads))
    }

    private func job(_ role: Role?, threads: Int, _ progress: (@Sendable (Int) -> Void)?) -> EmbeddingJob {
        let prompt = prompt(role)
        return EmbeddingJob(
            prompt: prompt, skippedTokens: skippedTokens(prompt), threads: threads, progress: progress)
    }

    /// The vectors of canaries: texts, or objects' JSON texts where the tower takes fields.
    package func embed(canaries: [String]) throws(BelfryError) -> Matrix {
        try model.embed(canaries: canaries, source: path + "/" + TowerManifest.name)
    }
}

extension Tower {
    /// Throws what is wrong with `row`, as embedding it would, without embedding it.
    public func check(_ row: JSON) throws(BelfryError) { try model.features?.check(row) }

    /// The field that holds a session: the one that a row must have, if it is a list. Nil for other towers.
    package var sessionField: String? { model.features?.sessionField }

    /// The value of a field from the text of a table's cell, as the field wants it; `null` for an empty cell.
    ///
    /// A field of numbers gets a number, a field of arrays what a JSON array in the cell has. Text that is neither stays
    /// a text, which `embed` then refuses by name.
    /// - Parameter separator: What stands between the elements in the cells of a field that wants an array and names no
    ///   separator itself; nil where only JSON arrays are taken apart.
    package func value(ofCell text: String, field: String, separator: String? = nil) -> JSON {
        model.features?.value(ofCell: text, field: field, separator: separator)
            ?? (text.isEmpty ? .null : .string(text))
    }

    /// One element of a field that is a list, from its text: a number where the field's elements are numbers.
    package func value(ofElement text: String, field: String) -> JSON {
        model.features?.value(ofElement: text, field: field) ?? .string(text)
    }
}
